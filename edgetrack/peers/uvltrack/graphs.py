"""Exports a published checkpoint of UVLTrack as graphs, each of which runs only if its inputs are new.

Masked tokens are omitted instead: there is no text in box mode, no template in text mode, and no padding of sentences.
Since the softmax of the network is exactly 0 for masked tokens, the results are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from torch import Tensor, nn

from edgetrack.errors import ExportError
from edgetrack.export.adapters import torch_graph
from edgetrack.network.weights_file import load_network
from edgetrack.peers.uvltrack import NAME, PATCH, Published
from edgetrack.peers.uvltrack.network import Config, UVLTrack
from edgetrack.peers.uvltrack.vocabulary import tokenizer_json

# Unused tensors in the published files: parts of the training loss, and leftovers.
UNUSED = (
    "backbone.logit_scale",
    "backbone.vit.norm.",
    "backbone.bert.pooler.",
    "box_head.coodinate",
    *(f"box_head.prompter.{name}." for name in ("q", "kv", "proj", "norm")),
)


class UVLTrackAdapter(Published):
    """The adapter of UVLTrack-B and UVLTrack-L."""

    name, checkpoint = NAME, "UVLTrack_ep0300.pth.tar"

    def license(self, weights: Sequence[Path]) -> str:
        """Return the license of the published repository."""
        del weights
        return "MIT"

    def graphs(self, weights: Sequence[Path]) -> Mapping[str, onnx.ModelProto]:
        """Return ``text``, ``template``, ``encode``, ``head``, ``ground`` and ``prompt``; see the classes below.

        Args:
            weights: the checkpoint, and the vocabulary ``vocab.txt`` of bert-base-uncased.

        Raises:
            ExportError: the files are not those of UVLTrack.
        """
        tables = [path for path in weights if path.suffix == ".txt"]
        files = [path for path in weights if path.suffix != ".txt"]
        if len(tables) != 1 or len(files) != 1:
            raise ExportError(
                f"{self.name} got {len(files)} checkpoints and {len(tables)} vocabularies; expected one of each: "
                f"--weights {self.checkpoint} --weights vocab.txt, which comes with bert-base-uncased"
            )
        network = self.network(files[0])
        entries = {
            "tokenizer": tokenizer_json(tables[0], network.config.vocabulary),
            "search_factor": str(network.config.factor),
        }
        models = _graphs(network)  # last, because it takes longest
        onnx.helper.set_model_props(models["text"], entries)
        return models

    def network(self, path: Path) -> UVLTrack:
        """Load the network of a checkpoint.

        Raises:
            ExportError: the checkpoint does not contain this network.
        """
        return load_network(path, Config.of, UVLTrack, unused=UNUSED, kind="UVLTrack")


class TextGraph(nn.Module):
    """Ids of word pieces, int64 (1, T), to tokens (1, T, D): BERT's layers, once per sentence."""

    def __init__(self, network: UVLTrack) -> None:
        super().__init__()
        self.backbone = network.backbone

    def forward(self, ids: Tensor) -> Tensor:
        return self.backbone.text_tokens(ids)


class TemplateGraph(nn.Module):
    """Template image to tokens (1, 1 + Z, D), once per target."""

    def __init__(self, network: UVLTrack) -> None:
        super().__init__()
        self.vit = network.backbone.vit

    def forward(self, image: Tensor) -> Tensor:
        return self.vit.template_tokens(image)


class EncodeGraph(nn.Module):
    """Search image, template tokens (1, 1 + Z or 0, D) and text tokens (1, T or 0, D) to their features."""

    def __init__(self, network: UVLTrack) -> None:
        super().__init__()
        self.backbone = network.backbone

    def forward(self, image: Tensor, template: Tensor, text: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.backbone.encoded(self.backbone.vit.search_tokens(image), template, text)


class HeadGraph(nn.Module):
    """Features of a search region and prompts to the predictions for each of its cells."""

    def __init__(self, network: UVLTrack) -> None:
        super().__init__()
        self.head = network.box_head

    def forward(self, search: Tensor, prompts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.head.scores(search), self.head.likelihood(search, prompts), self.head.boxes(search)


class GroundGraph(nn.Module):
    """Features of a whole frame and the sentence's token to the predictions for each cell."""

    def __init__(self, network: UVLTrack) -> None:
        super().__init__()
        self.head = network.box_head

    def forward(self, search: Tensor, token: Tensor) -> tuple[Tensor, Tensor]:
        likely = self.head.likelihood(search, self.head.prompter.queries(token), grounding=True)
        return self.head.scores(search) * likely, self.head.boxes(search, grounding=True)


class PromptGraph(nn.Module):
    """Token (1, 1, D), features (1, Z + S, D) and target mask (1, Z + S), 0 or 1, to prompts."""

    def __init__(self, network: UVLTrack) -> None:
        super().__init__()
        self.prompter = network.box_head.prompter

    def forward(self, token: Tensor, features: Tensor, target: Tensor) -> Tensor:
        return self.prompter(token, features, target > 0.5)  # type: ignore[no-any-return]


def _graphs(network: UVLTrack) -> dict[str, onnx.ModelProto]:
    config, random = network.config, np.random.default_rng(0)
    z, s, d, words = config.template**2, config.search**2, config.width, 7
    search, template = ((1, 3, PATCH * side, PATCH * side) for side in (config.search, config.template))
    target = (random.random((1, z + s)) < 0.2).astype(np.float32)
    features, token = (1, s, d), (1, 1, d)
    return {
        "text": torch_graph(
            TextGraph(network),
            inputs={"ids": random.integers(0, config.vocabulary, (1, words))},
            outputs=["text"],
            dynamic={"ids": [1]},
        ),
        "template": torch_graph(TemplateGraph(network), inputs={"image": template}, outputs=["template"]),
        "encode": torch_graph(
            EncodeGraph(network),
            inputs={"image": search, "template": (1, 1 + z, d), "text": (1, words, d)},
            outputs=["search_features", "template_features", "text_features"],
            dynamic={"template": [1], "text": [1]},
        ),
        "head": torch_graph(
            HeadGraph(network),
            inputs={"search_features": features, "prompts": (1, 3, d)},
            outputs=["scores", "likelihoods", "boxes"],
        ),
        "ground": torch_graph(
            GroundGraph(network),
            inputs={"search_features": features, "token": token},
            outputs=["scores", "boxes"],
        ),
        "prompt": torch_graph(
            PromptGraph(network),
            inputs={"token": token, "features": (1, z + s, d), "target": target},
            outputs=["prompts"],
        ),
    }
