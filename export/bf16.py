"""Accept or refuse bfloat16 for an adapter's bundle. OpenVINO computes it from existing files, so none are added."""

from __future__ import annotations

from edgetrack.export.adapters.bundle import Foreign
from edgetrack.export.gate import Gate, fill
from edgetrack.export.report import Report
from edgetrack.export.speed import compare_speed
from edgetrack.export.watch import Watch
from edgetrack.peers.bundle import COMPUTED
from edgetrack.peers.sessions import Bf16Session, open_session, run


def add_bf16(gate: Gate, *, name: str = "bf16", watch: Watch) -> Report:
    """List bfloat16 in the manifest of ``gate``'s bundle if it is accurate and fast enough; else report why not.

    Args:
        gate: The gate with the bundle of an adapter.
        name: "bf16", or "int8-bf16" for the layers that the INT8 files keep in float32.
        watch: Shows the progress.

    Returns:
        The report of this precision.
    """
    report, subject = Report(precision=name, **gate.facts()), gate.subject
    assert isinstance(subject, Foreign)
    role = subject.quantized(gate.calibration.runs)[0]
    file, threads = subject.bundle.graphs(COMPUTED[name]) / f"{role}.onnx", report.threads
    fp32, other = (
        open_session(subject.paths[role], threads, subject.name),
        Bf16Session(file, threads, subject.name),
    )
    feeds = gate.calibration.held_out(role)[0]
    for _ in watch([0], f"measuring the speed of {name}", 1):
        speed = compare_speed(lambda: run(fp32, **feeds), lambda: run(other, **feeds))
    report.latency_ms[role] = (speed.fp32_ms, speed.other_ms)
    said = f"{role} graph {speed.ratio:.2f} times as fast on this {report.measured_on}, with OpenVINO"
    if speed.ratio <= 1 and gate.is_here:
        report.why = f"{said}; use float32"
        return report
    accuracy = gate.judge.accuracy(subject.opened(name), name)
    fill(report, accuracy)
    report.accepted = gate.passes(accuracy)
    if report.accepted:
        subject.add_computed(name)
        report.why = f"{accuracy}; {said}"
    else:
        report.why = f"{name} reached {accuracy}; expected a ratio of at least {report.min_auc_ratio:g}"
    return report
