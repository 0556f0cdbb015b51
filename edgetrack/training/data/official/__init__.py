"""Samples from official data sets: sequences, and images with sentences."""
