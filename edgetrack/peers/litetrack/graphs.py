"""A trained checkpoint of LiteTrack as graphs, which are those of UVLTrack."""

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
    """LiteTrack of the size that was trained."""

    name, checkpoint = NAME, "runs/litetrack/last.pt"

    def license(self, weights: Sequence[Path]) -> str:
        """Nothing: whose weights they are is not known."""
        del weights
        return ""

    def network(self, path: Path) -> LiteTrack:
        """The network of a checkpoint that ``edgetrack train`` wrote.

        Raises:
            ExportError: it is none of this network.
        """
        network = load_network(path, Config.of, LiteTrack, unused=(), kind="LiteTrack")
        keep, cells = int(network.backbone.get_buffer("keep")), network.config.search**2
        if not 1 <= keep <= cells:
            raise ExportError(
                f"{path} is no checkpoint of LiteTrack: it keeps {keep} of {cells} search tokens; expected what "
                "'edgetrack train' wrote"
            )
        network.backbone.select.keep = keep
        return network
