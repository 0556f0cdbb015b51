"""Readers of the training material: annotated images and videos."""
