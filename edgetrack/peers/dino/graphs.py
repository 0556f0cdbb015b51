"""Exports Grounding DINO from a Hugging Face folder as two graphs: sentences to words, images and words to boxes.

The classes are those of the package transformers, configured by the folder's ``config.json``. Weights are read only
from ``model.safetensors``: nothing is unpickled, and no code from the folder is executed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from edgetrack._imports import require
from edgetrack.errors import MALFORMED, ExportError, reason_of
from edgetrack.export.adapters import torch_graph
from edgetrack.network.weights_file import read_weights
from edgetrack.peers.dino import BEGIN, END, NAME, STOP, Published, layout
from edgetrack.peers.hub import check_layers, folder_of, license_of, read_config, weights_file, wrong_config

_TYPE, _PARTS = "grounding-dino", {"backbone_config": "swin", "text_config": "bert"}
# Keys that would select another library or a download for the backbone, or execute code from the folder.
_OTHERS = ("backbone", "use_timm_backbone", "use_pretrained_backbone", "backbone_kwargs", "auto_map")
_SIDE, _SIDES = 800, (64, 4096)  # of the image: default without preprocessor_config.json, and limits


class DinoAdapter(Published):
    """The adapter of Grounding DINO."""

    def graphs(self, weights: Sequence[Path]) -> Mapping[str, onnx.ModelProto]:
        """``text``: ids -> words, ``detect``: image, words -> logits, boxes; phrases may have any length.

        Args:
            weights: the folder of the model.

        Raises:
            ExportError: the folder does not contain this model.
            MissingExtra: transformers is not installed.
        """
        folder = folder_of(weights, NAME, "vocab.txt and preprocessor_config.json")
        transformers = require("transformers", extra="hf")
        if int(transformers.__version__.split(".")[0]) < 5:
            raise ExportError(
                f"transformers {transformers.__version__} has a {NAME} that cannot be exported to ONNX; "
                "expected 5 or later: pip install -U transformers"
            )
        tokenizer, side = tokenizer_of(folder), _side(folder)
        network = _network(transformers, folder)
        together, positions, _ = layout([2, 1])
        ids = np.zeros(positions.shape, np.int64)
        text = torch_graph(
            TextGraph(network),
            inputs={"ids": ids, "together": together, "positions": positions},
            outputs=["words"],
            dynamic={"ids": [1], "together": [1, 2], "positions": [1]},
        )
        visible = np.ones((1, side, side), np.float32)
        visible[:, side * 3 // 4 :] = 0
        detect = torch_graph(
            DetectGraph(network),
            inputs={
                "image": (1, 3, side, side),
                "visible": visible,
                "words": (1, positions.size, network.config.text_config.hidden_size),
                "together": together,
                "positions": positions,
            },
            outputs=["logits", "boxes"],
            dynamic={"words": [1], "together": [1, 2], "positions": [1]},
        )
        entries = {"kind": NAME, "tokenizer": tokenizer, "longest": str(network.config.max_text_len)}
        onnx.helper.set_model_props(text, entries)
        return {"text": text, "detect": detect}

    def license(self, weights: Sequence[Path]) -> str:
        """Return the license in the folder's model card; empty without one."""
        return license_of(weights[0])


class TextGraph(nn.Module):
    """Token ids (1, T), attention mask (1, T, T) and positions (1, T) to word features (1, T, D)."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.bert = network.model.text_backbone

    def forward(self, ids: Tensor, together: Tensor, positions: Tensor) -> Tensor:
        kinds = torch.zeros_like(ids)
        rows = self.bert.embeddings(input_ids=ids, token_type_ids=kinds, position_ids=positions)
        # the mask is added to the attention scores; booleans would be added as 1 and 0
        apart = (1 - together[:, None].to(rows.dtype)) * torch.finfo(rows.dtype).min
        words: Tensor = self.bert.encoder(rows, attention_mask=apart)[0]
        return words


class DetectGraph(nn.Module):
    """Image, mask of the frame in it, and words from ``TextGraph``, to logits (1, P, T) and boxes (1, P, 4).

    Boxes are given by center and size in units of the frame.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network, self.source = network, sys.modules[type(network).__module__]
        network.model.text_backbone = _Given()
        network.model.encoder_output_class_embed = _Fits()
        network.class_embed = nn.ModuleList(_Fits() for _ in network.class_embed)

    def forward(
        self, image: Tensor, visible: Tensor, words: Tensor, together: Tensor, positions: Tensor
    ) -> tuple[Tensor, Tensor]:
        # The network splits ids with operators that ONNX lacks, and has assertions that an export cannot check.
        others = {
            "generate_masks_with_special_tokens_and_transfer_map": lambda *_, **__: (together, positions),
            "torch_compilable_check": lambda *_: None,
        }
        with _replaced(self.source, others):
            found = self.network(
                pixel_values=image,
                input_ids=words,
                token_type_ids=positions,
                attention_mask=torch.ones_like(positions),
                pixel_mask=visible,
                return_dict=True,
            )
        return found.logits, found.pred_boxes


@contextmanager
def _replaced(module: ModuleType, functions: Mapping[str, Any]) -> Iterator[None]:
    """Replace functions of a module temporarily."""
    kept = {name: getattr(module, name) for name in functions}
    vars(module).update(functions)
    try:
        yield
    finally:
        vars(module).update(kept)


class _Given(nn.Module):
    """Replaces BERT if its output is passed instead of ids."""

    def forward(self, words: Tensor, *_: Any, **__: Any) -> Any:
        from transformers.modeling_outputs import BaseModelOutput

        return BaseModelOutput(last_hidden_state=words)


class _Fits(nn.Module):
    """Similarity of each position and token, without the padding to 256 tokens of the original."""

    def forward(
        self, vision_hidden_state: Tensor, text_hidden_state: Tensor, text_token_mask: Tensor
    ) -> Tensor:
        del text_token_mask  # there is no padding
        return vision_hidden_state @ text_hidden_state.transpose(-1, -2)


def _network(transformers: Any, folder: Path) -> Any:
    values = {name: value for name, value in read_config(folder, _TYPE).items() if name not in _OTHERS}
    network_class = transformers.GroundingDinoForObjectDetection
    try:
        for part, kind in _PARTS.items():
            if values[part]["model_type"] != kind:
                raise ValueError(f"its {part} has model_type {values[part]['model_type']!r:.60}, not {kind}")
        counts = [values.get(name, 6) for name in ("encoder_layers", "decoder_layers")]
        depths = values["backbone_config"].get("depths", [2, 2, 6, 2])
        check_layers([*counts, *depths, values["text_config"].get("num_hidden_layers", 12), len(depths)])
        config = transformers.GroundingDinoConfig.from_dict(values)
        with torch.device("meta"):  # declared sizes allocate no memory
            wanted = network_class(config).state_dict()
    except Exception as error:  # transformers reports invalid configurations by various exceptions
        raise wrong_config(folder, _TYPE, error) from error
    path = weights_file(folder)
    given = read_weights(path)
    _check(path, given, wanted)
    return _filled(network_class, config, given, path)


def _check(path: Path, given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    """Raise ExportError if tensors do not match, before memory is allocated for the declared ones."""
    for name, tensor in given.items():
        if name in wanted and tensor.shape != wanted[name].shape:
            shapes = tuple(tensor.shape), tuple(wanted[name].shape)
            raise _refused(path, f"{name!r} has shape {shapes[0]}, but config.json requires {shapes[1]}")
        if not bool(torch.isfinite(tensor).all()):
            raise _refused(path, f"{name!r} has values that are not finite")
    lacking = sum(tensor.numel() for name, tensor in wanted.items() if name not in given)
    if lacking > sum(tensor.numel() for tensor in given.values()):  # some tensors are shared
        raise _refused(path, f"it lacks {lacking:,} of the parameters that config.json requires")


def _refused(path: Path, what: str) -> ExportError:
    return ExportError(f"{path} is not a checkpoint of {NAME}: {what}; expected the complete published file")


def _filled(network_class: Any, config: Any, given: Mapping[str, Tensor], path: Path) -> Any:
    """Load tensors into the network by the rules of transformers: some are shared, some are unused."""
    try:
        network, loaded = network_class.from_pretrained(
            None,
            config=config,
            state_dict=dict(given),
            dtype=torch.float32,
            attn_implementation="eager",  # the others cannot be exported to ONNX
            output_loading_info=True,
        )
    except Exception as error:  # transformers may raise anything for wrong shapes
        raise _refused(path, reason_of(error)) from error
    for kind in ("missing", "unexpected", "mismatched"):
        if names := sorted(map(str, loaded[f"{kind}_keys"])):
            raise _refused(path, f"{len(names)} tensors are {kind}, such as {names[0]!r:.100}")
    return network.eval()


def _side(folder: Path) -> int:
    """Return the side of the input image: the shorter edge in the folder's image processor."""
    path = folder / "preprocessor_config.json"
    try:
        side = (
            json.loads(path.read_text(encoding="utf-8"))["size"]["shortest_edge"] if path.exists() else _SIDE
        )
    except (OSError, *MALFORMED) as error:
        raise ExportError(
            f"{path} does not contain the image size ({reason_of(error)}); expected "
            '{"size": {"shortest_edge": 800}}'
        ) from error
    if type(side) is not int or not _SIDES[0] <= side <= _SIDES[1]:
        raise ExportError(
            f"{path} has shortest_edge {side!r:.40}; expected {_SIDES[0]} to {_SIDES[1]} pixels"
        )
    return side


def tokenizer_of(folder: Path) -> str:
    """Return BERT's lower-case word-piece tokenizer as ``tokenizer.json`` of the package tokenizers."""
    tokenizers = require("tokenizers", extra="hf")
    try:
        model = tokenizers.models.WordPiece.from_file(str(folder / "vocab.txt"), unk_token="[UNK]")
        tokenizer = tokenizers.Tokenizer(model)
        if missing := [token for token in (BEGIN, STOP, END) if tokenizer.token_to_id(token) is None]:
            raise ValueError(f"vocab.txt has no {missing[0]}")
        tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
        content: str = tokenizer.to_str()
    except Exception as error:  # the package may raise anything for damaged files
        raise ExportError(
            f"{folder} has no readable tokenizer ({reason_of(error)}); expected vocab.txt"
        ) from error
    return content
