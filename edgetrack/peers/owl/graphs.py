"""Exports OWL-ViT or OWLv2 from a Hugging Face folder as two graphs: sentences to queries, images and queries to boxes.

The classes are those of the package transformers, configured by the folder's ``config.json``. Weights are read only
from ``model.safetensors``: nothing is unpickled, and no code from the folder is executed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from edgetrack._imports import require
from edgetrack.errors import MALFORMED, ExportError, reason_of
from edgetrack.export.adapters import torch_graph
from edgetrack.network.weights_file import fitting, read_weights
from edgetrack.peers.hub import check_layers, folder_of, license_of, read_config, weights_file, wrong_config
from edgetrack.peers.owl import TEXT_LENGTH, Published

_CLASSES = {
    "owlv2": ("Owlv2Config", "Owlv2ForObjectDetection"),
    "owlvit": ("OwlViTConfig", "OwlViTForObjectDetection"),
}
_UNUSED = (".position_ids", "box_bias")  # tensors in older files
# At 960 pixels, boxes in float32 and float64 differ by 1e-4 of the image, and two float32 implementations by more.
_TOLERANCE = 5e-4
_BEGIN, _END = "<|startoftext|>", "<|endoftext|>"
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


class OwlAdapter(Published):
    """The adapter of OWL-ViT or OWLv2.

    Args:
        name: "owlvit" or "owlv2".
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def graphs(self, weights: Sequence[Path]) -> Mapping[str, onnx.ModelProto]:
        """``text``: ids -> queries, ``detect``: image, queries -> logits, boxes.

        Args:
            weights: the folder of the model.

        Raises:
            ExportError: the folder does not contain this model.
            MissingExtra: transformers is not installed.
        """
        folder = folder_of(weights, self._name, "vocab.json and merges.txt")
        network = self._network(require("transformers", extra="hf"), folder)
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
                tolerance=_TOLERANCE,
            ),
        }
        entries = {"kind": self._name, "tokenizer": _tokenizer(folder)}
        onnx.helper.set_model_props(models["text"], entries)
        return models

    def license(self, weights: Sequence[Path]) -> str:
        """Return the license in the folder's model card; empty without one."""
        return license_of(weights[0])

    def _network(self, transformers: Any, folder: Path) -> Any:
        values = read_config(folder, self._name)
        try:
            parts = ("text_config", "vision_config")
            check_layers([values.get(part, {}).get("num_hidden_layers", 12) for part in parts])
            config_class, network_class = (getattr(transformers, name) for name in _CLASSES[self._name])
            config = config_class.from_dict(values)
            config._attn_implementation = "eager"  # the others cannot be exported to ONNX
            with torch.device("meta"):
                wanted = network_class(config).state_dict()
        except (OSError, RuntimeError, *MALFORMED) as error:
            raise wrong_config(folder, self._name, error) from error
        path = weights_file(folder)
        taken = fitting(path, read_weights(path), wanted, unused=_UNUSED, kind=self._name)
        network = network_class(config)
        network.load_state_dict(taken)
        return network.eval()


class TextGraph(nn.Module):
    """Token ids, int64 (N, 16), to queries (N, D)."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.inner = getattr(network, network.base_model_prefix)

    def forward(self, ids: Tensor) -> Tensor:
        # attention is causal and the end token represents the sentence, so that padding has no effect
        rows: Tensor = self.inner.text_projection(self.inner.text_model(input_ids=ids)[1])
        queries: Tensor = rows / rows.norm(dim=-1, keepdim=True)
        return queries


class DetectGraph(nn.Module):
    """Image (1, 3, S, S) and queries (N, D) to logits (1, P, N) and boxes (1, P, 4), in units of the image."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, queries: Tensor) -> tuple[Tensor, Tensor]:
        cells = self.network.image_embedder(pixel_values=image)[0]
        features = cells.flatten(1, 2)
        logits: Tensor = self.network.class_predictor(features, queries[None])[0]
        return logits, self.network.box_predictor(features, cells)


def _tokenizer(folder: Path) -> str:
    """Return CLIP's byte-pair tokenizer as ``tokenizer.json`` of the package tokenizers.

    The class in transformers has different names for these files up to version 4 and from version 5, and silently
    ignores unknown names. Therefore, this function builds the same tokenizer as CLIPTokenizerFast of version 4.
    """
    tokenizers = require("tokenizers", extra="hf")
    parts, files = tokenizers.pre_tokenizers, (str(folder / "vocab.json"), str(folder / "merges.txt"))
    try:
        model = tokenizers.models.BPE.from_file(
            *files, continuing_subword_prefix="", end_of_word_suffix="</w>", fuse_unk=False, unk_token=_END
        )
        tokenizer = tokenizers.Tokenizer(model)
        begin, end = (tokenizer.token_to_id(token) for token in (_BEGIN, _END))
        if begin is None or end is None:
            raise ValueError(f"vocab.json has no {_BEGIN if begin is None else _END}")
        tokenizer.add_special_tokens([_BEGIN, _END])
        rules = tokenizers.normalizers
        tokenizer.normalizer = rules.Sequence(
            [rules.NFC(), rules.Replace(tokenizers.Regex(r"\s+"), " "), rules.Lowercase()]
        )
        words = parts.Split(tokenizers.Regex(_WORDS), behavior="removed", invert=True)
        tokenizer.pre_tokenizer = parts.Sequence([words, parts.ByteLevel(add_prefix_space=False)])
        # positional, because the names of these arguments changed in tokenizers 0.23
        tokenizer.post_processor = tokenizers.processors.RobertaProcessing(
            (_END, end), (_BEGIN, begin), False, False
        )
        content: str = tokenizer.to_str()
    except Exception as error:  # the package may raise anything for damaged files
        raise ExportError(
            f"{folder} has no readable tokenizer ({reason_of(error)}); expected vocab.json and merges.txt"
        ) from error
    return content
