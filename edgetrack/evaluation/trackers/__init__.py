"""Which trackers take part: edgetrack itself and those that it is compared with."""
