"""Training samples from stills and videos; every draw is from a `numpy.random.Generator`."""
