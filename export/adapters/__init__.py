"""Trackers of others in ONNX Runtime: to compare with, on the same frames."""
