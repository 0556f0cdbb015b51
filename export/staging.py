"""A bundle under construction: files are added to its folder and listed in its manifest."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from edgetrack.bundle import BATCHED, EYE, MASK, PAIRS, ROLES, Bundle
from edgetrack.errors import ExportError
from edgetrack.manifest import FILE_NAME, Budget, BundleFile, Manifest, Precision
from edgetrack.words import ROLE as WORDS


def check_output(output: Path, *, force: bool) -> None:
    """Raise ExportError unless ``output`` is new, empty, or an older bundle that may be replaced."""
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    if not (output / FILE_NAME).is_file():
        raise ExportError(
            f"output {output} exists and is not a bundle; expected a new folder or an older bundle"
        )
    if not force:
        raise ExportError(
            f"output {output} already contains a bundle; replace it with --force, or give another folder"
        )


_GROUPS = {
    "text_weights": ("text",),
    "grounder_weights": EYE,
    "mask_weights": (MASK, f"{MASK}.int8", f"{MASK}.int8.ort", "int8_mask_weights"),
    "sensor_weights": PAIRS,
}  # the graphs that read each weight file and belong with it
REPORTS = ("report", "report_page")


def copy_files(bundle: Bundle, folder: Path, roles: Iterable[str]) -> dict[str, str]:
    """Copy the files of a bundle with these roles to ``folder``; return their names there by role."""
    names = {role: bundle.manifest.files[role].path for role in roles}
    for role, name in names.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(bundle.path(role), place)
    return names


def copy_bundle(bundle: Bundle, folder: Path, *, keep: Collection[str] = (), reports: bool = False) -> None:
    """Copy the float32 part of ``bundle`` and the precisions ``keep``; with ``reports``, also their reports."""
    folder.mkdir()
    manifest = bundle.manifest
    precisions = {name: value for name, value in manifest.precisions.items() if name in keep}
    kept = {
        role: entry
        for role, entry in manifest.files.items()
        if role in (*ROLES, *BATCHED, *EYE, *PAIRS, MASK, *_GROUPS, WORDS, *REPORTS * reports)
        or any(_belongs(role, name) for name in precisions)
    }
    copy_files(bundle, folder, kept)
    own = {role: replace(entry, bundle="") for role, entry in kept.items()}
    _write(folder, replace(manifest, files=own, precisions=precisions))


def add_files(
    folder: Path, files: Mapping[str, str], *, precisions: Mapping[str, Precision] | None = None
) -> Bundle:
    """Add ``files`` (by role), and the precisions that they provide, to the manifest of the bundle in ``folder``."""
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


def add_words(folder: Path, words: Collection[str]) -> None:
    """Write the list of trained words to the bundle in ``folder``, replacing an older list."""
    manifest, name = Bundle.open(folder).manifest, f"{WORDS}.txt"
    (folder / name).write_text("".join(f"{word}\n" for word in sorted(words)), encoding="utf-8")
    write_manifest(folder, manifest, files={WORDS: name})


def remove_precision(folder: Path, name: str) -> None:
    """Remove a precision and its files from the bundle in ``folder``."""
    manifest = Bundle.open(folder).manifest
    files = {role: entry for role, entry in manifest.files.items() if not _belongs(role, name)}
    for role in manifest.files.keys() - files.keys():
        (folder / manifest.files[role].path).unlink()
    precisions = {key: value for key, value in manifest.precisions.items() if key != name}
    _write(folder, replace(manifest, files=files, precisions=precisions))


def float_graphs(folder: Path, graphs: Collection[str]) -> Bundle:
    """Remove the files of ``graphs`` from all precisions of the bundle in ``folder``, so that they run in float32."""
    manifest = Bundle.open(folder).manifest
    ours = {
        role
        for role in manifest.files
        if any(_belongs(role, name) for name in manifest.precisions)
        and (role.partition(".")[0] in graphs or (MASK in graphs and MASK in re.split(r"[._]", role)))
    }
    for role in ours:
        (folder / manifest.files[role].path).unlink()
    files = {role: entry for role, entry in manifest.files.items() if role not in ours}
    precisions = {
        name: replace(
            own,
            graphs=tuple(graph for graph in own.graphs if graph not in graphs),
            min_jf_ratio=None if MASK in graphs else own.min_jf_ratio,
        )
        for name, own in manifest.precisions.items()
    }
    _write(folder, replace(manifest, files=files, precisions=precisions))
    return Bundle.open(folder)


def restore_precision(bundle: Bundle, folder: Path, name: str) -> None:
    """Restore a precision of ``bundle`` in its copy in ``folder``."""
    manifest, old = Bundle.open(folder).manifest, bundle.manifest
    files = {role: entry for role, entry in old.files.items() if _belongs(role, name)}
    copy_files(bundle, folder, files)
    precisions = {**manifest.precisions, name: old.precisions[name]}
    _write(folder, replace(manifest, files={**manifest.files, **files}, precisions=precisions))


def share_files(folder: Path, other: Path) -> int:
    """Remove files from the bundle in ``folder`` that the bundle in the sibling folder ``other`` has as well.

    Graphs are shared together with their weights, which engines read from the folder of the graph. If the tracker's
    weights are shared, the graphs for pairs, which also read them, move to ``other``, whose manifest does not list
    them. `copy_bundle` makes a self-contained bundle again.

    Returns:
        The number of bytes removed.

    Raises:
        ExportError: The folders are not siblings, or ``other`` shares files itself or accepts pairs.
    """
    if folder.resolve().parent != other.resolve().parent:
        raise ExportError(
            f"{folder} and {other} are not in the same folder; expected bundles beside each other"
        )
    manifest, there = Bundle.open(folder).manifest, Bundle.open(other).manifest
    if any(entry.bundle for entry in there.files.values()):
        raise ExportError(
            f"{other} shares files with another bundle; expected one that contains all of its files"
        )
    if any(graph in PAIRS for own in manifest.precisions.values() for graph in own.graphs):
        raise ExportError(
            f"{folder} has graphs for pairs in {', '.join(manifest.precisions)}, whose weights cannot be shared; "
            "expected graphs for pairs in float32"
        )
    held = {(entry.path, entry.sha256) for entry in there.files.values()}
    same = {role for role, entry in manifest.files.items() if (entry.path, entry.sha256) in held}
    for weights, graphs in _GROUPS.items():
        group = {role for role in (weights, *graphs) if role in manifest.files}
        if not group <= same:
            same -= group
    saved = sum((folder / manifest.files[role].path).stat().st_size for role in same)
    pairs = {role for role in ("sensor_weights", *PAIRS) if role in manifest.files} - same
    if "tracker_weights" in same and pairs:
        if PAIRS[0] in there.tensors:
            raise ExportError(
                f"{other} has its own graphs for pairs of images; expected a bundle for color only"
            )
        for role in pairs:
            shutil.copyfile(folder / manifest.files[role].path, other / manifest.files[role].path)
        same |= pairs
    files = {
        role: replace(entry, bundle=other.name) if role in same else entry
        for role, entry in manifest.files.items()
    }
    _write(folder, replace(manifest, files=files))
    for role in same:
        (folder / manifest.files[role].path).unlink()
    Bundle.open(folder)
    return saved


def set_target(folder: Path, target: Budget) -> None:
    """Write the target of the bundle in ``folder`` to its manifest."""
    _write(folder, replace(Bundle.open(folder).manifest, target=target))


def _belongs(role: str, precision: str) -> bool:
    """Return whether a file belongs to one precision, as ``search.int8.ort`` and ``int8_weights`` to ``int8``."""
    return precision in re.split(r"[._]", role)


def versions() -> dict[str, str]:
    """Return the versions of the software that makes a bundle."""
    return {name: version(name) for name in ("edgetrack", "numpy", "onnx", "onnxruntime")}


def _file(folder: Path, name: str) -> BundleFile:
    return BundleFile(name, hashlib.sha256((folder / name).read_bytes()).hexdigest())


def write_manifest(folder: Path, manifest: Manifest, *, files: Mapping[str, str]) -> None:
    """Write ``manifest`` with ``files`` (by role) of ``folder`` added to it."""
    hashed = {role: _file(folder, name) for role, name in files.items()}
    _write(folder, replace(manifest, files={**manifest.files, **hashed}))


def _write(folder: Path, manifest: Manifest) -> None:
    (folder / FILE_NAME).write_text(manifest.to_json(), encoding="utf-8")
