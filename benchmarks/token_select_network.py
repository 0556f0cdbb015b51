"""What the token selection is worth in the whole network: by functions, by the compiled library, and left out.

python benchmarks/token_select_network.py [DATASET PATH] [--model BUNDLE] [--threads 2] [--rounds 200] [--write]

- function: the float32 graphs as they ship, TokenSelect and TokenRestore as functions of standard operators.
- library: the same files with the compiled operators registered; outputs are compared first.
- none: every token takes the second layer and none is moved; what is left of the selection are the scores, which the
  second layer's gate needs. The weights are the same, so training without selection may give other accuracy.

Times are medians of single calls on ONNX Runtime, alternating in one run. With labeled data, such as
``folder SEQUENCES``, success AUC by box is that of ``edgetrack eval``. ``--write`` measures the single
operator as well and makes benchmarks/results/token_select.md of all. Leave the machine alone meanwhile.
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

ROLES = ("search", "ground")  # the graphs that select
PAGE = Path(__file__).parent / "results" / "token_select.md"
ABOUT = """Function: the operators as functions of standard ones, which every graph carries. Library:
`libedgetrack_ops`. None: every token takes the second layer, with the same weights; training without selection may give
other accuracy. Medians of calls that take turns in one run. This page is written by one command:

```bash
python benchmarks/token_select_network.py folder FOLDER --write   # labeled videos, for the AUC
```"""
Row = dict[str, Any]


def without_selection(model: onnx.ModelProto) -> int:
    """Lets all tokens of a graph through, without moving any; returns how many were selected before."""
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
            if shape[:2] == [1, keep] and -1 not in shape:  # the second layer's: as many tokens as there are
                tensor.CopyFrom(numpy_helper.from_array(np.array([1, -1, *shape[2:]]), tensor.name))
        elif tensor.name in masks and list(tensor.dims) == [
            1,
            keep,
        ]:  # ones: selected tokens are all seen by the second layer
            ones = np.ones((1, tokens.dim_value), np.float32)
            tensor.CopyFrom(numpy_helper.from_array(ones, tensor.name))
    return int(keep)


def stage(bundle: Bundle, folder: Path) -> tuple[Bundle, Bundle, int]:
    """Float32 copies of ``bundle`` as it is and without selection, and how many tokens it selects."""
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
    """A session as the engine opens it."""
    options = session_options(threads)
    if compiled:
        options.register_custom_ops_library(operators())
    return ort.InferenceSession(str(bundle.path(role)), options, providers=["CPUExecutionProvider"])


def measure(selecting: Bundle, dense: Bundle, threads: int, rounds: int) -> list[Row]:
    """One row a graph; the outputs of function and library are compared first."""
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
    """Success AUC by box with selection and without."""
    rows: list[Row] = []
    for name, bundle in zip(("selected", "all"), bundles, strict=True):
        try:
            auc = success_auc(bundle.folder, data, threads, folder / f"{name}.eval")
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"edgetrack eval {' '.join(data)} failed; what it said is above") from error
        rows.append({"tokens": name, "success AUC": auc})
    return rows


def table(rows: Sequence[Row]) -> str:
    """Rows as Markdown."""
    lines = [list(rows[0]), ["---"] * len(rows[0])]
    lines += [[f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main() -> None:
    """Prints what was measured; with ``--write`` the page holds it."""
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
