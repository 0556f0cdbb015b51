"""Files that two bundles have in common are stored once: what opens, what is rejected, how to separate them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from bundles import write_fake_bundle

from edgetrack.bundle import PAIRS, Bundle, shipped
from edgetrack.errors import BundleError, ExportError

pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")
from edgetrack.export.staging import copy_bundle, share_files


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Make a bundle that shares its text encoder and tokenizer with a sibling."""
    small, large = (write_fake_bundle(tmp_path / name) for name in ("small", "large"))
    for folder in (small, large):
        change(folder, lambda values: values["files"].pop("tracker_weights"), name="tracker_weights")
    assert share_files(small, large) > 0
    return small, large


def change(folder: Path, how: Callable[[dict[str, Any]], Any], *, name: str = "") -> None:
    """Change a manifest; with ``name``, give the bundle its own file in that role."""
    path = folder / "manifest.json"
    values = json.loads(path.read_text())
    how(values)
    if name:
        import hashlib

        data = f"{name} of {folder.name}".encode()
        (folder / "own.bin").write_bytes(data)
        values["files"][name] = {"path": "own.bin", "sha256": hashlib.sha256(data).hexdigest()}
    path.write_text(json.dumps(values))


def test_shared_files_are_stored_once_and_the_model_is_unchanged(pair: tuple[Path, Path]) -> None:
    small, large = pair
    before = Bundle.open(write_fake_bundle(small.parent / "before"))
    bundle = Bundle.open(small)
    assert bundle.path("text_weights") == large / "text_weights.bin"
    assert bundle.path("tracker_weights") == small / "own.bin"
    assert not (small / "text.onnx").exists()
    assert bundle.digests(bundle.path("text"))[0] == before.digests(before.path("text"))[0]
    copy_bundle(bundle, small.parent / "alone")
    alone = Bundle.open(small.parent / "alone")
    shutil.rmtree(large)
    assert alone.manifest.digest == bundle.manifest.digest
    assert alone.path("text_weights").read_bytes() == before.path("text_weights").read_bytes()


def test_symbolic_link_to_a_bundle_finds_the_real_sibling(pair: tuple[Path, Path], tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "model"
    link.parent.mkdir()
    link.symlink_to(pair[0])
    assert Bundle.open(link).path("tokenizer").is_file()


def test_bundle_without_its_sibling_says_what_to_do(pair: tuple[Path, Path]) -> None:
    pair[1].rename(pair[1].with_name("renamed"))
    with pytest.raises(
        BundleError, match=r"shares this file with the bundle large .*copy both, or .*edgetrack export"
    ):
        Bundle.open(pair[0])


def test_different_shared_file_counts_as_damage(pair: tuple[Path, Path]) -> None:
    (pair[1] / "tokenizer.bin").write_bytes(b"another")
    with pytest.raises(BundleError, match="is damaged"):
        Bundle.open(pair[0])


NAMES = ("..", "../large", "/etc", ".", "large/", "a\x00b", "", "-large", "_large", "x" * 101, "läge", 7)


@pytest.mark.parametrize("name", NAMES, ids=map(repr, NAMES))
def test_sibling_must_have_a_plain_name(pair: tuple[Path, Path], name: Any) -> None:
    change(pair[0], lambda values: values["files"]["tokenizer"].update(bundle=name))
    with pytest.raises(BundleError, match="has a field with a wrong type"):
        Bundle.open(pair[0])


def test_sibling_must_not_be_a_link(pair: tuple[Path, Path]) -> None:
    pair[1].rename(pair[1].with_name("real"))
    pair[1].symlink_to("real")
    with pytest.raises(BundleError, match="is a link"):
        Bundle.open(pair[0])


def test_weights_are_listed_in_the_bundle_of_their_graph(tmp_path: Path) -> None:
    """A graph reads weights from its own folder, where a file of the same name may be a different one."""
    from hostile_bundles import graphs, seal, with_outside_weights, write

    folder = write(tmp_path / "small", graphs())
    with_outside_weights(folder, location="text.weights", offset="0", length="8")
    seal(folder)
    Bundle.open(folder)
    shutil.copytree(folder, tmp_path / "large")
    change(folder, lambda values: values["files"]["text_weights"].update(bundle="large"))
    with pytest.raises(BundleError, match="a file that the manifest does not list"):
        Bundle.open(folder)


def test_graphs_of_pairs_move_next_to_their_weights(tmp_path: Path) -> None:
    color, pairs = write_fake_bundle(tmp_path / "color"), _paired(tmp_path / "pairs")
    before, alone = Bundle.open(pairs), Bundle.open(color)
    share_files(pairs, color)
    bundle = Bundle.open(pairs)
    assert [file.name for file in pairs.iterdir()] == ["manifest.json"]
    assert {bundle.path(role).parent for role in (*PAIRS, "sensor_weights")} == {color}
    assert bundle.manifest.digest == before.manifest.digest
    assert Bundle.open(color).manifest == alone.manifest, "the other one takes color alone as before"
    with pytest.raises(ExportError, match="its own graphs for pairs"):
        share_files(_paired(tmp_path / "third"), _paired(tmp_path / "fourth"))


def _paired(folder: Path) -> Path:
    """Make a bundle with graphs of pairs that have their own weights."""
    write_fake_bundle(folder)
    change(folder, lambda values: None, name="sensor_weights")
    for role in PAIRS:
        shutil.copyfile(folder / "search.onnx", folder / f"{role}.onnx")
        change(folder, partial(_as_search, role=role))
    return folder


def _as_search(values: dict[str, Any], role: str) -> None:
    values["files"][role] = {**values["files"]["search"], "path": f"{role}.onnx"}
    values["tensors"][role] = values["tensors"]["search"]


def test_unsuitable_bundles_cannot_share(pair: tuple[Path, Path], tmp_path: Path) -> None:
    far = write_fake_bundle(tmp_path / "far" / "b")
    with pytest.raises(ExportError, match="are not in the same folder"):
        share_files(far, pair[1])
    with pytest.raises(ExportError, match="shares files with another bundle"):
        share_files(write_fake_bundle(tmp_path / "third"), pair[0])


def test_models_of_the_package_store_the_text_encoder_once() -> None:
    bundles = [Bundle.open(name) for name in shipped()]
    assert len({bundle.path("text_weights") for bundle in bundles}) == 1
    assert len({bundle.path("grounder_weights") for bundle in bundles}) == 1
