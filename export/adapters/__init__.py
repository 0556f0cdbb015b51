"""Convert third-party weights to a bundle that every command runs like edgetrack's own."""

from __future__ import annotations

from edgetrack.export.adapters.graphs import torch_graph

__all__ = ["torch_graph"]
