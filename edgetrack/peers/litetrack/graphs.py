"""Exports a trained checkpoint of LiteTrack, with the same graphs as UVLTrack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgetrack.errors import ExportError
from edgetrack.network.weights_file import load_network
from edgetrack.peers.litetrack import NAME, Published
from edgetrack.peers.litetrack.network import LiteTrack
from edgetrack.peers.uvltrack.graphs import UVLTrackAdapter
from edgetrack.peers.uvltrack.network import Config


class LiteTrackAdapter(Published, UVLTrackAdapter):
    """The adapter of LiteTrack, in the size that was trained."""

    name, checkpoint = NAME, "runs/litetrack/last.pt"

    def license(self, weights: Sequence[Path]) -> str:
        """Return an empty text, because the license of trained weights is not known."""
        del weights
        return ""

    def network(self, path: Path) -> LiteTrack:
        """Load the network from a checkpoint of ``edgetrack train``.

        Raises:
            ExportError: the checkpoint does not contain this network.
        """
        network = load_network(path, Config.of, LiteTrack, unused=(), kind="LiteTrack")
        keep, cells = int(network.backbone.get_buffer("keep")), network.config.search**2
        if not 1 <= keep <= cells:
            raise ExportError(
                f"{path} is not a checkpoint of LiteTrack: it keeps {keep} of {cells} search tokens; expected what "
                "'edgetrack train' wrote"
            )
        network.backbone.select.keep = keep
        return network
