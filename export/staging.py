"""A bundle that is being made: files are added to its folder and named in its manifest."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Collection, Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from edgetrack.bundle import BATCHED, EYE, ROLES, Bundle
from edgetrack.errors import ExportError
from edgetrack.manifest import FILE_NAME, Budget, BundleFile, Manifest, Precision


def check_output(output: Path, *, force: bool) -> None:
    """Raises ExportError unless ``output`` is new, empty, or an older bundle that may be replaced."""
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    if not (output / FILE_NAME).is_file():
        raise ExportError(
            f"output {output} exists and is not a bundle; expected a new folder or an older bundle"
        )
    if not force:
        raise ExportError(
            f"output {output} already holds a bundle; replace it with --force, or name another folder"
        )


REPORTS = ("report", "report_page")


def copy_bundle(bundle: Bundle, folder: Path, *, keep: Collection[str] = (), reports: bool = False) -> None:
    """Copies the float32 part of ``bundle`` and the precisions ``keep``, with ``reports`` those of the precisions."""
    folder.mkdir()
    manifest = bundle.manifest
    precisions = {name: value for name, value in manifest.precisions.items() if name in keep}
    kept = {
        role: entry
        for role, entry in manifest.files.items()
        if role in (*ROLES, *BATCHED, *EYE, "grounder_weights", *REPORTS * reports)
        or any(_belongs(role, name) for name in precisions)
    }
    for role, entry in kept.items():
        place = folder / entry.path
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(bundle.path(role), place)
    _write(folder, replace(manifest, files=kept, precisions=precisions))


def add_files(
    folder: Path, files: Mapping[str, str], *, precisions: Mapping[str, Precision] | None = None
) -> Bundle:
    """Names ``files`` (by role) in the manifest of the bundle in ``folder``, and what they offer."""
    manifest = Bundle.open(folder).manifest
    hashed = {role: _file(folder, name) for role, name in files.items()}
    _write(
        folder,
        replace(
            manifest,
            files={**manifest.files, **hashed},
            precisions={**manifest.precisions, **(precisions or {})},
            versions=versions(),
        ),
    )
    return Bundle.open(folder)


def remove_precision(folder: Path, name: str) -> None:
    """Takes a precision and its files out of the bundle in ``folder``."""
    manifest = Bundle.open(folder).manifest
    files = {role: entry for role, entry in manifest.files.items() if not _belongs(role, name)}
    for role in manifest.files.keys() - files.keys():
        (folder / manifest.files[role].path).unlink()
    precisions = {key: value for key, value in manifest.precisions.items() if key != name}
    _write(folder, replace(manifest, files=files, precisions=precisions))


def restore_precision(bundle: Bundle, folder: Path, name: str) -> None:
    """Puts a precision of ``bundle`` back into its copy in ``folder``."""
    manifest, old = Bundle.open(folder).manifest, bundle.manifest
    files = {role: entry for role, entry in old.files.items() if _belongs(role, name)}
    for role, entry in files.items():
        shutil.copyfile(bundle.path(role), folder / entry.path)
    precisions = {**manifest.precisions, name: old.precisions[name]}
    _write(folder, replace(manifest, files={**manifest.files, **files}, precisions=precisions))


def set_target(folder: Path, target: Budget) -> None:
    """Notes what the bundle in ``folder`` is made for."""
    _write(folder, replace(Bundle.open(folder).manifest, target=target))


def _belongs(role: str, precision: str) -> bool:
    """Whether a file is of a precision alone: ``search.int8.ort`` and ``int8_weights`` are of ``int8``."""
    return precision in re.split(r"[._]", role)


def versions() -> dict[str, str]:
    """Of the programs that make a bundle."""
    return {name: version(name) for name in ("edgetrack", "numpy", "onnx", "onnxruntime")}


def _file(folder: Path, name: str) -> BundleFile:
    return BundleFile(name, hashlib.sha256((folder / name).read_bytes()).hexdigest())


def write_manifest(folder: Path, manifest: Manifest, *, files: Mapping[str, str]) -> None:
    """Writes ``manifest`` with ``files`` (by role) of ``folder`` named in it as well."""
    hashed = {role: _file(folder, name) for role, name in files.items()}
    _write(folder, replace(manifest, files={**manifest.files, **hashed}))


def _write(folder: Path, manifest: Manifest) -> None:
    (folder / FILE_NAME).write_text(manifest.to_json(), encoding="utf-8")
