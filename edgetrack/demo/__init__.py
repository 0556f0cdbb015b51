"""A short street scene that draws itself: something to follow without a camera and without a download."""

from edgetrack.demo.scene import Scene, open_demo

__all__ = ["Scene", "open_demo"]
