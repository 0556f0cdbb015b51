"""Exports a published checkpoint of SUTrack as graphs, each of which runs only if its inputs are new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from edgetrack.errors import ExportError, reason_of
from edgetrack.export.adapters import torch_graph
from edgetrack.network.weights_file import load_network
from edgetrack.peers import Mode
from edgetrack.peers.layers import PATCH, CellBoxes
from edgetrack.peers.sutrack import NAME, Published, tokenizer_of
from edgetrack.peers.sutrack.config import Config
from edgetrack.peers.sutrack.network import SUTrack

# Unused tensors in the published files: CLIP's image encoder, layers of the training loss, norms.
UNUSED = (
    "text_encoder.clip.visual.",
    "text_encoder.clip.logit_scale",
    "text_encoder.norm",
    "task_decoder.",
    "num_batches_tracked",
)


class SUTrackAdapter(Published):
    """The adapter of SUTrack with Fast-iTPN: T224, B224, B384, L224, L384."""

    modes: tuple[Mode, ...] = ("bbox",)  # with a tokenizer, also a text with the box

    def license(self, weights: Sequence[Path]) -> str:
        """Return the license of the published repository."""
        del weights
        return "MIT"

    def graphs(self, weights: Sequence[Path]) -> Mapping[str, onnx.ModelProto]:
        """Return ``template`` and ``search``, and with a tokenizer ``text``; see the classes below.

        Args:
            weights: the published checkpoint; and ``tokenizer.json`` of CLIP, without which the bundle takes no texts.

        Raises:
            ExportError: the files are not those of SUTrack.
        """
        tables = [path for path in weights if path.suffix == ".json"]
        files = [path for path in weights if path.suffix != ".json"]
        if len(files) != 1 or len(tables) > 1:
            raise ExportError(
                f"{NAME} got {len(files)} checkpoints and {len(tables)} tokenizers; expected --weights "
                "SUTRACK_ep0180.pth.tar, and for texts --weights tokenizer.json of clip-vit-large-patch14"
            )
        network = load_network(files[0], Config.of, SUTrack, unused=UNUSED, kind="SUTrack")
        models = _graphs(network)
        self.modes = ("bbox", "nlbbox") if tables else ("bbox",)
        if tables:
            models["text"] = _text_graph(network, tables[0])
        return models


class TemplateGraph(nn.Module):
    """Pair (1, 6, h, w) and coverage by the box (1, Z) to tokens (1, Z + 1, D), once per template.

    The last token stands for an empty sentence, and is replaced by that of a sentence.
    """

    def __init__(self, network: SUTrack) -> None:
        super().__init__()
        self.body = network.body
        with torch.no_grad():
            self.register_buffer("silence", network.text_encoder(torch.zeros(1, 1, dtype=torch.int64)))

    def forward(self, pair: Tensor, inside: Tensor) -> Tensor:
        return torch.cat([self.body.template_tokens(pair, inside), self.get_buffer("silence")], 1)


class SearchGraph(nn.Module):
    """Pair (1, 6, h, w) and the target's tokens (1, N * Z + 1, D) to scores (1, S) and boxes (1, S, 4)."""

    def __init__(self, network: SUTrack) -> None:
        super().__init__()
        self.network, self.boxes = network, CellBoxes(network.config.search)

    def forward(self, pair: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        return self.boxes(*self.network(pair, target))  # type: ignore[no-any-return]


def _graphs(network: SUTrack) -> dict[str, onnx.ModelProto]:
    config = network.config
    cells, (z, s) = config.template**2, (PATCH * side for side in (config.template, config.search))
    target = (1, config.templates * cells + 1, config.width)
    return {
        "template": torch_graph(
            TemplateGraph(network), inputs={"pair": (1, 6, z, z), "inside": (1, cells)}, outputs=["target"]
        ),
        "search": torch_graph(
            SearchGraph(network),
            inputs={"pair": (1, 6, s, s), "target": target},
            outputs=["scores", "boxes"],
        ),
    }


def _text_graph(network: SUTrack, path: Path) -> onnx.ModelProto:
    """Return the graph from ids of a sentence, int64 (1, T), to its token (1, 1, D), with the tokenizer inside.

    Raises:
        ExportError: the tokenizer cannot be read, or does not match.
    """
    config = network.config
    try:
        content = path.read_text(encoding="utf-8")
        size = tokenizer_of(content).get_vocab_size()
    except Exception as error:  # tokenizers' errors have no common base class except Exception
        raise ExportError(
            f"tokenizer {path} cannot be read ({reason_of(error)}); download it again"
        ) from error
    if size != config.vocabulary:
        raise ExportError(
            f"tokenizer {path} has {size:,} word pieces, but this checkpoint was trained with {config.vocabulary:,}; "
            "expected tokenizer.json of clip-vit-large-patch14"
        )
    model = torch_graph(
        network.text_encoder,
        inputs={"ids": np.random.default_rng(0).integers(0, size, (1, 7))},
        outputs=["sentence"],
        dynamic={"ids": [1]},
    )
    onnx.helper.set_model_props(model, {"tokenizer": content, "length": str(config.text_length)})
    return model
