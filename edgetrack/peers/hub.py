"""Reads a model's folder in Hugging Face's format as data: none of its code is executed, nothing is unpickled."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgetrack._imports import require
from edgetrack.errors import MALFORMED, ExportError, reason_of

MOST_LAYERS = 100  # maximum per part; the largest published model has 24
_MODEL = re.compile(r"[\w.-]+/[\w.-]+")  # OWNER/NAME on the hub
_FILES = [
    *("README.md", "config.json", "preprocessor_config.json", "model.safetensors"),
    *("merges.txt", "vocab.json", "vocab.txt"),
]


def downloaded(weights: Sequence[Path]) -> list[Path]:
    """Return ``weights`` with a model name on the hub, google/owlv2-base-patch16-ensemble, replaced by its folder.

    Existing local paths are not changed. Only the files of a model that are read are downloaded, into the hub's cache.

    Raises:
        ExportError: there is no such folder, and no such model can be downloaded.
        MissingExtra: huggingface_hub, which comes with transformers, is not installed.
    """
    return [path if path.exists() else _download(path) for path in weights]


def _download(path: Path) -> Path:
    name = path.as_posix()
    if not _MODEL.fullmatch(name):
        raise ExportError(
            f"weights {path} do not exist; expected the folder of a model, or its name on the Hugging Face "
            "hub, such as google/owlv2-base-patch16-ensemble"
        )
    hub = require("huggingface_hub", extra="hf")
    try:
        return Path(hub.snapshot_download(name, allow_patterns=_FILES))
    except Exception as error:  # errors of the network, the hub or the disk
        raise ExportError(
            f"weights {path} are neither a folder nor a model that can be downloaded from the Hugging Face hub "
            f"({reason_of(error)}); expected one of them"
        ) from error


def folder_of(weights: Sequence[Path], kind: str, files: str) -> Path:
    """Return the single folder that was given as weights.

    Args:
        weights: the given paths.
        kind: name of the model.
        files: further required files, in addition to configuration and weights.

    Raises:
        ExportError: it is not a single folder.
    """
    if len(weights) != 1 or not weights[0].is_dir():
        raise ExportError(
            f"{kind} got {', '.join(map(str, weights))}; expected the folder of the model, as on the Hugging Face "
            f"hub: --weights FOLDER with config.json, model.safetensors, {files}"
        )
    return weights[0]


def read_config(folder: Path, model_type: str) -> dict[str, Any]:
    """Return the values of ``config.json``.

    Raises:
        ExportError: it is missing, damaged, or belongs to another model.
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
    """Raise ValueError if the number of layers of a part is too large or not a number."""
    if not all(type(n) is int and 0 < n <= MOST_LAYERS for n in counts):
        raise ValueError(f"its numbers of layers are {list(counts)!r:.200}")


def wrong_config(folder: Path, model_type: str, error: Exception) -> ExportError:
    """Return the error for a configuration from which no network can be built."""
    return ExportError(
        f"{folder / 'config.json'} does not describe {model_type} ({reason_of(error)}); expected the folder "
        "of the model, as on the hub"
    )


def weights_file(folder: Path) -> Path:
    """Return the path of the weights.

    Raises:
        ExportError: there is no safetensors file.
    """
    path = folder / "model.safetensors"
    if not path.is_file():
        raise ExportError(
            f"{folder} has no model.safetensors, and pickled weights are not read; download model.safetensors"
        )
    return path


def license_of(folder: Path) -> str:
    """Return the license in the model card, as an SPDX or hub identifier; empty without one."""
    try:
        card = (folder / "README.md").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    said = re.search(r"\A---\n.*?^license: *([\w.+-]{1,60}) *$.*?^---$", card, re.DOTALL | re.MULTILINE)
    return said[1] if said else ""
