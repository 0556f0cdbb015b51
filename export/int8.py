"""INT8 for a bundle: quantise, accept or refuse."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgetrack.bundle import Bundle
from edgetrack.engines.ort import OrtEngine
from edgetrack.export.accuracy import Accuracy
from edgetrack.export.calibration import QUANTIZED
from edgetrack.export.gate import Gate, fill
from edgetrack.export.plan import Plan, fastest_kinds, make_plan
from edgetrack.export.report import Attempt, FileRow, Int8Report
from edgetrack.export.staging import remove_precision
from edgetrack.export.variant import FLAVOURS, NAME, Variant
from edgetrack.export.watch import Watch

STEPS = (0, 4, 8, 16, 32)  # most sensitive layers of each graph that the search puts back into float


def add_int8(folder: Path, gate: Gate, *, watch: Watch) -> Int8Report:
    """Adds INT8 to the bundle in ``folder`` when it is accurate and fast enough; else says why it is not."""
    bundle, threads = gate.bundle, gate.config.threads
    plans = {
        role: make_plan(role, bundle.path(role), gate.calibration, threads=threads, watch=watch)
        for role in QUANTIZED
    }
    kinds = fastest_kinds(plans["search"], threads=threads)
    report = _report(gate, plans, kinds)
    for floats in STEPS:
        variant = Variant(plans, {role: plan.layers(kinds, floats=floats) for role, plan in plans.items()})
        speed = plans["search"].speed(variant.layers["search"], threads=threads)
        if speed.ratio <= 1:
            report.attempts.append(Attempt(floats, speed.ratio, None, passed=False))
            continue
        candidate = variant.write(folder, gate.calibration.record)
        accuracy = gate.judge.accuracy(OrtEngine(candidate, precision=NAME, threads=threads))
        passed = gate.passes(accuracy)
        report.attempts.append(Attempt(floats, speed.ratio, accuracy.ratio, passed))
        if passed:
            _accept(report, candidate, variant, accuracy)
            return report
        remove_precision(folder, NAME)
    report.why = _refusal(report)
    return report


def _report(gate: Gate, plans: Mapping[str, Plan], kinds: tuple[str, ...]) -> Int8Report:
    return Int8Report(
        precision=NAME,
        **gate.facts(),
        methods={role: plan.errors for role, plan in plans.items()},
        chosen_methods={role: plan.method for role, plan in plans.items()},
        kinds=kinds,
        sensitivity={role: plan.sensitivity for role, plan in plans.items()},
        in_float={},
    )


def _accept(report: Int8Report, bundle: Bundle, variant: Variant, accuracy: Accuracy) -> None:
    """Fills in what was measured of the INT8 that stays in ``bundle``."""
    fill(report, bundle, accuracy)
    report.in_float = variant.in_float(report.kinds)
    for role, plan in variant.plans.items():
        speed = plan.speed(variant.layers[role], threads=report.threads)
        report.latency_ms[role] = (speed.fp32_ms, speed.other_ms)
        report.files.append(FileRow.of(bundle.path(role), "fp32"))
        for flavour in FLAVOURS:
            measured = {"accuracy": accuracy.ratio, "speed": speed.ratio} if flavour == "ort" else {}
            error = plan.error(variant.layers[role], flavour=flavour)
            file = bundle.graph(role, NAME, flavour=flavour)
            report.files.append(FileRow.of(file, NAME, error=error, **measured))
    for role in bundle.batched:
        report.files.append(FileRow.of(bundle.path(role), "fp32"))
        report.files += [FileRow.of(bundle.graph(role, NAME, flavour=f), NAME) for f in FLAVOURS]
    report.files.append(FileRow.of(bundle.path("tracker_weights"), "fp32"))
    report.files.append(FileRow.of(bundle.path("int8_weights"), NAME))
    first, second = accuracy.means
    ratio = report.latency_ms["search"][0] / report.latency_ms["search"][1]
    report.why = (
        f"{accuracy.kind} {second:.3f} against {first:.3f} in fp32, search graph {ratio:.2f} times as fast"
    )


def _refusal(report: Int8Report) -> str:
    """Why no choice of layers passed."""
    speed = max(attempt.speed for attempt in report.attempts)
    measured = [attempt.accuracy for attempt in report.attempts if attempt.accuracy is not None]
    if not measured:
        return f"INT8 was not faster on this machine: at best {speed:.2f} times the speed of fp32"
    return (
        f"INT8 kept at best {max(measured):.3f} of fp32's accuracy, expected {report.min_auc_ratio:g}, with up to "
        f"{STEPS[-1]} layers of each graph in float; calibrate on video that is more like the clips"
    )
