"""A short synthetic street scene, to try tracking without a camera or a download."""

from edgetrack.demo.scene import Scene, open_demo

__all__ = ["Scene", "open_demo"]
