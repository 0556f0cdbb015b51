"""Measures how much time each stage of a frame takes: `edgetrack bench`."""
