"""INT8 for the mask head, kept only if its masks are as accurate as in float32 on the user's clips with masks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from edgetrack.bundle import MASK, Bundle
from edgetrack.engines.ort import OrtEngine, OrtGraph
from edgetrack.errors import ExportError
from edgetrack.evaluation.metrics.masks import contour_accuracy, region_similarity
from edgetrack.export.calibration import Calibration, Keep, clips_of, record
from edgetrack.export.gate import Gate
from edgetrack.export.labels import Labeled, labeled_clips
from edgetrack.export.on_labels import OnLabels, followed
from edgetrack.export.plan import Plan, fastest_kinds, make_plan
from edgetrack.export.quantize import quantize
from edgetrack.export.report import Attempt, FileRow, Int8Report, MaskReport
from edgetrack.export.staging import add_files, float_graphs
from edgetrack.export.subject import Recorder
from edgetrack.export.variant import FLAVORS, NAME, Variant
from edgetrack.export.watch import Watch
from edgetrack.export.weights import WeightFile
from edgetrack.io.opencv import load_cv2
from edgetrack.peers import FrameTracker, Mode
from edgetrack.tracker import Tracker

STEPS = (0, 4, 8, 16)  # numbers of most sensitive layers that the search returns to float
WEIGHTS, FILE = "int8_mask_weights", "mask.int8.weights"
RANGES = "mask.int8.ranges.json"


class Outlining:
    """A bundle whose graph "mask" is recorded; see `edgetrack.export.calibration.Watched`."""

    modes: tuple[Mode, ...] = get_args(Mode)

    def __init__(self, bundle: Bundle, *, threads: int) -> None:
        self._bundle, self._threads = bundle, threads
        self.name = f"{MASK} of {bundle.manifest.name} {bundle.manifest.version}"
        self.paths: Mapping[str, Path] = {MASK: bundle.path(MASK)}

    def quantized(self, runs: Mapping[str, int]) -> Sequence[str]:
        del runs
        return (MASK,)

    @contextmanager
    def watched(self, keep: Keep) -> Iterator[Callable[[], FrameTracker]]:
        engine = Recorder(OrtEngine(self._bundle, threads=self._threads), keep, (MASK,))
        yield lambda: Tracker(engine=engine, masks=True)


class Outlines(OnLabels):
    """J&F of the mask head. Boxes do not depend on masks, so both precisions segment the same boxes."""

    kind = "J&F"
    evidence = "the clips of --accept have masks"
    doing = "outlining labeled clips"

    def measure(self, tracker: FrameTracker, clip: Labeled) -> list[tuple[int, float]]:
        """Yield the frames and the mean J&F of each turn of the clip; the frame with the given box does not count."""
        turns: list[list[float]] = []
        masks = iter(clip.masks[clip.start :])
        for frame, track, is_start in followed(tracker, clip):
            path = next(masks)
            if is_start:
                turns.append([])
                continue
            truth = _read(path, frame.pixels.shape[:2])
            found = np.zeros_like(truth) if track.mask is None else track.mask.dense()
            turns[-1].append((region_similarity(found, truth) + contour_accuracy(found, truth)) / 2)
        return [(len(turn), float(np.mean(turn))) for turn in turns if turn]


class _HeadEngine(OrtEngine):
    """Float32 everywhere except in the mask head, which runs in ``precision``, so that only the head differs."""

    def __init__(self, bundle: Bundle, precision: str, *, threads: int) -> None:
        super().__init__(bundle, threads=threads)
        self._head = precision

    def _open(self, role: str) -> Any:
        if role != MASK:
            return super()._open(role)
        return OrtGraph(role, self.bundle.graph(role, self._head, flavor="ort"), threads=self._threads)


def add_outlines(report: Int8Report, gate: Gate, *, watch: Watch) -> None:
    """Add INT8 of the mask head to a bundle with accepted INT8, if it is accurate and fast enough.

    Without clips with masks, the head stays in float32, and ``report.refused`` gives the reason.

    Raises:
        ExportError, SourceError: The clips or their masks cannot be used.
    """
    folder, threads = gate.subject.folder, gate.config.threads
    clips = [] if gate.config.accept is None else [c for c in labeled_clips(gate.config.accept) if c.masks]
    if not clips:
        return
    bundle = Bundle.open(folder)
    judge = Outlines(_tracker(bundle, "fp32", threads), clips, watch=watch)
    crops = _crops(bundle, gate, watch)
    plan = make_plan(MASK, bundle.path(MASK), crops, threads=threads, watch=watch)
    kinds = fastest_kinds(plan, threads=threads)
    report.methods[MASK], report.chosen_methods[MASK] = plan.errors, plan.method
    report.sensitivity[MASK] = plan.sensitivity
    report.masks = masks = MaskReport(min_jf_ratio=gate.config.min_auc_ratio)
    for floats in STEPS:
        layers = plan.layers(kinds, floats=floats)
        if not layers:
            break
        speed = plan.speed(layers, threads=threads)
        if speed.ratio <= 1 and gate.is_here:
            masks.attempts.append(Attempt(floats, speed.ratio, None, passed=False))
            continue
        ranges = Variant({MASK: plan}, {MASK: layers}).ranges_json(crops.record)
        bundle = _write(folder, plan, layers, ranges, masks.min_jf_ratio)
        found = judge.accuracy(_tracker(bundle, NAME, threads), NAME)
        passed = gate.passes(found)
        masks.attempts.append(Attempt(floats, speed.ratio, found.ratio, passed))
        if passed or masks.ratio is None or found.ratio > masks.ratio:
            masks.take(found)
        if passed:
            report.latency_ms[MASK] = (speed.fp32_ms, speed.other_ms)
            report.in_float[MASK] = [name for name in plan.layers(kinds) if name not in layers]
            report.refused.pop(MASK)
            report.files += _rows(bundle, plan, layers, found.ratio, speed.ratio)
            masks.accepted, masks.why = True, f"{found}; mask graph {speed.ratio:.2f} times as fast"
            return
        float_graphs(folder, (MASK,))
    masks.why = report.refused[MASK] = _refusal(masks)


def _tracker(bundle: Bundle, precision: str, threads: int) -> Tracker:
    return Tracker(engine=_HeadEngine(bundle, precision, threads=threads), masks=True)


def _crops(bundle: Bundle, gate: Gate, watch: Watch) -> Calibration:
    """Return the inputs of the head in the calibration videos; the clips for acceptance are separate."""
    config = gate.config
    subject = Outlining(bundle, threads=config.threads)
    return record(subject, clips_of(config.calibration), text=config.text, box=config.box, watch=watch)


def _write(folder: Path, plan: Plan, layers: Sequence[str], ranges: str, least: float) -> Bundle:
    """Add all flavors of the head to the INT8 files of the bundle in ``folder``."""
    files, weights = {WEIGHTS: FILE, "int8_mask_ranges": RANGES}, WeightFile(FILE)
    for flavor, ending in FLAVORS.items():
        model = quantize(plan.source, plan.ranges, layers, flavor=flavor)
        weights.store_integers(model)
        name = files[f"{MASK}.{NAME}{ending}"] = f"{MASK}.{NAME}{ending}.onnx"
        (folder / name).write_bytes(model.SerializeToString(deterministic=True))
    (folder / FILE).write_bytes(weights.bytes())
    (folder / RANGES).write_text(ranges, encoding="utf-8")
    own = Bundle.open(folder).manifest.precisions[NAME]
    return add_files(
        folder, files, precisions={NAME: replace(own, graphs=(*own.graphs, MASK), min_jf_ratio=least)}
    )


def _rows(bundle: Bundle, plan: Plan, layers: Sequence[str], ratio: float, speed: float) -> Iterator[FileRow]:
    yield FileRow.of(bundle.path(MASK), "fp32")
    for flavor in FLAVORS:
        measured = {"accuracy": ratio, "speed": speed} if flavor == "ort" else {}
        error = plan.error(layers, flavor=flavor)
        yield FileRow.of(bundle.graph(MASK, NAME, flavor=flavor), NAME, error=error, **measured)
    yield FileRow.of(bundle.path(WEIGHTS), NAME)


def _refusal(masks: MaskReport) -> str:
    """Return why no selection of layers passed."""
    if not masks.attempts:
        return "the mask head has no layer that can run in INT8"
    if masks.ratio is None or masks.interval is None:
        best = max(attempt.speed for attempt in masks.attempts)
        return f"INT8 was not faster on this machine: at best {best:.2f} times the speed of fp32"
    low, high = masks.interval
    return (
        f"INT8 kept at best {masks.ratio:.3f} of fp32's J&F over {masks.evidence} frames; expected "
        f"{masks.min_jf_ratio:g} (95 % interval {low:.2f} to {high:.2f})"
    )


def _read(path: Path, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Read a mask (H, W), True where any channel of the PNG file is nonzero."""
    cv2 = load_cv2()
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.shape[:2] != shape:
        size = "cannot be read" if pixels is None else f"is {pixels.shape[1]}x{pixels.shape[0]}"
        raise ExportError(
            f"mask {path} {size}; expected a PNG of the video's {shape[1]}x{shape[0]} pixels, nonzero on the target"
        )
    return np.asarray(pixels[..., :3].any(2) if pixels.ndim == 3 else pixels != 0)
