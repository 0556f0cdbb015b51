"""A complete bundle with random weights, small enough to export in a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

WORDS = [
    "a",
    "the",
    "red",
    "blue",
    "car",
    "van",
    "man",
    "in",
    "jacket",
    "on",
    "left",
    "small",
    "white",
    "drone",
    "##s",
]
LETTERS = [chr(c) for c in range(ord("a"), ord("z") + 1)]


def write_text_encoder(folder: Path) -> None:
    """Make a text encoder with random weights and a vocabulary of a few words and all letters."""
    import torch

    from edgetrack.network.text import CHECKPOINT, TOKENIZER, MiniLM

    torch.manual_seed(0)
    tokens = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        *WORDS,
        *LETTERS[1:],
        *(f"##{c}" for c in LETTERS if c != "s"),
    ]
    vocabulary = {token: row for row, token in enumerate(tokens)}
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(MiniLM(len(vocabulary)).state_dict(), folder / CHECKPOINT)
    (folder / TOKENIZER).write_text(json.dumps(_tokenizer(vocabulary)), encoding="utf-8")


def write_checkpoint(path: Path, **entries: Any) -> None:
    """Make a checkpoint of the untrained network; ``entries`` replace some of it."""
    import torch

    from edgetrack.network.network import EdgetrackNet

    torch.manual_seed(1)
    network = EdgetrackNet()
    torch.nn.init.normal_(
        network.text_film.weight, std=0.02
    )  # zero before training: would hide the text's path
    thresholds = {"present": 0.5}
    values = {"model": network.state_dict(), "config": {}, "step": 0, "recipe": {}, "thresholds": thresholds}
    torch.save({**values, **entries}, path)


def _tokenizer(vocabulary: dict[str, int]) -> dict[str, Any]:
    def special(token: str) -> dict[str, Any]:
        return {"id": token, "ids": [vocabulary[token]], "tokens": [token]}

    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [
                {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
            ],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"[CLS]": special("[CLS]"), "[SEP]": special("[SEP]")},
        },
        "decoder": None,
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocabulary,
        },
    }


def write_fake_bundle(folder: Path, **changes: Any) -> Path:
    """A bundle of the right form whose graphs no engine can read: enough for opening, without torch.

    They are ONNX as far as ``Bundle.open`` looks: a field of a file, damaged inside.

    ``changes`` replace entries of the manifest; None removes one.
    """
    import hashlib

    from edgetrack.bundle import GRAPHS, ROLES

    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for role in ROLES:
        data, end = f"the {role}".encode(), "bin"
        if role in GRAPHS:
            data, end = bytes([8 << 3 | 2, len(data)]) + data, "onnx"
        (folder / f"{role}.{end}").write_bytes(data)
        files[role] = {"path": f"{role}.{end}", "sha256": hashlib.sha256(data).hexdigest()}
    spec = {"dtype": "float32", "shape": [1, 2]}
    manifest: dict[str, Any] = {
        "schema": 2,
        "name": "fake",
        "version": "0.0.1",
        "license": "Apache-2.0",
        "parameters": 7,
        "sizes": {"template": 128, "search": 256, "grounding": 320},
        "factors": {"template": 2.0, "search": 4.0},
        "mean": [127.5] * 3,
        "std": [127.5] * 3,
        "fill": [127.5] * 3,
        "text_length": 24,
        "thresholds": {"present": 0.5},
        "files": files,
        "tensors": {role: {"inputs": {"x": spec}, "outputs": {"y": spec}} for role in GRAPHS},
    }
    manifest = {k: v for k, v in {**manifest, **changes}.items() if v is not None}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def without(bundle: Any, *roles: str) -> Any:
    """Return the bundle without these graphs."""
    from dataclasses import replace

    from edgetrack.bundle import Bundle

    manifest = bundle.manifest
    tensors = {role: spec for role, spec in manifest.tensors.items() if role not in roles}
    return Bundle(bundle.folder, replace(manifest, tensors=tensors))


def without_eye(bundle: Any) -> Any:
    """Return the bundle without a grounding network: texts are searched by "ground" alone."""
    from edgetrack.bundle import EYE

    return without(bundle, *EYE)
