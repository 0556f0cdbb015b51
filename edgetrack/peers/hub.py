"""A model's folder, as Hugging Face's hub has it: read as data alone. No code of it runs, and nothing is unpickled."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgetrack._imports import require
from edgetrack.errors import MALFORMED, ExportError, reason_of

MOST_LAYERS = 100  # of a part; the largest published model has 24
_MODEL = re.compile(r"[\w.-]+/[\w.-]+")  # owner and name, as the hub has them
_FILES = [
    *("README.md", "config.json", "preprocessor_config.json", "model.safetensors"),
    *("merges.txt", "vocab.json", "vocab.txt"),
]


def downloaded(weights: Sequence[Path]) -> list[Path]:
    """``weights`` with the name of a model on the hub, google/owlv2-base-patch16-ensemble, as the folder of its files.

    What exists here is taken as it is. Of a model only what is read is downloaded, into the hub's own cache.

    Raises:
        ExportError: there is no such folder, and no such model can be had.
        MissingExtra: huggingface_hub, which comes with transformers, is not installed.
    """
    return [path if path.exists() else _download(path) for path in weights]


def _download(path: Path) -> Path:
    name = path.as_posix()
    if not _MODEL.fullmatch(name):
        raise ExportError(
            f"weights {path} do not exist; expected the folder of a model, or its name on Hugging Face's hub, such as "
            "google/owlv2-base-patch16-ensemble"
        )
    hub = require("huggingface_hub", extra="hf")
    try:
        return Path(hub.snapshot_download(name, allow_patterns=_FILES))
    except Exception as error:  # of the network, of the hub, of the disk
        raise ExportError(
            f"weights {path} are no folder here, and no model that can be downloaded from Hugging Face's hub "
            f"({reason_of(error)}); expected one of both"
        ) from error


def folder_of(weights: Sequence[Path], kind: str, files: str) -> Path:
    """The one folder that was given as weights.

    Args:
        weights: what was given.
        kind: what the model is called.
        files: that belong into it beside configuration and weights.

    Raises:
        ExportError: it is none.
    """
    if len(weights) != 1 or not weights[0].is_dir():
        raise ExportError(
            f"{kind} got {', '.join(map(str, weights))}; expected the folder of the model, as Hugging Face's hub has "
            f"it: --weights FOLDER with config.json, model.safetensors, {files}"
        )
    return weights[0]


def read_config(folder: Path, model_type: str) -> dict[str, Any]:
    """The values of ``config.json``.

    Raises:
        ExportError: it is missing, damaged, or of another model.
    """
    path = folder / "config.json"
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if values["model_type"] != model_type:
            raise ValueError(f"its model_type is {values['model_type']!r:.60}")
    except (OSError, *MALFORMED) as error:
        raise wrong_config(folder, model_type, error) from error
    return values


def check_layers(counts: Sequence[Any]) -> None:
    """Raises ValueError where a part is said to have too many layers, or something else than a number of them."""
    if not all(type(n) is int and 0 < n <= MOST_LAYERS for n in counts):
        raise ValueError(f"it says {list(counts)!r:.200} layers")


def wrong_config(folder: Path, model_type: str, error: Exception) -> ExportError:
    """The error for a configuration that no network can be made of."""
    return ExportError(
        f"{folder / 'config.json'} is not that of {model_type} ({reason_of(error)}); expected the folder of the model, "
        "as the hub has it"
    )


def weights_file(folder: Path) -> Path:
    """The file of the weights.

    Raises:
        ExportError: there is none of safetensors.
    """
    path = folder / "model.safetensors"
    if not path.is_file():
        raise ExportError(f"{folder} has no model.safetensors, and pickled weights are not read; download it")
    return path


def license_of(folder: Path) -> str:
    """What the model card says, in the terms of SPDX and the hub; empty without one."""
    try:
        card = (folder / "README.md").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    said = re.search(r"\A---\n.*?^license: *([\w.+-]{1,60}) *$.*?^---$", card, re.DOTALL | re.MULTILINE)
    return said[1] if said else ""
