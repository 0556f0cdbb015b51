"""Training of LiteTrack: its initial weights, its recipes, and invalid ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from published_weights import SHARED, small_litetrack, small_uvltrack, write_small_uvltrack

torch = pytest.importorskip("torch", reason="needs torch: pip install 'edgetrack[train]'")
pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[train]'")

from litetrack_runs import CONFIG, SIZE, recipe  # noqa: E402

from edgetrack.errors import ConfigError, ExportError, SourceError  # noqa: E402
from edgetrack.network.weights_file import read_weights  # noqa: E402
from edgetrack.peers.litetrack.network import LiteTrack  # noqa: E402
from edgetrack.peers.uvltrack.network import Config  # noqa: E402
from edgetrack.training.litetrack.initial import begin, sine_positions  # noqa: E402
from edgetrack.training.litetrack.recipe import Recipe  # noqa: E402
from edgetrack.training.litetrack.train import _parted, _sizes  # noqa: E402
from edgetrack.training.run import run as train  # noqa: E402
from edgetrack.training.worker import started  # noqa: E402


def test_training_starts_from_uvltrack_or_litetrack(tmp_path: Path) -> None:
    published, _ = write_small_uvltrack(tmp_path)
    network = LiteTrack(CONFIG, 24)
    begin(network, recipe(tmp_path, initial=str(published)))
    weights, mine = small_uvltrack(), network.state_dict()
    assert all(torch.equal(mine[name], weights[name]) for name in mine if name in weights)
    own = small_litetrack(keep=9).state_dict()
    torch.save({"model": own}, tmp_path / "own.pt")
    begin(network, recipe(tmp_path, initial=str(tmp_path / "own.pt")))
    mine = network.state_dict()
    assert int(mine.pop("backbone.keep")) == 24
    assert all(torch.equal(value, own[name]) for name, value in mine.items())


def test_training_starts_from_mae_and_bert(tmp_path: Path) -> None:
    """Their files name some tensors differently, and contain others, too."""
    weights = small_uvltrack()

    def part(name: str) -> dict[str, Any]:
        return {key.partition(name)[2]: value for key, value in weights.items() if name in key}

    added = ("pos_embed_z", "pos_embed_x", "modal_embed")
    vision = {key: value for key, value in part(".vit.").items() if key not in added}
    vision |= {"pos_embed": torch.zeros(1, 197, 64), "norm.weight": torch.zeros(64)}
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    language = {f"bert.{key}": value for key, value in part(".bert.").items()}
    for new, name in old.items():
        language = {key.replace(new, name): value for key, value in language.items()}
    language |= {"bert.encoder.layer.2.output.dense.bias": torch.zeros(64), "cls.bias": torch.zeros(200)}
    torch.save({"model": vision}, tmp_path / "mae.pth")
    torch.save(language, tmp_path / "bert.bin")
    network = LiteTrack(CONFIG, 24)
    begin(network, recipe(tmp_path, vision=str(tmp_path / "mae.pth"), language=str(tmp_path / "bert.bin")))
    mine = network.state_dict()
    for name in (
        *(f"vit.{key}" for key in vision if key in part(".vit.")),
        *(f"bert.{k}" for k in part(".bert.")),
    ):
        if not name.startswith("vit.norm."):
            assert torch.equal(mine[f"backbone.{name}"], weights[f"backbone.{name}"]), name
    with pytest.raises(ExportError, match="is not a checkpoint of UVLTrack or LiteTrack: it lacks"):
        begin(network, recipe(tmp_path, initial=str(tmp_path / "mae.pth")))
    with pytest.raises(ExportError, match="is not a checkpoint of bert-base-uncased"):
        begin(network, recipe(tmp_path, language=str(tmp_path / "mae.pth")))


def test_positions_equal_the_published_ones() -> None:
    path = SHARED / "uvltrack/uvltrack_tiny_rand.pth"
    if not path.is_file():
        pytest.skip(f"the reference weights are not here: {path} does not exist")
    known = read_weights(path)
    for name, side in (("pos_embed_z", 4), ("pos_embed_x", 8)):
        np.testing.assert_allclose(sine_positions(64, side), known[f"backbone.vit.{name}"], atol=1e-6)


def test_shipped_recipes_are_valid(repository: Path) -> None:
    found = list((repository / "edgetrack/training/recipes").glob("litetrack*.toml"))
    assert found
    for path in found:
        made = Recipe.load(path)
        assert {entry.name for entry in made.datasets} >= {"lasot", "tnl2k", "otb99-lang", "refcocog"}
        assert Config(**made.size) == Config()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('network = "litetrak"', "network = 'litetrak'; expected 'litetrack'"),
        ('network = "litetrack"\nsped = 3', r"unknown keys \['sped'\]"),
        ('network = "litetrack"\noutput = "o"', r"lacks \['datasets', 'vocabulary'\]"),
        ("steps = 0", "steps = 0; expected 1 or more"),
        ('steps = "many"', "steps is 'many'; expected a whole number"),
        ("least_frozen = 9", "least_frozen = 9 with frozen_blocks = 7"),
        ("tasks = [1, 0]", "expected three weights"),
        ("held_out = 0.0", "set held_out = 0.05, or thaw_patience = 0"),
        ('[[datasets]]\nname = "lasott"\npath = ""\nsplit = "train"', "lasott"),
        ("", r"vocabulary = 'none\.txt' does not exist; expected vocab\.txt"),
    ],
)
def test_wrong_recipes_are_rejected(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "litetrack.toml"
    needed = 'network = "litetrack"\noutput = "o"\nvocabulary = "none.txt"\n'
    text = text if text.startswith("network") else needed + ("" if "[[" in text else "datasets = []\n") + text
    path.write_text(text)
    with pytest.raises(ConfigError, match=complaint):
        train(path)


def test_unsuitable_sizes_and_data_are_rejected(tmp_path: Path) -> None:
    write_small_uvltrack(tmp_path)
    for size, complaint in (
        ({**SIZE, "width": 65}, "does not describe a network"),
        ({**SIZE, "wide": 64}, "does not describe a network"),
        ({**SIZE, "text_layers": 4}, "less for text_layers"),
    ):
        with pytest.raises(ConfigError, match=complaint):
            _sizes(recipe(tmp_path, size=size))
    with pytest.raises(ConfigError, match="lists no data sets"):
        _parted(recipe(tmp_path))


def test_failing_worker_ends_the_run() -> None:
    def broken() -> Callable[[], int]:
        raise SourceError("frame 3 cannot be read; expected a picture")

    def dying() -> Callable[[], int]:
        raise SystemExit(3)

    with pytest.raises(SourceError, match="frame 3 cannot be read"):
        started(broken)()
    with pytest.raises(SourceError, match="ended with code 3"):
        started(dying)()
