"""Where the time of a frame goes, measured: `edgetrack bench`."""
