"""What the token selection is worth in the whole search network, on ONNX Runtime, alternating in one run.

python benchmarks/token_select_network.py [--threads 2] [--rounds 200] [--keep 128] [--json]

- function: the graph as exported, TokenSelect and TokenRestore as functions of standard operators.
- library: the same file with the compiled operators registered; outputs are compared first.
- none: no selection at all, every token takes the second layer.

The weights are random: they do not change the time. Leave the machine alone meanwhile.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from common import machine, medians_ms, random_feeds
from torch import Tensor

from edgetrack._native import library
from edgetrack.engines.ort import session_options
from edgetrack.export.graphs import ExportGraph, build_graphs
from edgetrack.export.onnx_graph import to_onnx
from edgetrack.export.parity import TOLERANCE
from edgetrack.training.models.network import EdgetrackNet
from edgetrack.training.models.text import MiniLM


class WithoutSelection(EdgetrackNet):
    """Every token takes the second layer."""

    def refine(
        self, tokens: Tensor, memory: Tensor, memory_mask: Tensor, prototypes: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        margins = torch.ones_like(tokens[..., 0])
        return self.selected(tokens, memory, memory_mask), margins, (margins > 0).sum(1).int()


def search_graph(kind: type[EdgetrackNet], keep: int) -> ExportGraph:
    """The search graph of a network with random weights, the same for every kind."""
    torch.manual_seed(0)
    return build_graphs(kind(keep=keep), MiniLM(64))["search"]


def open_session(model: bytes, threads: int, *, compiled: bool = False) -> Any:
    """A session as the engine opens it."""
    options = session_options(threads)
    if compiled:
        options.register_custom_ops_library(str(library("ops")))
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def measure(threads: int, rounds: int, keep: int) -> dict[str, float]:
    """Median milliseconds by name."""
    selecting, dense = (search_graph(kind, keep) for kind in (EdgetrackNet, WithoutSelection))
    exported, whole = (to_onnx(graph).SerializeToString() for graph in (selecting, dense))
    sessions = {
        "function": open_session(exported, threads),
        "library": open_session(exported, threads, compiled=True),
        "none": open_session(whole, threads),
    }
    feeds = random_feeds(selecting.spec.inputs)
    feeds["prototypes"] /= np.linalg.norm(feeds["prototypes"], axis=-1, keepdims=True)
    function, compiled = (sessions[name].run(None, feeds) for name in ("function", "library"))
    error = max(float(np.abs(a - b).max()) for a, b in zip(function, compiled, strict=True))
    if not error <= TOLERANCE:
        raise SystemExit(f"function and library differ by {error:.3g}; expected at most {TOLERANCE:g}")
    inputs = {n: {i.name: feeds[i.name] for i in s.get_inputs()} for n, s in sessions.items()}
    calls = [lambda s=s, f=inputs[n]: s.run(None, f) for n, s in sessions.items()]
    return dict(zip(sessions, medians_ms(calls, rounds=rounds), strict=True))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2, metavar="N")
    parser.add_argument("--rounds", type=int, default=200, metavar="N")
    parser.add_argument("--keep", type=int, default=128, metavar="K", help="tokens of 256 that are kept")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    options = parser.parse_args()
    times = measure(options.threads, options.rounds, options.keep)
    if options.json:
        facts = {"machine": machine(), "onnxruntime": ort.__version__, "threads": options.threads}
        print(json.dumps({**facts, "keep": options.keep, "ms": times}))
        return
    print(f"{machine()}; ONNX Runtime {ort.__version__}, {options.threads} threads, float32")
    print(f"search network, {options.keep} of 256 tokens kept: median of {options.rounds} alternating rounds")
    print(f"{'token selection':<16} {'ms':>8} {'of none':>8}")
    for name, milliseconds in times.items():
        print(f"{name:<16} {milliseconds:>8.3f} {milliseconds / times['none']:>8.3f}")


if __name__ == "__main__":
    main()
