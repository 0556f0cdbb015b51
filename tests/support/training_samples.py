"""What a short run of training can learn: a bright square on a dark ground, named by a word or by a template."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edgetrack.training.recipe import Recipe

PLACES = ((0.15, 0.2), (0.5, 0.55))  # of the left upper corner, as shares of the picture


class Sentences:
    """A text encoder that says the same of all sentences."""

    def encode(self, texts: list[str]) -> tuple[Any, Any]:
        return torch.ones(len(texts), 24, 384), torch.ones(len(texts), 24)


def squares(grounding_side: int = 96, level: int = 250) -> Callable[[str], dict[str, Any]]:
    """The arrays of a batch of either kind, the same each time."""

    def samples(kind: str) -> dict[str, Any]:
        side = 256 if kind == "tracking" else grounding_side
        image, boxes = np.full((2, side, side, 3), 60, np.uint8), np.zeros((2, 4), np.float32)
        for pixels, box, (x, y) in zip(image, boxes, PLACES, strict=True):
            left, top, size = int(x * side), int(y * side), side // 3
            pixels[top : top + size, left : left + size] = level
            box[:] = left, top, size, size
        template, target = np.full((2, 128, 128, 3), level, np.uint8), np.ones((2, 8, 8), np.float32)
        recent = {"recent": template, "recent_target": target} if kind == "tracking" else {}
        return {
            "search" if kind == "tracking" else "image": image,
            "template": template,
            "target": target,
            "box": boxes,
            "present": np.ones(2, np.float32),
            "caption": ["square", ""],
            **recent,
        }

    return samples


def held_out(samples: Callable[[str], dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return {kind: [samples(kind)] for kind in ("tracking", "grounding")}


def recipe(output: Path, **fields: Any) -> Recipe:
    """Small pictures, and rates at which all but the lowest stages of the trunk learn at once."""
    usual = {
        "warmup_steps": 3, "search_side": 96, "learning_rate": 1.5e-3, "trunk_rate": 7e-4, "ema": 0.7,
        "frozen_blocks": 6, "seed": 1,
    }  # fmt: skip
    return Recipe(name="t", data="", teachers="", text="", output=str(output), **{**usual, **fields})


def random_trunk(trunk: Any, path: Path) -> None:
    """In place of the ImageNet weights, random ones through which a signal passes."""
    for module in trunk.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            torch.nn.init.zeros_(module.bias)
