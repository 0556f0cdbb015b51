"""Tracks in unlabeled video, found by a teacher."""
