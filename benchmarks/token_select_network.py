"""Measure the effect of token selection on the whole network: as functions, as compiled library, and without it.

python benchmarks/token_select_network.py [DATASET PATH] [--model BUNDLE] [--threads 2] [--rounds 200] [--write]

- function: the shipped float32 graphs, with TokenSelect and TokenRestore as functions of standard operators.
- library: the same files with the compiled operators registered; outputs are compared first.
- none: every token goes through the second layer and none is moved; only the scores of the selection remain, which the
  second layer's gate needs. The weights are the same, so training without selection may give other accuracy.

Times are medians of single calls on ONNX Runtime, in alternation. With labeled data, such as ``folder SEQUENCES``,
success AUC by box is that of ``edgetrack eval``. ``--write`` also measures the single operator and writes all results
to benchmarks/results/token_select.md. Use an idle machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from ablations import success_auc
from common import machine, medians_ms, operators, random_feeds
from onnx import numpy_helper
from token_select import measure as measure_operator

from edgetrack.bundle import Bundle
from edgetrack.engines.session_graph import session_options
from edgetrack.export.parity import TOLERANCE
from edgetrack.export.staging import add_files, copy_bundle

ROLES = ("search", "ground")  # graphs with token selection
PAGE = Path(__file__).parent / "results" / "token_select.md"
ABOUT = """Function: the operators as functions of standard ones, which every graph carries. Library:
`libedgetrack_ops`. None: every token takes the second layer, with the same weights; training without selection may give
other accuracy. Medians of calls that take turns in one run. This page is written by one command:

```bash
python benchmarks/token_select_network.py folder FOLDER --write   # labeled videos, for the AUC
```"""
Row = dict[str, Any]


def without_selection(model: onnx.ModelProto) -> int:
    """Keep all tokens of a graph, without moving any; return how many were selected before."""
    (select,) = [n for n in model.graph.node if n.op_type == "TokenSelect"]
    (restore,) = [n for n in model.graph.node if n.op_type == "TokenRestore"]
    (tokens,) = [o.type.tensor_type.shape.dim[1] for o in model.graph.output if o.name == "embedding"]
    keep, select.attribute[0].i = select.attribute[0].i, tokens.dim_value
    model.graph.node.remove(restore)
    same = {select.output[0]: select.input[0], restore.output[0]: restore.input[1]}
    for node in model.graph.node:
        node.input[:] = [same.get(name, name) for name in node.input]
    shapes = {node.input[1] for node in model.graph.node if node.op_type == "Reshape"}
    masks = {n.input[0] for n in model.graph.node if n.op_type == "Concat" and "memory_mask" in n.input}
    for tensor in model.graph.initializer:
        if tensor.name in shapes:
            shape = numpy_helper.to_array(tensor).tolist()
            if shape[:2] == [1, keep] and -1 not in shape:  # in the second layer: use all tokens
                tensor.CopyFrom(numpy_helper.from_array(np.array([1, -1, *shape[2:]]), tensor.name))
        elif tensor.name in masks and list(tensor.dims) == [
            1,
            keep,
        ]:  # ones: the second layer attends to all selected tokens
            ones = np.ones((1, tokens.dim_value), np.float32)
            tensor.CopyFrom(numpy_helper.from_array(ones, tensor.name))
    return int(keep)


def stage(bundle: Bundle, folder: Path) -> tuple[Bundle, Bundle, int]:
    """Return float32 copies of ``bundle``, unchanged and without selection, and how many tokens it selects."""
    keep = 0
    for name in ("selecting", "dense"):
        copy_bundle(bundle, folder / name)
    for role in ROLES:
        model = onnx.load(str(bundle.path(role)), load_external_data=False)
        keep = without_selection(model)
        (folder / "dense" / f"{role}.dense.onnx").write_bytes(model.SerializeToString())
    dense = add_files(folder / "dense", {role: f"{role}.dense.onnx" for role in ROLES})
    return Bundle.open(folder / "selecting"), dense, keep


def open_session(bundle: Bundle, role: str, threads: int, *, compiled: bool = False) -> ort.InferenceSession:
    """Open a session in the same way as the engine."""
    options = session_options(threads)
    if compiled:
        options.register_custom_ops_library(operators())
    return ort.InferenceSession(str(bundle.path(role)), options, providers=["CPUExecutionProvider"])


def measure(selecting: Bundle, dense: Bundle, threads: int, rounds: int) -> list[Row]:
    """Return one row per graph, after comparing the outputs of function and library."""
    rows: list[Row] = []
    for role in ROLES:
        sessions = {
            "function": open_session(selecting, role, threads),
            "library": open_session(selecting, role, threads, compiled=True),
            "none": open_session(dense, role, threads),
        }
        feeds = random_feeds(selecting.manifest.tensors[role].inputs)
        feeds["prototypes"] /= np.linalg.norm(feeds["prototypes"], axis=-1, keepdims=True)
        function, compiled = (sessions[name].run(None, feeds) for name in ("function", "library"))
        error = max(float(np.abs(a - b).max()) for a, b in zip(function, compiled, strict=True))
        if not error <= TOLERANCE:
            raise SystemExit(
                f"{role}: function and library differ by {error:.3g}; expected {TOLERANCE:g} at most"
            )
        calls = [partial(session.run, None, feeds) for session in sessions.values()]
        times = dict(zip(sessions, medians_ms(calls, rounds=rounds), strict=True))
        rows.append(
            {
                "graph": role,
                "tokens": dense.manifest.tensors[role].outputs["embedding"].shape[1],
                **{f"{name} ms": ms for name, ms in times.items()},
                "none / library": times["none"] / times["library"],
                "none / function": times["none"] / times["function"],
            }
        )
    return rows


def accuracy(bundles: Sequence[Bundle], data: list[str], threads: int, folder: Path) -> list[Row]:
    """Return the success AUC by box with and without selection."""
    rows: list[Row] = []
    for name, bundle in zip(("selected", "all"), bundles, strict=True):
        try:
            auc = success_auc(bundle.folder, data, threads, folder / f"{name}.eval")
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"edgetrack eval {' '.join(data)} failed; what it said is above") from error
        rows.append({"tokens": name, "success AUC": auc})
    return rows


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = [list(rows[0]), ["---"] * len(rows[0])]
    lines += [[f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main() -> None:
    """Print the results; with ``--write``, also write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="*", metavar="DATASET PATH", help="labeled sequences for success AUC")
    parser.add_argument("--model", default=None, metavar="BUNDLE")
    parser.add_argument("--threads", type=int, default=2, metavar="N")
    parser.add_argument("--rounds", type=int, default=200, metavar="N")
    parser.add_argument("--write", action="store_true", help=f"make {PAGE.name} of it")
    options = parser.parse_args()
    if len(options.data) not in (0, 2):
        parser.error(f"expected DATASET and PATH, such as: folder videos/; got {' '.join(options.data)}")
    operators()  # before anything that takes long
    bundle, load = Bundle.open(options.model), os.getloadavg()[0]
    parts = [
        f"{machine()}; ONNX Runtime {ort.__version__}, float32; the load of the machine was {load:.1f} when the run "
        "began."
    ]
    with tempfile.TemporaryDirectory() as temporary:
        selecting, dense, keep = stage(bundle, Path(temporary))
        name = f"{bundle.manifest.name}, {keep} tokens selected"
        if options.data:
            parts += ["## Accuracy", f"{name}, or all; {Path(options.data[1]).name}, by box."]
            parts += [table(accuracy((selecting, dense), options.data, options.threads, Path(temporary)))]
        parts += [
            f"## The network, {options.threads} threads",
            f"{name}; medians of {options.rounds} rounds.",
        ]
        parts += [table(measure(selecting, dense, options.threads, options.rounds))]
    if options.write:
        parts += ["## The operator, one thread", table(measure_operator(options.rounds))]
    text = "\n\n".join(parts)
    print(text)
    if options.write:
        PAGE.write_text(f"# Token selection\n\n{ABOUT}\n\n{text}\n")
        print(f"\nwrote {PAGE}")


if __name__ == "__main__":
    main()
