"""What the way from C++ through Python to ONNX Runtime and back costs a frame, as a share of the frame.

The same tracker runs twice in turns: on the model, and on an engine that binds the same buffers, in the same way, to
graphs that do next to nothing. What "network" then takes is the way there and back: an upper bound, as ONNX Runtime's
own cost of a call is in it.

python benchmarks/hop.py [--model BUNDLE] [--frames N] [--json]
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

import edgetrack
from edgetrack.engines.ort import OrtGraph
from edgetrack.manifest import GraphSpec
from edgetrack.reporting import machine


class IdleEngine:
    """The graphs of another engine, without their work: every output is a constant."""

    name, precision, reason = "idle", "fp32", "graphs that give constants"

    def __init__(self, bundle: edgetrack.Bundle) -> None:
        self.bundle = bundle
        self._graphs: dict[str, OrtGraph] = {}

    def graph(self, role: str) -> OrtGraph:
        if role not in self._graphs:
            model = _constants(self.bundle.manifest.tensors[role])
            session = onnxruntime.InferenceSession(
                model.SerializeToString(), providers=["CPUExecutionProvider"]
            )
            self._graphs[role] = OrtGraph(role, session)
        return self._graphs[role]

    def close(self) -> None:
        self._graphs.clear()


def _constants(spec: GraphSpec) -> onnx.ModelProto:
    types = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64}
    inputs = [helper.make_tensor_value_info(n, types[s.dtype], s.shape) for n, s in spec.inputs.items()]
    nodes, outputs = [], []
    for name, s in spec.outputs.items():
        value = onnx.numpy_helper.from_array(np.full(s.shape, 0.5, s.dtype))
        nodes.append(helper.make_node("Constant", [], [name], value=value))
        outputs.append(helper.make_tensor_value_info(name, types[s.dtype], s.shape))
    graph = helper.make_graph(nodes, "idle", inputs, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def measure(model: str | None, frames: int) -> dict[str, float]:
    """Medians in milliseconds, and the share."""
    real = edgetrack.Tracker(model)
    trackers = {"model": real, "idle": edgetrack.Tracker(engine=IdleEngine(real.engine.bundle))}
    pixels = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in trackers}
    for tracker in trackers.values():
        tracker.start(pixels, box=(300, 200, 60, 60))
    for _ in range(frames):
        for name, tracker in trackers.items():
            if tracker.update(pixels).status == "lost":
                tracker.start(pixels, box=(300, 200, 60, 60))
            t: Any = tracker.timing
            times[name].append((t.network, t.crop + t.network + t.other))
    hop, frame = (float(np.median([row[i] for row in times[n]])) for i, n in ((0, "idle"), (1, "model")))
    return {"hop_ms": hop, "frame_ms": frame, "share": hop / frame}


def main() -> None:
    """Prints one line, or JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model")
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    result = measure(args.model, args.frames)
    if args.json:
        print(json.dumps({**result, "machine": machine.facts()}))
        return
    print(f"hop {result['hop_ms']:.3f} ms of a frame of {result['frame_ms']:.2f} ms: {result['share']:.2%}")


if __name__ == "__main__":
    main()
