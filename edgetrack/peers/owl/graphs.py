"""OWL-ViT or OWLv2 in a folder of Hugging Face's as two graphs: sentences to queries, pictures and queries to boxes.

The classes are those of the package transformers, made by the folder's ``config.json``. The weights are read from
``model.safetensors`` alone: nothing is unpickled, and no code of the folder runs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from edgetrack._imports import require
from edgetrack.errors import ExportError, reason_of
from edgetrack.export.adapters import torch_graph
from edgetrack.export.weights_file import fitting, read_weights
from edgetrack.peers.owl import TEXT_LENGTH, Published

_CLASSES = {
    "owlv2": ("Owlv2Config", "Owlv2ForObjectDetection"),
    "owlvit": ("OwlViTConfig", "OwlViTForObjectDetection"),
}
_DEEPEST = 100  # layers; the largest published model has 24
_UNUSED = (".position_ids", "box_bias")  # that older files have


class OwlAdapter(Published):
    """OWL-ViT or OWLv2.

    Args:
        name: "owlvit" or "owlv2".
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def graphs(self, weights: Sequence[Path]) -> Mapping[str, onnx.ModelProto]:
        """``text``: ids -> queries, ``detect``: image, queries -> logits, boxes.

        Args:
            weights: the folder.

        Raises:
            ExportError: it is none of this model.
            MissingExtra: transformers is not installed.
        """
        if len(weights) != 1 or not weights[0].is_dir():
            raise ExportError(
                f"{self._name} got {', '.join(map(str, weights))}; expected the folder of the model, as Hugging Face's "
                "hub has it: --weights FOLDER with config.json, model.safetensors, vocab.json and merges.txt"
            )
        transformers = require("transformers", extra="hf")
        network, folder = self._network(transformers, weights[0]), weights[0]
        size, width = network.config.vision_config.image_size, network.config.projection_dim
        ids = np.zeros((3, TEXT_LENGTH), np.int64)
        ids[:, 1] = network.config.text_config.eos_token_id
        models = {
            "text": torch_graph(
                TextGraph(network), inputs={"ids": ids}, outputs=["queries"], dynamic={"ids": [0]}
            ),
            "detect": torch_graph(
                DetectGraph(network),
                inputs={"image": (1, 3, size, size), "queries": (3, width)},
                outputs=["logits", "boxes"],
                dynamic={"queries": [0]},
            ),
        }
        entries = {"kind": self._name, "tokenizer": _tokenizer(transformers, folder)}
        onnx.helper.set_model_props(models["text"], entries)
        return models

    def license(self, weights: Sequence[Path]) -> str:
        """What the model card in the folder says, in the terms of SPDX and the hub; empty without one."""
        card = weights[0] / "README.md"
        said = re.search(
            r"\A---\n.*?^license: *([\w.+-]{1,60}) *$.*?^---$", _text(card), re.DOTALL | re.MULTILINE
        )
        return said[1] if said else ""

    def _network(self, transformers: Any, folder: Path) -> Any:
        try:
            values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            if values["model_type"] != self._name:
                raise ValueError(f"its model_type is {values['model_type']!r:.60}")
            layers = [
                values.get(part, {}).get("num_hidden_layers", 12) for part in ("text_config", "vision_config")
            ]
            if not all(type(n) is int and 0 < n <= _DEEPEST for n in layers):
                raise ValueError(f"it says {layers} layers")
            config_class, network_class = (getattr(transformers, name) for name in _CLASSES[self._name])
            config = config_class.from_dict(values)
            config._attn_implementation = "eager"  # the others do not become ONNX
            with torch.device("meta"):
                wanted = network_class(config).state_dict()
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
            raise ExportError(
                f"{folder / 'config.json'} is not that of {self._name} ({reason_of(error)}); expected the folder of "
                "the model, as the hub has it"
            ) from error
        path = folder / "model.safetensors"
        if not path.is_file():
            raise ExportError(
                f"{folder} has no model.safetensors, and pickled weights are not read; download it"
            )
        taken = fitting(path, read_weights(path), wanted, unused=_UNUSED, kind=self._name)
        network = network_class(config)
        network.load_state_dict(taken)
        return network.eval()


class TextGraph(nn.Module):
    """Ids of tokens, int64 (N, 16), to queries (N, D)."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.inner = getattr(network, network.base_model_prefix)

    def forward(self, ids: Tensor) -> Tensor:
        # a token sees those before it, and the sentence's end stands for it: padding is seen by nothing
        rows: Tensor = self.inner.text_projection(self.inner.text_model(input_ids=ids)[1])
        queries: Tensor = rows / rows.norm(dim=-1, keepdim=True)
        return queries


class DetectGraph(nn.Module):
    """A picture (1, 3, S, S) and queries (N, D) to logits (1, P, N) and boxes (1, P, 4), in units of the picture."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, queries: Tensor) -> tuple[Tensor, Tensor]:
        cells = self.network.image_embedder(pixel_values=image)[0]
        features = cells.flatten(1, 2)
        logits: Tensor = self.network.class_predictor(features, queries[None])[0]
        return logits, self.network.box_predictor(features, cells)


def _tokenizer(transformers: Any, folder: Path) -> str:
    """CLIP's byte pairs, as the ``tokenizer.json`` of the package tokenizers."""
    try:
        files = {"vocab_file": str(folder / "vocab.json"), "merges_file": str(folder / "merges.txt")}
        content: str = transformers.CLIPTokenizerFast(**files).backend_tokenizer.to_str()
    except Exception as error:  # whatever the packages do with damaged files
        raise ExportError(
            f"{folder} has no tokenizer that can be read ({reason_of(error)}); expected vocab.json and merges.txt"
        ) from error
    return content


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
