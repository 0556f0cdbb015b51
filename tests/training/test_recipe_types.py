"""A recipe with a value of the wrong type is rejected before training starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")

from edgetrack.errors import ConfigError
from edgetrack.training.litetrack.recipe import Recipe as LiteTrack
from edgetrack.training.masks import train as masks
from edgetrack.training.recipe import Recipe
from edgetrack.training.recipe_file import read_recipe

GOOD = 'name = "a"\ndata = "d"\nteachers = "t"\ntext = "t"\noutput = "o"\n'
SLIPS = {
    "name = -1": "a string in quotes",
    "steps = nan": "a whole number, 0 or more",
    "steps = 2.0": "a whole number, 0 or more",
    "steps = true": "a whole number, 0 or more",
    "warmup_steps = -1": "a whole number, 0 or more",
    'seed = "x"': "a whole number, 0 or more",
    'distill = "no"': "a number, 0 or more",
    "learning_rate = inf": "a number, 0 or more",
    "learning_rate = -1": "a number, 0 or more",
    'quantize_aware = "false"': "true or false",
    'folders = "train"': "a list",
    "keep_buckets = 3": "a list",
}


@pytest.mark.parametrize(("line", "expected"), SLIPS.items())
def test_value_of_the_wrong_type_is_rejected(tmp_path: Path, line: str, expected: str) -> None:
    path = tmp_path / "a.toml"
    key = line.partition(" ")[0]
    path.write_text(
        "\n".join(one for one in GOOD.splitlines() if not one.startswith(f"{key} ")) + f"\n{line}\n"
    )
    with pytest.raises(ConfigError, match=rf"a\.toml: {key} is .*; expected {expected}"):
        Recipe.load(path)


@pytest.mark.parametrize(
    ("load", "lines"),
    [
        (lambda path: read_recipe(masks.Recipe, path), 'everything = "no"'),
        (lambda path: read_recipe(masks.Recipe, path), "steps = nan"),
        (LiteTrack.load, "size = 3"),
        (LiteTrack.load, "clip = nan"),
    ],
)
def test_other_recipes_are_checked_in_the_same_way(
    tmp_path: Path, load: Callable[[Path], Any], lines: str, repository: Path
) -> None:
    shipped = "litetrack.toml" if load == LiteTrack.load else "masks.toml"
    key = lines.partition(" ")[0]
    text = (repository / "edgetrack/training/recipes" / shipped).read_text()
    kept = [line for line in text.splitlines() if not line.startswith((f"{key} ", f"{key}.", f"[{key}]"))]
    path = tmp_path / "a.toml"
    path.write_text(f"{lines}\n" + "\n".join(kept))
    with pytest.raises(ConfigError, match=f"{key} is .*; expected "):
        load(path)
