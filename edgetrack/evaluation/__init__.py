"""Measuring trackers: metrics, protocols, and the report of ``edgetrack eval``."""
