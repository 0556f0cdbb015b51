"""Metrics of sequences, of runs, and of comparisons between runs."""
