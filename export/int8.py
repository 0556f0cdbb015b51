"""INT8 for a bundle: calibrate, quantise, accept or refuse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetrack import targets
from edgetrack.bundle import Bundle
from edgetrack.engines.ort import OrtEngine
from edgetrack.errors import ConfigError
from edgetrack.evaluation.machine import processor
from edgetrack.export.accuracy import Accuracy, Agreement, Judge, Labels
from edgetrack.export.calibration import QUANTIZED, Calibration, Clip, clips_of, record
from edgetrack.export.plan import Plan, fastest_kinds, make_plan
from edgetrack.export.report import Attempt, FileRow, Report
from edgetrack.export.staging import remove_precision, versions
from edgetrack.export.variant import FLAVOURS, NAME, Variant, roles
from edgetrack.export.watch import Watch
from edgetrack.policy import Policy
from edgetrack.types import Box

STEPS = (0, 4, 8, 16, 32)  # most sensitive layers of each graph that the search puts back into float


@dataclass(frozen=True, slots=True)
class Int8Config:
    """What to calibrate on, what to accept.

    Raises:
        ConfigError: a value outside its range, or a target that does not compute INT8.
    """

    calibration: tuple[str, ...] = ()  # videos; empty: the drawn demo scene
    text: str | None = None
    box: Box | None = None
    accept: Path | None = None  # labelled clips; None: agreement with float32 on the calibration videos
    target: str = "auto"
    min_auc_ratio: float = 0.99
    threads: int = 2

    def __post_init__(self) -> None:
        if not 0 < self.min_auc_ratio <= 1:
            raise ConfigError(
                f"--min-auc-ratio is {self.min_auc_ratio}; expected a number above 0, at most 1"
            )
        board = targets.detect() if self.target == "auto" else targets.load(self.target)
        if NAME not in board.precisions:
            raise ConfigError(
                f"target {board.name} runs {', '.join(board.precisions)}, not int8; "
                "leave --int8 out, or see: edgetrack targets"
            )
        object.__setattr__(self, "target", board.name)


def add_int8(folder: Path, config: Int8Config, *, watch: Watch) -> Report:
    """Adds INT8 to the float32 bundle in ``folder`` when it is accurate and fast enough; else says why it is not.

    Raises:
        ExportError, SourceError, BoxError, PromptError: clips, box or text cannot be used.
    """
    bundle = Bundle.open(folder)
    engine = OrtEngine(bundle, threads=config.threads)
    clips = clips_of(config.calibration)
    judge = _judge(engine, clips, config, watch)
    calibration = record(engine, clips, text=config.text, box=config.box, watch=watch)
    plans = {
        role: make_plan(role, bundle.path(role), calibration, threads=config.threads, watch=watch)
        for role in QUANTIZED
    }
    kinds = fastest_kinds(plans["search"], threads=config.threads)
    report = _report(bundle, config, calibration, plans, kinds)
    for floats in STEPS:
        variant = Variant(plans, {role: plan.layers(kinds, floats=floats) for role, plan in plans.items()})
        accuracy, speed = None, plans["search"].speed(variant.layers["search"], threads=config.threads)
        if speed.ratio > 1:
            variant.write(folder, calibration.record)
            candidate = OrtEngine(Bundle.open(folder), precision=NAME, threads=config.threads)
            accuracy = judge.accuracy(candidate)
        passed = accuracy is not None and accuracy.ratio >= config.min_auc_ratio
        report.attempts.append(Attempt(floats, speed.ratio, accuracy.ratio if accuracy else None, passed))
        if passed and accuracy is not None:
            _accept(report, Bundle.open(folder), variant, accuracy, config)
            return report
        remove_precision(folder, NAME, roles())
    report.why = _refusal(report)
    return report


def _judge(engine: OrtEngine, clips: Sequence[Clip], config: Int8Config, watch: Watch) -> Judge:
    if config.accept is not None:
        return Labels(engine, config.accept, watch=watch)
    return Agreement(engine, clips, text=config.text, box=config.box, watch=watch)


def _report(
    bundle: Bundle,
    config: Int8Config,
    calibration: Calibration,
    plans: Mapping[str, Plan],
    kinds: tuple[str, ...],
) -> Report:
    return Report(
        model=f"{bundle.manifest.name} {bundle.manifest.version}",
        target=config.target,
        machine=processor(),
        threads=config.threads,
        versions=versions(),
        calibration=calibration.record,
        min_auc_ratio=config.min_auc_ratio,
        methods={role: plan.errors for role, plan in plans.items()},
        chosen_methods={role: plan.method for role, plan in plans.items()},
        kinds=kinds,
        sensitivity={role: plan.sensitivity for role, plan in plans.items()},
        in_float={},
    )


def _accept(report: Report, bundle: Bundle, variant: Variant, accuracy: Accuracy, config: Int8Config) -> None:
    """Fills in what was measured of the INT8 that stays in ``bundle``."""
    report.accepted = True
    report.accuracy_kind, report.clips = accuracy.kind, accuracy.clips
    fp32, int8 = (Policy.of(bundle.manifest.thresholds_of(name)) for name in ("fp32", NAME))
    names = bundle.manifest.precisions[NAME].thresholds
    report.thresholds = {name: (getattr(fp32, name), getattr(int8, name)) for name in names}
    report.in_float = variant.in_float(report.kinds)
    for role, plan in variant.plans.items():
        speed = plan.speed(variant.layers[role], threads=config.threads)
        report.latency_ms[role] = (speed.fp32_ms, speed.other_ms)
        report.files.append(FileRow(bundle.path(role).name, "fp32", _megabytes(bundle.path(role))))
        for flavour in FLAVOURS:
            file = bundle.graph(role, NAME, flavour=flavour)
            error = plan.error(variant.layers[role], flavour=flavour)
            measured = (accuracy.ratio, speed.ratio) if flavour == "ort" else (None, None)
            report.files.append(FileRow(file.name, NAME, _megabytes(file), error, *measured))
    for role in ("tracker_weights", "int8_weights"):
        file = bundle.path(role)
        report.files.append(FileRow(file.name, NAME if role.startswith(NAME) else "fp32", _megabytes(file)))
    first, second = accuracy.means
    ratio = report.latency_ms["search"][0] / report.latency_ms["search"][1]
    report.why = (
        f"{accuracy.kind} {second:.3f} against {first:.3f} in fp32, search graph {ratio:.2f} times as fast"
    )


def _refusal(report: Report) -> str:
    """Why no choice of layers passed."""
    speed = max(attempt.speed for attempt in report.attempts)
    measured = [attempt.accuracy for attempt in report.attempts if attempt.accuracy is not None]
    if not measured:
        return f"INT8 was not faster on this machine: at best {speed:.2f} times the speed of fp32"
    return (
        f"INT8 kept at best {max(measured):.3f} of fp32's accuracy, expected {report.min_auc_ratio:g}, with up to "
        f"{STEPS[-1]} layers of each graph in float; calibrate on video that is more like the clips"
    )


def _megabytes(file: Path) -> float:
    return file.stat().st_size / 1e6
