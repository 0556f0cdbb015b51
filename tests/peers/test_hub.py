"""Weights that are named as Hugging Face's hub names a model."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edgetrack.errors import ExportError
from edgetrack.peers.hub import downloaded

NAME = Path("google/owlv2-base-patch16-ensemble")


def hub(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[Any]:
    """Stands for the package; returns what it was asked for."""
    asked: list[Any] = []

    def snapshot_download(name: str, *, allow_patterns: list[str]) -> str:
        asked.append((name, allow_patterns))
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=snapshot_download))
    return asked


def test_only_what_is_read_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No code, and no pickled weights."""
    monkeypatch.chdir(tmp_path)
    asked = hub(monkeypatch, tmp_path / "snapshot")
    assert downloaded([NAME]) == [tmp_path / "snapshot"]
    ((name, files),) = asked
    assert name == "google/owlv2-base-patch16-ensemble"
    assert {"config.json", "model.safetensors", "vocab.json", "vocab.txt"} < set(files)
    assert not [file for file in files if file.endswith((".py", ".bin")) or "*" in file]


def test_what_is_here_is_not_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    asked = hub(monkeypatch, tmp_path)
    NAME.mkdir(parents=True)
    assert downloaded([NAME]) == [NAME]
    assert asked == []


def test_what_cannot_be_had_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    asked = hub(monkeypatch, OSError("no network"))
    with pytest.raises(ExportError, match=r"neither a folder nor a model .* \(OSError: no network\)"):
        downloaded([NAME])
    with pytest.raises(ExportError, match="gone do not exist; expected the folder of a model, or its name"):
        downloaded([tmp_path / "gone"])
    assert len(asked) == 1
