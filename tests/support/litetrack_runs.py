"""Runs of LiteTrack that are small enough for a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgetrack.peers.uvltrack.network import Config
from edgetrack.training.litetrack.recipe import Recipe

SIZE = {
    "width": 64, "depth": 4, "text_layers": 2, "text_hidden": 128, "vocabulary": 200, "template": 4, "search": 8,
    "head": 32,
}  # fmt: skip
CONFIG = Config(**SIZE)


def recipe(folder: Path, **fields: Any) -> Recipe:
    """A short run with high rates, whose vocabulary and output are in ``folder``."""
    usual = {
        "network": "litetrack", "vocabulary": str(folder / "vocab.txt"), "output": str(folder / "run"), "datasets": (),
        "size": SIZE, "keep": 24, "steps": 20, "batch": 2, "warmup_steps": 1, "learning_rate": 3e-3,
        "backbone_rate": 1e-3, "clip": 1.0, "ema": 0.6, "frozen_blocks": 2, "least_frozen": 0, "thaw_patience": 1,
        "validate_steps": 4,
    }  # fmt: skip
    return Recipe(**{**usual, **fields})
