"""Weights given by the name of a model on the Hugging Face hub."""

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
    """Replace the package; return the recorded requests."""
    asked: list[Any] = []

    def snapshot_download(name: str, *, allow_patterns: list[str]) -> str:
        asked.append((name, allow_patterns))
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=snapshot_download))
    return asked


def test_only_the_needed_files_are_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code and pickled weights are not downloaded."""
    monkeypatch.chdir(tmp_path)
    asked = hub(monkeypatch, tmp_path / "snapshot")
    assert downloaded([NAME]) == [tmp_path / "snapshot"]
    ((name, files),) = asked
    assert name == "google/owlv2-base-patch16-ensemble"
    assert {"config.json", "model.safetensors", "vocab.json", "vocab.txt"} < set(files)
    assert not [file for file in files if file.endswith((".py", ".bin")) or "*" in file]


def test_local_folder_is_not_requested_from_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    asked = hub(monkeypatch, tmp_path)
    NAME.mkdir(parents=True)
    assert downloaded([NAME]) == [NAME]
    assert asked == []


def test_failed_download_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    asked = hub(monkeypatch, OSError("no network"))
    with pytest.raises(ExportError, match=r"neither a folder nor a model .* \(OSError: no network\)"):
        downloaded([NAME])
    with pytest.raises(ExportError, match="gone do not exist; expected the folder of a model, or its name"):
        downloaded([tmp_path / "gone"])
    assert len(asked) == 1
