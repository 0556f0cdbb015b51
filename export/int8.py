"""Add INT8 to a bundle: quantize, then accept or refuse."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from edgetrack.bundle import MASK, Bundle
from edgetrack.engines.ort import OrtEngine
from edgetrack.export.accuracy import Accuracy
from edgetrack.export.gate import Gate, fill, fill_thresholds
from edgetrack.export.outlines import add_outlines
from edgetrack.export.plan import Plan, fastest_kinds, make_plan
from edgetrack.export.report import Attempt, FileRow, Int8Report, Report
from edgetrack.export.session import Session
from edgetrack.export.speed import compare_speed
from edgetrack.export.subject import QUANTIZED, Own, Subject
from edgetrack.export.variant import NAME, Variant
from edgetrack.export.watch import Watch

STEPS = (0, 4, 8, 16, 32)  # numbers of most sensitive layers per graph that the search returns to float


def add_int8(gate: Gate, *, watch: Watch) -> Report:
    """Add INT8 to the bundle of ``gate`` if it is accurate and fast enough; else report why not."""
    subject, threads = gate.subject, gate.config.threads
    roles = subject.quantized(gate.calibration.runs)
    plans = {
        role: make_plan(role, subject.paths[role], gate.calibration, threads=threads, watch=watch)
        for role in roles
    }
    decisive = roles[0]
    kinds = fastest_kinds(plans[decisive], threads=threads)
    report = _report(gate, plans, kinds)
    for floats in STEPS:
        variant = Variant(plans, {role: plan.layers(kinds, floats=floats) for role, plan in plans.items()})
        if not any(variant.layers.values()):
            break
        speed = plans[decisive].speed(variant.layers[decisive], threads=threads)
        if speed.ratio <= 1 and gate.is_here:
            report.attempts.append(Attempt(floats, speed.ratio, None, passed=False))
            continue
        tracker = subject.write(variant, gate.calibration.record)
        accuracy = gate.judge.accuracy(tracker, NAME)
        passed = gate.passes(accuracy)
        report.attempts.append(Attempt(floats, speed.ratio, accuracy.ratio, passed))
        if passed or report.ratio is None or accuracy.ratio > report.ratio:
            fill(report, accuracy)
        if passed:
            report.latency_ms[decisive] = (
                speed.fp32_ms,
                speed.other_ms,
            )  # this variant has passed; do not measure it again
            _accept(report, gate, variant, accuracy, decisive)
            if MASK in report.refused:
                add_outlines(report, gate, watch=watch)
            return report
        subject.remove()
    report.why = _refusal(report)
    return report


def keep_int8(gate: Gate, *, watch: Watch) -> Report:
    """Measure the INT8 that a bundle of edgetrack's own model already has, without quantizing again.

    This is for users who give no video: the drawn demo scene is not better calibration data than that of the existing
    INT8.
    """
    subject = gate.subject
    assert isinstance(subject, Own)
    bundle, threads = subject.bundle, gate.config.threads
    report = Report(precision=NAME, **gate.facts(), accepted=True, kept=True)
    accuracy = gate.judge.accuracy(subject.opened(OrtEngine(bundle, precision=NAME, threads=threads)), NAME)
    fill(report, accuracy)
    fill_thresholds(report, bundle)
    for role in watch(QUANTIZED, "measuring the speed of INT8", len(QUANTIZED)):
        files = bundle.path(role), bundle.graph(role, NAME, flavor="ort")
        fp32, int8 = (Session.of(file, threads=threads) for file in files)
        feeds = gate.calibration.crops[role][0]
        speed = compare_speed(lambda f=fp32, x=feeds: f.run(x), lambda f=int8, x=feeds: f.run(x))  # type: ignore[misc]
        report.latency_ms[role] = (speed.fp32_ms, speed.other_ms)
        report.files.append(FileRow.of(files[0], "fp32"))
        report.files.append(FileRow.of(files[1], NAME, accuracy=accuracy.ratio, speed=speed.ratio))
    report.why = (
        f"kept unchanged from {subject.name}, calibrated on {_sources(bundle)}, because without "
        f"--calibration there is nothing better to derive it from; here {accuracy}, {_speed(report, 'search')}"
    )
    return report


def _sources(bundle: Bundle) -> str:
    """Return what the INT8 of a bundle was calibrated on, according to its ranges file."""
    try:
        sources = json.loads(bundle.path("int8_ranges").read_text(encoding="utf-8"))["calibration"]["sources"]
        return ", ".join(Path(source).name for source in sources)
    except (OSError, ValueError, KeyError, TypeError):
        return "videos that are not recorded"


def _report(gate: Gate, plans: Mapping[str, Plan], kinds: tuple[str, ...]) -> Int8Report:
    return Int8Report(
        precision=NAME,
        **gate.facts(),
        methods={role: plan.errors for role, plan in plans.items()},
        chosen_methods={role: plan.method for role, plan in plans.items()},
        kinds=kinds,
        sensitivity={role: plan.sensitivity for role, plan in plans.items()},
        in_float={},
        refused=_refused(gate.subject, plans),
    )


def _refused(subject: Subject, plans: Mapping[str, Plan]) -> dict[str, str]:
    """Return the graphs that stay in float, and why."""
    if not isinstance(subject, Own):
        return {}
    return {role: why for role, why in subject.in_float.items() if role not in plans}


def _accept(report: Int8Report, gate: Gate, variant: Variant, accuracy: Accuracy, decisive: str) -> None:
    """Fill in the measurements of the INT8 that stays in the bundle."""
    report.accepted = True
    report.in_float = variant.in_float(report.kinds)
    if isinstance(gate.subject, Own):
        fill_thresholds(report, gate.subject.bundle)
    for role, plan in variant.plans.items():
        if role != decisive:
            speed = plan.speed(variant.layers[role], threads=report.threads)
            report.latency_ms[role] = (speed.fp32_ms, speed.other_ms)
    speeds = {role: fp32 / other for role, (fp32, other) in report.latency_ms.items()}
    report.files += gate.subject.files(variant, accuracy=accuracy.ratio, speed=speeds)
    report.why = f"{accuracy}; {_speed(report, decisive)}"


def _speed(report: Report, role: str) -> str:
    """Return how fast INT8 is, and where that was measured."""
    fp32, other = report.latency_ms[role]
    said = f"{role} graph {fp32 / other:.2f} times as fast on this {report.measured_on}"
    if report.target == report.measured_on:
        return said
    return f"{said}, which does not predict the speed of {report.target}: measure that there, with edgetrack bench"


def _refusal(report: Int8Report) -> str:
    """Return why no selection of layers passed."""
    if not report.attempts:
        return "no graph has a layer that can run in integers: a convolution or matrix product with constant weights"
    speed = max(attempt.speed for attempt in report.attempts)
    if report.ratio is None or report.interval is None:
        return f"INT8 was not faster on this machine: at best {speed:.2f} times the speed of fp32"
    low, high = report.interval
    unsure = (
        f", which cannot be distinguished from {report.min_auc_ratio:g} with so few frames"
        if high >= report.min_auc_ratio
        else ""
    )
    remedy = "give more video" if unsure else "calibrate on video that is more similar to that of --accept"
    if report.calibration["sources"] == ["demo scene"]:
        remedy = "give your own video: --calibration VIDEO"
    return (
        f"INT8 kept at best {report.ratio:.3f} of fp32's accuracy over {report.evidence} frames; expected "
        f"{report.min_auc_ratio:g} (95 % interval {low:.2f} to {high:.2f}{unsure}), with up to "
        f"{report.attempts[-1].floats} layers of each graph in float; {remedy}"
    )
