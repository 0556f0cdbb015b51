"""Training samples from images and videos; all randomness comes from a `numpy.random.Generator`."""
