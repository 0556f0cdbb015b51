"""Compare the compiled token selection with its ONNX function on ONNX Runtime, one thread, in alternation.

python benchmarks/token_select.py [--json]
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from common import machine, medians_ms, operators

from edgetrack.export.operators import operator_functions

SIZES = ((256, 192, 64), (400, 192, 64), (1024, 192, 512), (1024, 768, 512))  # N, D, K: shipped, largest
ROUNDS = 400
GRAPH = """
<ir_version: 10, opset_import: ["": 20, "edgetrack": 1]>
g (float[1,N,D] tokens, float[1,N,D] keys, float[1,2,D] prototypes, float[1] threshold)
=> (float[1,K,D] selected, int32[1,K] indices, int32[1] count, float[1,N] scores) {
    selected, indices, count, scores = edgetrack.TokenSelect <keep = KEEP> (tokens, keys, prototypes, threshold)
}
"""


def open_session(keep: int, ops: str | None) -> Any:
    """Open the one-node graph with its function, or with the compiled operator if ``ops`` is given."""
    model = onnx.parser.parse_model(GRAPH.replace("KEEP", str(keep)))
    model.functions.extend(operator_functions())
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    if ops is not None:
        options.register_custom_ops_library(ops)
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def measure(rounds: int) -> list[dict[str, float]]:
    """Return one row per size, after checking that both select the same tokens."""
    rng = np.random.default_rng(0)
    rows = []
    for tokens, width, keep in SIZES:
        feeds = {
            "tokens": rng.normal(size=(1, tokens, width)).astype(np.float32),
            "prototypes": np.full((1, 2, width), width**-0.5, np.float32),
            "threshold": np.zeros(1, np.float32),
        }
        feeds["keys"] = feeds["tokens"]
        sessions = [open_session(keep, None), open_session(keep, operators())]
        chosen = [session.run(["indices"], feeds)[0] for session in sessions]
        if not np.array_equal(*chosen):
            raise SystemExit(f"function and library choose other tokens at N = {tokens}, D = {width}")
        function, compiled = medians_ms([partial(s.run, None, feeds) for s in sessions], rounds=rounds)
        rows.append(
            {
                "N": tokens,
                "D": width,
                "K": keep,
                "function ms": function,
                "library ms": compiled,
                "times faster": function / compiled,
            }
        )
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    as_json = parser.parse_args().json
    rows = measure(ROUNDS)
    if as_json:
        print(json.dumps({"machine": machine(), "onnxruntime": ort.__version__, "rows": rows}))
        return
    print(f"{machine()}; ONNX Runtime {ort.__version__}, one thread, float32")
    print("  ".join(f"{name:>12}" for name in rows[0]))
    for row in rows:
        print("  ".join(f"{v:>12.3f}" if isinstance(v, float) else f"{v:>12}" for v in row.values()))


if __name__ == "__main__":
    main()
