"""Add float16 to a bundle: convert, then accept or refuse."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgetrack.bundle import BATCHED, Bundle
from edgetrack.engines.half import halve
from edgetrack.engines.ort import OrtEngine
from edgetrack.engines.session_graph import SessionGraph
from edgetrack.export.accuracy import Accuracy
from edgetrack.export.calibration import Feeds
from edgetrack.export.gate import Gate, fill, fill_thresholds
from edgetrack.export.report import FileRow, Report
from edgetrack.export.rounding import rounded
from edgetrack.export.scores import adjusted
from edgetrack.export.session import Session, relative_error
from edgetrack.export.speed import Speed, compare_speed
from edgetrack.export.staging import add_files, remove_precision
from edgetrack.export.subject import Own
from edgetrack.export.watch import Watch
from edgetrack.manifest import Precision
from edgetrack.policy import Policy

NAME = "fp16"
HALVED = ("template", "search", "ground")  # and the batched search; text and prompt run once per target


class RoundedEngine(OrtEngine):
    """A bundle in float16 with a GPU's rounding (``edgetrack.export.rounding``), for tracking on this CPU."""

    def __init__(self, bundle: Bundle, sessions: Mapping[str, Session], *, threads: int) -> None:
        super().__init__(bundle, threads=threads)
        self.precision, self._sessions = NAME, sessions

    def _open(self, role: str) -> Any:
        own = self._sessions.get(role)
        return super()._open(role) if own is None else SessionGraph(role, own.runtime)


class Graphs:
    """One graph in both precisions, and its outputs for the same crops.

    Args:
        bundle: The float32 bundle.
        role: Role of the graph.
        gate: The gate that has the crops.
    """

    def __init__(self, bundle: Bundle, role: str, gate: Gate) -> None:
        path, self._threads = bundle.path(role), gate.config.threads
        fp32 = onnx.load(str(path), load_external_data=False)
        self.model = onnx.load(str(path), load_external_data=False)
        halve(self.model)
        self._fp32 = Session(fp32, path.parent, threads=self._threads)
        self._fp16 = Session(self.model, path.parent, threads=self._threads)
        self.rounded = Session(rounded(self.model), path.parent, threads=self._threads)
        self._crops = _crops(bundle, role, gate)
        self.pairs = [(self._fp32.run(feeds), self.rounded.run(feeds)) for feeds in self._crops]

    @property
    def error(self) -> float:
        """Return the relative error of the outputs."""
        return float(np.mean([relative_error(other, fp32) for fp32, other in self.pairs]))

    def speed(self) -> Speed:
        """Return the speed of both files in ONNX Runtime on this CPU."""
        feeds = self._crops[0]
        return compare_speed(lambda: self._fp32.run(feeds), lambda: self._fp16.run(feeds))


def add_fp16(gate: Gate, *, watch: Watch) -> Report:
    """Add float16 to the bundle of ``gate`` if it is accurate enough; else report why not.

    Accuracy is measured in float32 with each result rounded as on a GPU. Speed is a criterion only if the target has
    no fast float16: then it is a CPU, like this one.
    """
    report, subject = Report(precision=NAME, **gate.facts()), gate.subject
    assert isinstance(subject, Own)
    folder, roles = subject.folder, (*HALVED, *subject.bundle.batched)
    graphs = {
        role: Graphs(subject.bundle, role, gate) for role in watch(roles, "rewriting in float16", len(roles))
    }
    speeds = {role: both.speed() for role, both in graphs.items()}
    report.latency_ms = {role: (speed.fp32_ms, speed.other_ms) for role, speed in speeds.items()}
    if NAME not in gate.config.board.precisions and speeds["search"].ratio <= 1:
        report.why = _too_slow(report.target, speeds["search"])
        return report
    bundle = _write(folder, graphs)
    sessions = {role: both.rounded for role, both in graphs.items()}
    engine = RoundedEngine(bundle, sessions, threads=report.threads)
    accuracy = gate.judge.accuracy(subject.opened(engine), NAME)
    fill(report, accuracy)
    if not gate.passes(accuracy):
        remove_precision(folder, NAME)
        report.why = (
            f"float16 reached {accuracy}; expected a ratio of at least {report.min_auc_ratio:g}; use float32"
        )
        return report
    report.accepted = True
    fill_thresholds(report, bundle)
    for role, both in graphs.items():
        report.files.append(FileRow.of(bundle.path(role), "fp32"))
        measured = {"error": both.error, "accuracy": accuracy.ratio, "speed": speeds[role].ratio}
        report.files.append(FileRow.of(bundle.graph(role, NAME), NAME, **measured))
    report.files.append(FileRow.of(bundle.path("tracker_weights"), "fp32, fp16"))
    report.why = _accepted(report, accuracy, speeds["search"])
    return report


def _write(folder: Path, graphs: dict[str, Graphs]) -> Bundle:
    files = {}
    for role, both in graphs.items():
        name = files[f"{role}.{NAME}"] = f"{role}.{NAME}.onnx"
        (folder / name).write_bytes(both.model.SerializeToString(deterministic=True))
        onnx.checker.check_model(str(folder / name))
    policy = Policy.of(Bundle.open(folder).manifest.thresholds)
    thresholds = adjusted(policy, graphs["search"].pairs)
    return add_files(folder, files, precisions={NAME: Precision(tuple(graphs), thresholds)})


def _crops(bundle: Bundle, role: str, gate: Gate) -> list[Feeds]:
    """Return held-out inputs; for full-frame search, they are inputs of "search" with the image padded with gray."""
    if role in BATCHED:
        return _together(gate.calibration.held_out("search"), BATCHED[role])
    if role != "ground":
        return gate.calibration.held_out(role)
    side = bundle.manifest.tensors[role].inputs["image"].shape[-1]
    return [
        {**feeds, "image": _framed(feeds["image"], side)} for feeds in gate.calibration.held_out("search")
    ]


def _together(crops: list[Feeds], count: int) -> list[Feeds]:
    """Return ``crops`` in batches of ``count``; the last one is filled up from the beginning."""
    groups = [
        [crops[(first + i) % len(crops)] for i in range(count)] for first in range(0, len(crops), count)
    ]
    return [{name: np.concatenate([feeds[name] for feeds in group]) for name in crops[0]} for group in groups]


def _framed(image: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Return ``image`` (1, 3, S, S) centered in (1, 3, ``side``, ``side``); gray is 0 in a network's input."""
    before = max(0, side - image.shape[-1]) // 2
    framed = np.zeros((1, 3, side, side), np.float32)
    part = image[..., :side, :side]
    framed[..., before : before + part.shape[-2], before : before + part.shape[-1]] = part
    return framed


def _too_slow(target: str, speed: Speed) -> str:
    return (
        f"target {target} has no fast float16, and here the search graph ran {speed.ratio:.2f} times as fast in "
        "float16; for a GPU, select it, as in --target jetson-orin-nano (see: edgetrack targets)"
    )


def _accepted(report: Report, accuracy: Accuracy, speed: Speed) -> str:
    return (
        f"{accuracy}; {speed.ratio:.2f} times as fast on this CPU, which "
        f"does not predict the speed of a GPU: measure that on {report.target}, with edgetrack bench"
    )
