"""Samples composed of cut-out objects: scenes, captions, warps and augmentation."""
