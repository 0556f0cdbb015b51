"""bfloat16 for an adapter's bundle: accept or refuse. OpenVINO computes it from the float32 graphs: it adds no file."""

from __future__ import annotations

from edgetrack.export.adapters.bundle import Foreign
from edgetrack.export.gate import Gate, fill
from edgetrack.export.report import Report
from edgetrack.export.speed import compare_speed
from edgetrack.export.watch import Watch
from edgetrack.peers.sessions import Bf16Session, open_session, run

NAME = "bf16"


def add_bf16(gate: Gate, *, watch: Watch) -> Report:
    """Has the manifest of ``gate``'s bundle name bfloat16 when it is accurate and fast enough; else says why not.

    Raises:
        ConfigError: the adapter does not compute it.
    """
    report, subject = Report(precision=NAME, **gate.facts()), gate.subject
    assert isinstance(subject, Foreign)
    tracker = subject.opened(NAME)
    role = subject.quantized(gate.calibration.runs)[0]
    path, name, threads = subject.paths[role], subject.name, report.threads
    fp32, bf16 = open_session(path, threads, name), Bf16Session(path, threads, name)
    feeds = gate.calibration.held_out(role)[0]
    for _ in watch([0], "measuring the speed of bfloat16", 1):
        speed = compare_speed(lambda: run(fp32, **feeds), lambda: run(bf16, **feeds))
    report.latency_ms[role] = (speed.fp32_ms, speed.other_ms)
    said = f"{role} graph {speed.ratio:.2f} times as fast on this {report.measured_on}, with OpenVINO"
    if speed.ratio <= 1 and gate.is_here:
        report.why = f"{said}; run float32"
        return report
    accuracy = gate.judge.accuracy(tracker, NAME)
    fill(report, accuracy)
    report.accepted = gate.passes(accuracy)
    if report.accepted:
        subject.add_computed(NAME)
        report.why = f"{accuracy}; {said}"
    else:
        report.why = f"bfloat16 gave {accuracy}, expected {report.min_auc_ratio:g} of it; run float32"
    return report
