"""An adapter's bundle under construction: graphs and code in float32, and INT8 if it passes the gate."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx

from edgetrack._imports import require
from edgetrack.engines.ort import saturates
from edgetrack.errors import ExportError
from edgetrack.export.adapters.feeds import watched_sessions
from edgetrack.export.adapters.graphs import graphs_of
from edgetrack.export.calibration import Keep
from edgetrack.export.quantize import quantize
from edgetrack.export.report import FileRow
from edgetrack.export.staging import versions
from edgetrack.export.variant import NAME, RANGES, Variant
from edgetrack.manifest import FILE_NAME, Budget, BundleFile
from edgetrack.peers import Adapter, FrameTracker, Mode, load_adapter
from edgetrack.peers.bundle import CODE, CODE_FILE, AdapterBundle, AdapterManifest, is_adapter_bundle
from edgetrack.peers.nanotrack.graphs import NanoTrackAdapter
from edgetrack.peers.published import NAMES
from edgetrack.peers.tracker import open_adapter


def is_adapter(name: str) -> bool:
    """Return whether NAME in ``edgetrack export NAME`` has the form of an adapter."""
    return name in NAMES or ".py:" in name


def adapter_of(name: str) -> Adapter:
    """Return the adapter of a tracker that edgetrack knows, or FILE.py:CLASS, an ``edgetrack.peers.Adapter``.

    Raises:
        ConfigError: There is no such adapter.
        MissingExtra: Its network needs PyTorch, which is not installed.
    """
    if name not in NAMES:
        return load_adapter(name)
    if name.startswith("nanotrack"):
        return NanoTrackAdapter(name)
    require("torch", extra="export")
    if name.startswith("owl"):
        from edgetrack.peers.owl.graphs import OwlAdapter

        return OwlAdapter(name)
    if name == "groundingdino":
        from edgetrack.peers.dino.graphs import DinoAdapter

        return DinoAdapter()
    if name == "sdstrack":
        from edgetrack.peers.sdstrack.graphs import SDSTrackAdapter

        return SDSTrackAdapter()
    if name == "sutrack":
        from edgetrack.peers.sutrack.graphs import SUTrackAdapter

        return SUTrackAdapter()
    if name == "litetrack":
        from edgetrack.peers.litetrack.graphs import LiteTrackAdapter

        return LiteTrackAdapter()
    from edgetrack.peers.uvltrack.graphs import UVLTrackAdapter

    return UVLTrackAdapter()


def write_adapter_bundle(
    folder: Path,
    adapter: Adapter,
    source: str,
    weights: Sequence[Path],
    *,
    name: str | None,
    version: str,
    target: Budget,
) -> AdapterBundle:
    """Write the float32 bundle of ``adapter`` to the new ``folder``.

    Args:
        folder: Folder of the bundle.
        adapter: The adapter.
        source: Name of the adapter on the command line.
        weights: Files that the adapter reads.
        name: Name of the bundle; None for that of the adapter.
        version: Version of the bundle.
        target: Target device of the bundle.

    Raises:
        ConfigError, ExportError: Files are missing or do not match.
    """
    missing = [str(path) for path in weights if not path.exists()]
    if missing or not weights:
        raise ExportError(
            f"weights {', '.join(missing)} do not exist"
            if missing
            else f"{source} needs weights; give --weights FILE"
            + (f", or ./{source} for the bundle in that folder" if is_adapter_bundle(source) else "")
        )
    graphs = graphs_of(adapter, source, weights)
    folder.mkdir()
    files = {}
    for graph, model in graphs.items():
        (folder / f"{graph}.onnx").write_bytes(model.SerializeToString(deterministic=True))
        files[graph] = f"{graph}.onnx"
    file, _, cls = source.rpartition(":")
    if source not in NAMES:
        shutil.copyfile(file, folder / CODE_FILE)
        files[CODE] = CODE_FILE
    manifest = AdapterManifest(
        name=name or (source if source in NAMES else cls),
        version=version,
        adapter=source if source in NAMES else cls,
        modes=tuple(adapter.modes),
        graphs=tuple(graphs),
        files={},
        weights={name: _sha256(path) for name, path in _files(weights)},
        license=license_of(weights) if (license_of := getattr(adapter, "license", None)) else "",
        target=target,
    )
    return add_adapter_files(folder, files, manifest=manifest)


def copy_adapter_bundle(bundle: AdapterBundle, folder: Path, *, target: Budget) -> AdapterBundle:
    """Copy the float32 part of ``bundle`` to the new ``folder``, without reports."""
    folder.mkdir()
    roles = [role for role in (*bundle.manifest.graphs, CODE) if role in bundle.manifest.files]
    files = {role: bundle.manifest.files[role].path for role in roles}
    for role, path in files.items():
        shutil.copyfile(bundle.path(role), folder / path)
    manifest = replace(bundle.manifest, files={}, precisions=(), computed=(), narrow=False, target=target)
    return add_adapter_files(folder, files, manifest=manifest)


def add_adapter_files(
    folder: Path, files: Mapping[str, str], *, manifest: AdapterManifest, precisions: tuple[str, ...] = ()
) -> AdapterBundle:
    """Add ``files`` (by role), and the precisions that they provide, to the manifest of the bundle in ``folder``."""
    entries = {role: BundleFile(path, _sha256(folder / path)) for role, path in files.items()}
    manifest = replace(
        manifest,
        files={**manifest.files, **entries},
        precisions=tuple(dict.fromkeys((*manifest.precisions, *precisions))),
        versions=versions(),
    )
    (folder / FILE_NAME).write_text(manifest.to_json(), encoding="utf-8")
    return AdapterBundle.open(folder)


class Foreign:
    """The bundle of an adapter as an ``edgetrack.export.subject.Subject``; the exporting user trusts its code."""

    pairs = False  # its graphs are measured on color

    def __init__(self, folder: Path, *, threads: int) -> None:
        self.folder, self._threads = folder, threads
        self.bundle = self._plain = AdapterBundle.open(folder)

    @property
    def name(self) -> str:
        return f"{self.bundle.manifest.name} {self.bundle.manifest.version}"

    @property
    def modes(self) -> tuple[Mode, ...]:
        return self.bundle.manifest.modes

    @property
    def paths(self) -> Mapping[str, Path]:
        return {graph: self.bundle.path(graph) for graph in self.bundle.manifest.graphs}

    def quantized(self, runs: Mapping[str, int]) -> Sequence[str]:
        """Return the graphs that run in most frames: those that encode the target run rarely, and errors persist."""
        most = max(1, *runs.values()) if runs else 1
        often = [graph for graph in self.paths if runs.get(graph, 0) >= most / 2]
        return sorted(often, key=lambda graph: -runs[graph])

    def tracker(self) -> FrameTracker:
        return self.opened("fp32")

    def opened(self, precision: str) -> FrameTracker:
        """Open a tracker in a precision that the bundle has, or that its adapter computes."""
        return open_adapter(self.bundle, precision=precision, threads=self._threads, trust=True)

    def add_computed(self, precision: str) -> None:
        """Add an accepted precision, which the adapter computes from files of another one, to the manifest."""
        computed = (*self.bundle.manifest.computed, precision)
        manifest = replace(self.bundle.manifest, computed=computed)
        self.bundle = add_adapter_files(self.folder, {}, manifest=manifest)

    @contextmanager
    def watched(self, keep: Keep) -> Iterator[Callable[[], FrameTracker]]:
        with watched_sessions(self.paths, keep):
            yield self.tracker

    def write(self, variant: Variant, record: Mapping[str, Any]) -> FrameTracker:
        (self.folder / NAME).mkdir(exist_ok=True)
        files = {"int8_ranges": RANGES}
        for graph, file in self.paths.items():
            files[f"{graph}.{NAME}"] = path = f"{NAME}/{graph}.onnx"
            plan = variant.plans.get(graph)
            if plan is None:
                shutil.copyfile(file, self.folder / path)
                continue
            model = quantize(plan.source, plan.ranges, variant.layers[graph], flavor="ort")
            onnx.checker.check_model(model)
            (self.folder / path).write_bytes(model.SerializeToString(deterministic=True))
        (self.folder / RANGES).write_text(variant.ranges_json(record), encoding="utf-8")
        manifest = replace(self._plain.manifest, narrow=saturates())
        self.bundle = add_adapter_files(self.folder, files, manifest=manifest, precisions=(NAME,))
        return self.opened(NAME)

    def remove(self) -> None:
        shutil.rmtree(self.folder / NAME)
        (self.folder / RANGES).unlink()
        (self.folder / FILE_NAME).write_text(self._plain.manifest.to_json(), encoding="utf-8")
        self.bundle = self._plain

    def files(self, variant: Variant, *, accuracy: float, speed: Mapping[str, float]) -> list[FileRow]:
        rows = []
        for graph, plan in variant.plans.items():
            rows.append(FileRow.of(self.bundle.path(graph), "fp32"))
            error = plan.error(variant.layers[graph], flavor="ort")
            path = self.bundle.path(f"{graph}.{NAME}")
            row = FileRow.of(path, NAME, error=error, accuracy=accuracy, speed=speed[graph])
            rows.append(replace(row, file=f"{NAME}/{row.file}"))
        return rows


def _files(weights: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Yield the files, and the files in folders, by name."""
    for path in weights:
        if path.is_dir():
            yield from (
                (f"{path.name}/{file.name}", file) for file in sorted(path.iterdir()) if file.is_file()
            )
        else:
            yield path.name, path


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
