"""Perturbations that make a sequence harder: corrupted images, occlusion, timing, other texts."""
