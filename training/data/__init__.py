"""Training samples from stills and videos: numpy and OpenCV only, every draw from a `numpy.random.Generator`."""
