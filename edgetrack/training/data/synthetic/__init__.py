"""Samples composed from cut-out instances: scenes, captions, warps and augmentation."""
