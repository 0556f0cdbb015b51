"""Checks the files of a bundle: their location, checksums, and the external weights of graphs."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePath

from edgetrack._native import runtime
from edgetrack.errors import BundleError
from edgetrack.manifest import BundleFile, Manifest


def _home(folder: Path, entry: BundleFile) -> Path:
    """Return the folder of the bundle that contains a file: this one, or the sibling that the manifest names."""
    if not entry.bundle:
        return folder
    beside = folder.resolve().parent / entry.bundle
    if beside.is_symlink():
        raise BundleError(f"bundle {beside} is a link; expected the folder itself: copy it with its files")
    return beside


def path_of(folder: Path, role: str, entry: BundleFile) -> Path:
    """Return the path of a bundle's file; links are resolved first, so that they cannot lead outside.

    Raises:
        BundleError: it is not a valid path, is outside the bundle, or is reached through a link.
    """
    folder = _home(folder, entry)
    file = folder / entry.path
    parts = PurePath(entry.path).parts
    try:
        inside = file.resolve().is_relative_to(folder.resolve())
        linked = any((folder / Path(*parts[:n])).is_symlink() for n in range(1, len(parts) + 1))
    except (OSError, ValueError, RuntimeError) as error:  # too long, contains NUL, or circular links
        raise BundleError(
            f"bundle {folder} names {entry.path[:80]!r} as its {role}, which is not a valid path "
            f"({str(error)[:200]}); export the bundle again"
        ) from error
    if not inside:
        raise BundleError(
            f"bundle {folder} names {entry.path[:80]!r} as its {role}, which is outside of the bundle; "
            "expected only files inside the folder: do not use this bundle"
        )
    if linked:
        raise BundleError(
            f"bundle file {file} is a link; expected the file itself: copy the bundle again with its files, for "
            "example with cp -rL"
        )
    return file


def check_sum(file: Path, entry: BundleFile, name: str) -> None:
    """Raise BundleError unless a file is readable and has the checksum of its entry; ``name`` is that of the model."""
    digest = hashlib.sha256()
    try:
        if file.exists() and not file.is_file():  # reading a pipe could block forever
            raise OSError("it is not a file")
        with file.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise BundleError(f"bundle file {file} cannot be read ({error}); {_remedy(entry, name)}") from error
    if digest.hexdigest() != entry.sha256:
        raise BundleError(
            f"bundle file {file} is damaged: its SHA-256 is {digest.hexdigest()[:12]}..., but the manifest lists "
            f"{entry.sha256[:12]}...; {_remedy(entry, name)}"
        )


def _remedy(entry: BundleFile, name: str) -> str:
    if not entry.bundle:
        return "copy or export the bundle again"
    return (
        f"{name} shares this file with the bundle {entry.bundle} in the folder beside it: copy both, or "
        f"export a bundle that needs no other one: edgetrack export {name} --output DIR"
    )


def check_graph(folder: Path, role: str, entry: BundleFile, manifest: Manifest) -> None:
    """Raise BundleError unless a graph is an ONNX file that stores its weights in listed files.

    The name is checked as well, because engines choose the format by it, and other formats have separate weight files.
    """
    folder = _home(folder, entry)
    file = folder / entry.path
    if file.suffix != ".onnx":
        raise BundleError(
            f"bundle {folder} has {entry.path!r} as its graph {role}; expected a file whose name ends in .onnx: "
            "export the bundle again"
        )
    listed = {PurePath(other.path) for other in manifest.files.values() if other.bundle == entry.bundle}
    for written, offset, length in runtime.outside_weights(file.read_bytes(), str(file)):
        location = written.decode(errors="replace")
        place = PurePath(entry.path).parent / location
        # PurePath keeps "..". ONNX Runtime uses names with * for memory addresses.
        if place not in listed or "*" in location:
            raise BundleError(
                f"{file} stores weights in {location[:80]!r}, a file that the manifest does not list; expected "
                "weights with a checksum: do not use this bundle, or export it again"
            )
        size = (folder / place).stat().st_size
        if length < 1 or offset + length > size:
            raise BundleError(
                f"{file} stores weights in {location!r} at byte {offset}, {length} bytes long, but that file "
                f"has {size} bytes; copy or export the bundle again"
            )
