"""One selection of integer layers for all graphs, and its files in a bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrack.bundle import Bundle
from edgetrack.errors import ExportError
from edgetrack.export.layers import Source
from edgetrack.export.plan import Plan
from edgetrack.export.quantize import Flavor, quantize
from edgetrack.export.scores import adjusted
from edgetrack.export.session import Arrays
from edgetrack.export.staging import add_files
from edgetrack.export.weights import WeightFile
from edgetrack.manifest import Precision
from edgetrack.policy import Policy

NAME = "int8"
FLAVORS: dict[Flavor, str] = {"portable": "", "ort": ".ort"}  # suffixes of roles and file names
RANGES, _WEIGHTS = "int8.ranges.json", "tracker.int8.weights"


@dataclass(frozen=True, slots=True)
class Variant:
    """The layers that run in integers, by graph."""

    plans: Mapping[str, Plan]
    layers: Mapping[str, Sequence[str]]

    def in_float(self, kinds: Sequence[str]) -> dict[str, list[str]]:
        """Return by graph the layers of ``kinds`` that stay in float, most sensitive first."""
        return {
            role: [name for name in reversed(plan.layers(kinds)) if name not in self.layers[role]]
            for role, plan in self.plans.items()
        }

    def write(self, folder: Path, record: Mapping[str, Any]) -> Bundle:
        """Add the files of all flavors, the ranges and the adjusted thresholds to the bundle in ``folder``."""
        files, weights = {"int8_weights": _WEIGHTS, "int8_ranges": RANGES}, WeightFile(_WEIGHTS)
        bundle = Bundle.open(folder)
        sources = self._sources(bundle)
        for graph, (role, source) in sources.items():
            for flavor, ending in FLAVORS.items():
                model = quantize(source, self.plans[role].ranges, self.layers[role], flavor=flavor)
                weights.store_integers(model)
                name = files[f"{graph}.{NAME}{ending}"] = f"{graph}.{NAME}{ending}.onnx"
                (folder / name).write_bytes(model.SerializeToString(deterministic=True))
        (folder / _WEIGHTS).write_bytes(weights.bytes())
        (folder / RANGES).write_text(self.ranges_json(record), encoding="utf-8")
        thresholds = adjusted(Policy.of(bundle.manifest.thresholds), self.pairs("search"))
        return add_files(folder, files, precisions={NAME: Precision(tuple(sources), thresholds)})

    def pairs(self, role: str) -> list[tuple[Arrays, Arrays]]:
        """Return the outputs of float32 and of integers for the held-out crops."""
        plan = self.plans[role]
        session = plan.session(self.layers[role])
        return [(fp32, session.run(feeds)) for fp32, feeds in zip(plan.reference, plan.crops, strict=True)]

    def _sources(self, bundle: Bundle) -> dict[str, tuple[str, Source]]:
        """Return for each graph to quantize the graph whose ranges and layers it uses, and its float form."""
        sources = {role: (role, plan.source) for role, plan in self.plans.items()}
        for graph in bundle.batched:
            source, plan = Source.read(bundle.path(graph)), self.plans["search"]
            if source.layers != plan.source.layers or source.observed() != plan.source.observed():
                raise ExportError(
                    f"graph {graph!r} has other layers than 'search', although it shares its INT8; export "
                    "the checkpoint again"
                )
            sources[graph] = ("search", source)
        return sources

    def ranges_json(self, record: Mapping[str, Any]) -> str:
        """Return method, layers and ranges of each graph, and what they were measured on, as JSON."""
        graphs = {
            role: {"method": plan.method, "layers": sorted(self.layers[role]), "ranges": plan.ranges}
            for role, plan in self.plans.items()
        }
        return json.dumps({"calibration": record, "graphs": graphs}, indent=1, ensure_ascii=False) + "\n"
