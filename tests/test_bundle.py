"""Bundles: valid ones open, all others are rejected with one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bundles import write_fake_bundle

from edgetrack.bundle import BATCHED, DEFAULT, ROLES, Bundle, shipped
from edgetrack.engines.ort import OrtEngine
from edgetrack.errors import BundleError, ConfigError
from edgetrack.manifest import Manifest


def test_valid_bundle_opens(tmp_path: Path) -> None:
    bundle = Bundle.open(write_fake_bundle(tmp_path / "b"))
    assert bundle.manifest.sizes == {"template": 128, "search": 256, "grounding": 320}
    assert bundle.manifest.mean == (127.5, 127.5, 127.5)
    assert bundle.manifest.tensors["search"].inputs["x"].shape == (1, 2)
    assert all(bundle.path(role).read_text().endswith(f"the {role}") for role in ROLES)
    assert Bundle.open(str(tmp_path / "b")).manifest == bundle.manifest


def test_manifest_survives_the_round_trip_through_json(tmp_path: Path) -> None:
    manifest = Bundle.open(write_fake_bundle(tmp_path)).manifest
    assert Manifest.from_json(manifest.to_json(), origin="here") == manifest


def test_additions_of_later_versions_within_the_schema_are_ignored(tmp_path: Path) -> None:
    Bundle.open(write_fake_bundle(tmp_path, something_new={"a": 1}))


def test_unknown_name_lists_the_shipped_models() -> None:
    with pytest.raises(
        BundleError, match="'edgetrack-xxl' is neither a folder nor a shipped model"
    ) as caught:
        Bundle.open("edgetrack-xxl")
    assert all(name in str(caught.value) for name in shipped())


def test_unknown_role_lists_the_roles(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no file for 'depth'; it has .*search"):
        Bundle.open(write_fake_bundle(tmp_path)).path("depth")


def test_graphs_for_several_targets_are_optional(tmp_path: Path) -> None:
    bundle = Bundle.open(write_fake_bundle(tmp_path))
    assert bundle.batches == ()
    with pytest.raises(ConfigError, match=r"graph 'search4' is unknown; expected one of text, .*ground$"):
        OrtEngine(bundle, threads=1).graph("search4")


@pytest.mark.parametrize("role", BATCHED)
def test_incomplete_graphs_for_several_targets_are_rejected(tmp_path: Path, role: str) -> None:
    write_fake_bundle(tmp_path)
    values = json.loads((tmp_path / "manifest.json").read_text())
    tensors = {**values["tensors"], role: values["tensors"]["search"]}
    files = {**values["files"], role: values["files"]["search"]}
    with pytest.raises(BundleError, match=f"does not list a file for {role}; export the bundle again"):
        Bundle.open(write_fake_bundle(tmp_path, tensors=tensors))
    with pytest.raises(BundleError, match=f"does not list tensors of {role}; export the bundle again"):
        Bundle.open(write_fake_bundle(tmp_path, files=files))
    assert Bundle.open(write_fake_bundle(tmp_path, files=files, tensors=tensors)).batches == (BATCHED[role],)
    files[role] = {**files[role], "sha256": "0" * 64}
    with pytest.raises(BundleError, match="is damaged"):
        Bundle.open(write_fake_bundle(tmp_path, files=files, tensors=tensors))


@pytest.mark.parametrize("path", [3, b"x", ["edgetrack-256"]])
def test_invalid_model_path_is_an_error(path: Any) -> None:
    with pytest.raises(BundleError, match="expected a folder"):
        Bundle.open(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is not a model bundle"),
        (b"\xff\xfe\x00", "is not a model bundle"),
        (b"{", "not valid JSON"),
        (b"", "not valid JSON"),
        (b"[]", "not an edgetrack manifest"),
        (b'{"name": "My web app", "icons": []}', "not an edgetrack manifest"),
        (b'{"schema": "1"}', "not an edgetrack manifest"),
        (b'{"schema": true}', "not an edgetrack manifest"),
        (b'{"schema": 0}', "not a complete manifest"),
        (b'{"schema": 2}', "without name, version"),
        (b'{"schema": 1}', "older than 2; .*export it again"),
        (b'{"schema": 99}', "pip install -U edgetrack"),
    ],
)
def test_foreign_and_newer_manifests_are_rejected(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(BundleError, match=message):
        Bundle.open(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": 3},
        {"parameters": "many"},
        {"sizes": {"template": 128}},
        {"sizes": {"template": 128, "search": -1, "grounding": 320}},
        {"factors": [2, 4]},
        {"mean": [1, 2]},
        {"mean": 127.5},
        {"thresholds": ["high"]},
        {"files": {"search": "search.onnx"}},
        {"tensors": {"search": {"inputs": {}}}},
    ],
)
def test_fields_of_wrong_types_are_rejected(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(BundleError, match="field with a wrong type"):
        Bundle.open(write_fake_bundle(tmp_path, **changes))


def test_missing_roles_are_named(tmp_path: Path) -> None:
    folder = write_fake_bundle(tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"]["tokenizer"], manifest["tensors"]["ground"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="does not list tokenizer, tensors of ground"):
        Bundle.open(folder)


@pytest.mark.parametrize("damage", ["truncate", "flip", "remove"])
def test_damaged_files_are_rejected(tmp_path: Path, damage: str) -> None:
    file = write_fake_bundle(tmp_path) / "tracker_weights.bin"
    data = file.read_bytes()
    if damage == "remove":
        file.unlink()
    else:
        file.write_bytes(data[:-1] if damage == "truncate" else bytes([data[0] ^ 1]) + data[1:])
    with pytest.raises(BundleError, match=r"tracker_weights\.bin (is damaged|cannot be read)"):
        Bundle.open(tmp_path)


@pytest.mark.parametrize("path", ["../secret", "/etc/hostname", "a/../../secret", "link"])
def test_files_outside_the_bundle_are_rejected(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").write_bytes(b"the search")
    folder = write_fake_bundle(tmp_path / "b")
    (folder / "link").symlink_to(tmp_path / "secret")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["search"]["path"] = path
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="is outside of the bundle"):
        Bundle.open(folder)


def test_shipped_bundle_is_valid() -> None:
    bundle = Bundle.open()
    assert bundle.manifest.name == DEFAULT
    assert bundle.manifest.parameters < 20_000_000
    assert sum(file.stat().st_size for file in bundle.folder.iterdir()) < 49.5e6
    assert Bundle.open(DEFAULT).folder == bundle.folder
    assert b"/home/" not in b"".join(file.read_bytes() for file in bundle.folder.glob("*.onnx"))


def test_precision_has_its_own_thresholds(tmp_path: Path) -> None:
    own = {"graphs": [], "thresholds": {"track_threshold": 0.3}}
    changes = {"thresholds": {"track_threshold": 0.2, "update_threshold": 0.1}, "precisions": {"int8": own}}
    manifest = Bundle.open(write_fake_bundle(tmp_path, **changes)).manifest
    assert manifest.thresholds_of("fp32") == {"track_threshold": 0.2, "update_threshold": 0.1}
    assert manifest.thresholds_of("int8") == {"track_threshold": 0.3, "update_threshold": 0.1}
    assert Manifest.from_json(manifest.to_json(), origin="here") == manifest


def test_bundle_without_a_precisions_section_opens(tmp_path: Path) -> None:
    bundle = Bundle.open(write_fake_bundle(tmp_path))
    assert (dict(bundle.manifest.precisions), dict(bundle.manifest.versions)) == ({}, {})
    assert bundle.graph("search", "int8") == bundle.path("search")


def test_missing_precision_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="flavor is 'tflite'; expected 'portable' or 'ort'"):
        Bundle.open(write_fake_bundle(tmp_path)).graph("search", "int8", flavor="tflite")
