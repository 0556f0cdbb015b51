"""How a graph is quantized: its ranges, the method with the smallest error, and the sensitivity of each layer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetrack.export.calibration import Calibration, Feeds
from edgetrack.export.layers import KINDS, Source
from edgetrack.export.quantize import Flavor, quantize
from edgetrack.export.ranges import METHODS, Histogram, Range, observe
from edgetrack.export.session import Arrays, Session, relative_error
from edgetrack.export.speed import Speed, compare_speed
from edgetrack.export.watch import Watch

_PROBES = 4  # number of crops on which the error of a single layer is measured


@dataclass
class Plan:
    """The quantization plan of one graph.

    Attributes:
        errors: Relative output error on held-out crops with all layers in integers, by method.
        sensitivity: Relative output error with only this layer in integers, by layer.
    """

    source: Source
    crops: list[Feeds]  # held-out crops
    reference: list[Arrays]  # outputs of float32 for them
    method: str
    ranges: dict[str, Range]
    errors: dict[str, float]
    sensitivity: dict[str, float]

    def layers(self, kinds: Collection[str], *, floats: int = 0) -> list[str]:
        """Return all layers of ``kinds`` except the ``floats`` most sensitive ones."""
        chosen = [layer.name for layer in self.source.layers.values() if layer.kind in kinds]
        return sorted(chosen, key=lambda name: self.sensitivity[name])[: max(0, len(chosen) - floats)]

    def session(self, layers: Collection[str], *, flavor: Flavor = "ort", threads: int = 1) -> Session:
        """Return the graph with ``layers`` in integers, ready to run."""
        model = quantize(self.source, self.ranges, layers, flavor=flavor)
        return Session(model, self.source.folder, threads=threads)

    def error(self, layers: Collection[str], *, flavor: Flavor) -> float:
        """Return the relative output error on all held-out crops."""
        return _error(self.session(layers, flavor=flavor), self.crops, self.reference)

    def speed(self, layers: Collection[str], *, threads: int) -> Speed:
        """Compare the speed of the float32 graph and the graph with ``layers`` in integers, in ONNX Runtime."""
        fp32 = Session(self.source.model, self.source.folder, threads=threads)
        other, feeds = self.session(layers, threads=threads), self.crops[0]
        return compare_speed(lambda: fp32.run(feeds), lambda: other.run(feeds))


def make_plan(role: str, path: Path, calibration: Calibration, *, threads: int, watch: Watch) -> Plan:
    """Measure ranges, methods and layers of the graph in ``path``."""
    source = Source.read(path)
    crops = calibration.held_out(role)
    fp32 = Session(source.model, source.folder, threads=threads)
    reference = [fp32.run(feeds) for feeds in crops]
    histograms = _histograms(role, source, calibration.fitting(role), threads=threads, watch=watch)
    errors = {}
    for method, rule in watch(list(METHODS.items()), f"{role}: comparing ways to set ranges", len(METHODS)):
        ranges = {name: rule(seen) for name, seen in histograms.items()}
        session = Session(
            quantize(source, ranges, source.layers, flavor="ort"), source.folder, threads=threads
        )
        errors[method] = _error(session, crops, reference)
    best = min(errors, key=lambda method: errors[method])
    ranges = {name: METHODS[best](seen) for name, seen in histograms.items()}
    plan = Plan(source, crops, reference, best, ranges, errors, {})
    for name in watch(list(source.layers), f"{role}: measuring each layer", len(source.layers)):
        session = plan.session([name], threads=threads)
        plan.sensitivity[name] = _error(session, crops[:_PROBES], reference)
    return plan


def fastest_kinds(plan: Plan, *, threads: int) -> tuple[str, ...]:
    """Return convolutions alone, or matrix products too, whichever runs faster on this machine."""
    conv = plan.speed(plan.layers(("Conv",)), threads=threads)
    both = plan.speed(plan.layers(KINDS), threads=threads)
    return KINDS if both.ratio > conv.ratio else ("Conv",)


def _histograms(
    role: str, source: Source, crops: Sequence[Feeds], *, threads: int, watch: Watch
) -> dict[str, Histogram]:
    names = source.observed()
    session = Session(source.model, source.folder, threads=threads, watched=names)

    def run(feeds: Feeds) -> Arrays:
        values = {**feeds, **session.run(feeds)}
        return {name: values[name] for name in names}

    titles = iter((f"{role}: measuring extremes", f"{role}: measuring distributions"))
    return observe(run, lambda: watch(crops, next(titles), len(crops)))


def _error(session: Session, crops: Sequence[Feeds], reference: Sequence[Arrays]) -> float:
    return sum(relative_error(session.run(f), r) for f, r in zip(crops, reference, strict=False)) / len(crops)
