"""Tracks that a teacher finds in unlabeled video."""
