"""Runs the frames of a recording with another engine, precision or model, and compares the results."""
