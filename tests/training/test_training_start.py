"""Training that starts from the weights of a bundle, and a new tracker that takes its grounding network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed; run: pip install 'edgetrack[train]'")

from edgetrack.bundle import EYE, MASK, Bundle  # noqa: E402
from edgetrack.engines import open_engine  # noqa: E402
from edgetrack.errors import BundleError, ConfigError, ExportError  # noqa: E402
from edgetrack.export.graphs import Search  # noqa: E402
from edgetrack.export.grounder import copy_grounder  # noqa: E402
from edgetrack.export.mask import copy_masks  # noqa: E402
from edgetrack.export.staging import copy_bundle, write_manifest  # noqa: E402
from edgetrack.manifest import FILE_NAME  # noqa: E402
from edgetrack.network.network import EdgetrackNet  # noqa: E402
from edgetrack.training import checkpoint  # noqa: E402


@pytest.mark.parametrize("name", ["edgetrack-256", "edgetrack-160"])
def test_the_network_starts_with_every_weight_of_a_bundle(name: str) -> None:
    """It then gives the same answers as the graph of the bundle."""
    bundle, random = Bundle.open(name), np.random.default_rng(0)
    feeds = {
        tensor: random.normal(0, 0.3, spec.shape).astype(np.float32)
        for tensor, spec in bundle.manifest.tensors["search"].inputs.items()
    }
    found = open_engine(bundle, precision="fp32", threads=1).graph("search").run(feeds)
    net = EdgetrackNet(keep=64)
    assert checkpoint.weights_of(bundle).keys() == net.state_dict().keys()
    checkpoint.start_from(net, name)
    with torch.no_grad():
        expected = Search(net.eval())(**{tensor: torch.from_numpy(value) for tensor, value in feeds.items()})
    for output, value in zip(Search.outputs, expected, strict=True):
        assert np.abs(found[output] - value.numpy()).max() < 1e-3, output


def test_another_start_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is not a model bundle"):
        checkpoint.start_from(EdgetrackNet(), str(tmp_path))
    with pytest.raises(BundleError, match="edgetrack-512"):
        checkpoint.start_from(EdgetrackNet(), "edgetrack-512")
    with pytest.raises(ConfigError, match=r"checkpoint .*gone\.pt does not exist"):
        checkpoint.start_from(EdgetrackNet(), str(tmp_path / "gone.pt"))


GROUNDER, HEAD = {*EYE, "grounder_weights", "words"}, {MASK, "mask_weights"}


def without(folder: Path, gone: set[str], count: int) -> Bundle:
    """Write edgetrack-256 without these files to ``folder``, as a newly trained tracker is exported.

    Args:
        folder: A new folder.
        gone: The roles of the files.
        count: The number of parameters in them, about.
    """
    copy_bundle(Bundle.open("edgetrack-256"), folder)
    manifest = Bundle.open(folder).manifest
    bare = replace(
        manifest,
        files={role: entry for role, entry in manifest.files.items() if role not in gone},
        tensors={role: spec for role, spec in manifest.tensors.items() if role not in gone},
        parameters=manifest.parameters - count,
        thresholds={} if gone == GROUNDER else manifest.thresholds,
    )
    (folder / FILE_NAME).write_text(bare.to_json())
    return Bundle.open(folder)


def without_grounder(folder: Path) -> Bundle:
    return without(folder, GROUNDER, 1_970_000)


def test_a_new_tracker_takes_the_grounding_network_of_a_bundle(tmp_path: Path) -> None:
    before, shipped = without_grounder(tmp_path / "mine"), Bundle.open("edgetrack-256")
    assert "detect" not in before.graphs
    copy_grounder(tmp_path / "mine", shipped)
    mine = Bundle.open(tmp_path / "mine")
    for role in (*EYE, "grounder_weights", "words"):
        assert mine.path(role).read_bytes() == shipped.path(role).read_bytes()
    assert mine.manifest.thresholds == shipped.manifest.thresholds
    count = mine.manifest.parameters - before.manifest.parameters
    assert 1_970_000 < count < 1_980_000  # as the model card says: 0.98 M and 0.99 M
    copy_grounder(tmp_path / "mine", shipped)
    assert Bundle.open(tmp_path / "mine").manifest.parameters == mine.manifest.parameters


def test_a_new_tracker_with_the_same_trunk_takes_the_mask_head_of_a_bundle(tmp_path: Path) -> None:
    before, shipped = without(tmp_path / "mine", HEAD, 160_000), Bundle.open("edgetrack-256")
    assert MASK not in before.graphs
    for _ in range(2):  # the second one replaces the first
        copy_masks(tmp_path / "mine", shipped)
        mine = Bundle.open(tmp_path / "mine")
        for role in HEAD:
            assert mine.path(role).read_bytes() == shipped.path(role).read_bytes()
        assert mine.manifest.tensors[MASK] == shipped.manifest.tensors[MASK]
        assert 155_000 < mine.manifest.parameters - before.manifest.parameters < 165_000


def test_a_mask_head_for_another_trunk_is_refused(tmp_path: Path) -> None:
    bare = without(tmp_path / "bare", HEAD, 160_000)
    with pytest.raises(ExportError, match=r"has no mask head; expected .* edgetrack-256"):
        copy_masks(tmp_path / "bare", bare)
    copy_bundle(Bundle.open("edgetrack-160"), tmp_path / "smaller")
    with pytest.raises(
        ExportError, match=r"trunk of edgetrack-256 differs from that of edgetrack-160, .*masks\.train"
    ):
        copy_masks(tmp_path / "smaller", Bundle.open("edgetrack-256"))


def test_a_grounding_network_for_other_words_is_refused(tmp_path: Path) -> None:
    bare = without_grounder(tmp_path / "bare")
    with pytest.raises(ExportError, match=r"has no grounding network; expected .* edgetrack-256"):
        copy_grounder(tmp_path / "bare", bare)
    entry = bare.manifest.files["tokenizer"]
    (tmp_path / "bare" / entry.path).write_bytes(bare.path("tokenizer").read_bytes() + b" ")
    write_manifest(tmp_path / "bare", bare.manifest, files={"tokenizer": entry.path})
    with pytest.raises(ExportError, match=r"text encoder of edgetrack-256 differs .* --text-encoder"):
        copy_grounder(tmp_path / "bare", Bundle.open("edgetrack-256"))
