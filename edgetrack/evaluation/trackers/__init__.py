"""The evaluated trackers: edgetrack itself, and those that it is compared with."""
