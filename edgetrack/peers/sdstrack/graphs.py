"""Exports a published checkpoint of SDSTrack as two graphs: template patches, and the pair of search regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from edgetrack.errors import ExportError
from edgetrack.export.adapters import torch_graph
from edgetrack.network.weights_file import load_network
from edgetrack.peers.layers import CellBoxes
from edgetrack.peers.sdstrack import NAME, PATCH, Published
from edgetrack.peers.sdstrack.network import Config, SDSTrack

# Unused leftovers from OSTrack in the published files.
UNUSED = tuple(
    f"backbone.{name}" for name in ("cls_token", "pos_embed", "pos_embed_z_z_dte", "pos_embed_x_x_dte")
)


class SDSTrackAdapter(Published):
    """The adapter of SDSTrack for depth, thermal or event images, depending on the checkpoint."""

    def license(self, weights: Sequence[Path]) -> str:
        """Return the license of the published repository."""
        del weights
        return "MIT"

    def graphs(self, weights: Sequence[Path]) -> Mapping[str, onnx.ModelProto]:
        """``template``: pair -> template, ``search``: pair, template -> scores, boxes.

        Args:
            weights: path of the published checkpoint.

        Raises:
            ExportError: it is not a checkpoint of SDSTrack.
        """
        if len(weights) != 1:
            raise ExportError(
                f"{NAME} got {len(weights)} files with weights; expected one: --weights SDSTrack.pth.tar"
            )
        network = load_network(weights[0], Config.of, SDSTrack, unused=UNUSED, kind="SDSTrack")
        z, s = (PATCH * side for side in (network.config.template, network.config.search))
        tokens = {"template": (2, network.config.template**2, network.config.width)}
        return {
            "template": torch_graph(
                TemplateGraph(network), inputs={"pair": (1, 6, z, z)}, outputs=["template"]
            ),
            "search": torch_graph(
                SearchGraph(network), inputs={"pair": (1, 6, s, s), **tokens}, outputs=["scores", "boxes"]
            ),
        }


class TemplateGraph(nn.Module):
    """Pair (1, 6, h, w) to the tokens of color and of X, (2, Z, D)."""

    def __init__(self, network: SDSTrack) -> None:
        super().__init__()
        self.backbone = network.backbone

    def forward(self, pair: Tensor) -> Tensor:
        return torch.cat(self.backbone.template_tokens(pair))


class SearchGraph(nn.Module):
    """Pair (1, 6, h, w) and template tokens to scores (1, S) and boxes (1, S, 4) in units of the image."""

    def __init__(self, network: SDSTrack) -> None:
        super().__init__()
        self.network, self.boxes = network, CellBoxes(network.config.search)

    def forward(self, pair: Tensor, template: Tensor) -> tuple[Tensor, Tensor]:
        return self.boxes(*self.network((template[:1], template[1:]), pair))  # type: ignore[no-any-return]
