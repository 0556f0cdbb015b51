"""Check the CUDA token selection against its CPU counterpart, and compare its time with PyTorch and a lower bound.

python benchmarks/gpu/token_select.py [--json FILE] [--no-sanitizer]

1. New random cases of every dtype: selection, its inverse and the crop (benchmarks/gpu/check.py).
2. The same under compute-sanitizer (memcheck, racecheck, synccheck), in separate processes.
3. Microseconds of one call: the steps in PyTorch eager, torch.compile, a replayed CUDA graph of them, the kernel, the
   kernel in a graph. The lower bound (floor) is the time of one launch plus the bytes moved at the bandwidth of a large
   copy.

This needs an NVIDIA GPU, PyTorch with CUDA and edgetrack built with EDGETRACK_CUDA=ON. It exits with an error if a case
differs, the sanitizer finds something, or the goal is missed: 5 times as fast as the eager operators, and at most 2
times the floor.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from check import check, require_gpu, sanitize
from fused import PROTOTYPES, SIZES, FusedSelect, make_inputs
from torch import Tensor

FASTER, NEAR = 5.0, 2.0  # the goal: speedup over the eager operators, and multiple of the floor
LOOPS, REPEATS = 200, 15


def eager(tokens: Tensor, prototypes: Tensor, threshold: Tensor, keep: int) -> tuple[Tensor, ...]:
    """Do the same steps with PyTorch operators, as in training."""
    cosine = torch.nn.functional.normalize(tokens.float(), dim=-1) @ prototypes.transpose(1, 2)
    missing = 1.0 - (prototypes * prototypes).sum(-1).clamp(0.0, 1.0)
    scores = (cosine - 4.0 * missing[:, None, :]).amax(-1)
    indices = torch.topk(scores, keep, dim=1).indices.sort(dim=1).values
    selected = tokens.gather(1, indices[..., None].expand(-1, -1, tokens.shape[-1]))
    return selected, indices.int(), (scores > threshold[:, None]).sum(1), scores


def time_us(step: Callable[[], object]) -> float:
    """Return the median microseconds of one call, from events around many calls."""
    for _ in range(20):
        step()
    spent = []
    for _ in range(REPEATS):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        start.record()
        for _ in range(LOOPS):
            step()
        end.record()
        end.synchronize()
        spent.append(start.elapsed_time(end) * 1e3 / LOOPS)
    return float(np.median(spent))


def replay(step: Callable[[], object]) -> Callable[[], object]:
    """Capture ``step`` as a CUDA graph, and return a function that replays it."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    with torch.cuda.stream(stream):
        for _ in range(5):
            step()
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def floor_us(moved_bytes: int, bandwidth: float, launch: float) -> float:
    """Return the lower bound for any kernel: the bytes at the measured bandwidth, plus one launch."""
    return moved_bytes / bandwidth * 1e6 + launch


def measure_machine() -> tuple[float, float]:
    """Return bytes per second of a large copy (read and written), and microseconds of an empty launch in a graph."""
    source = torch.empty(256 << 20, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    bandwidth = 2 * source.numel() / (time_us(lambda: target.copy_(source)) * 1e-6)
    one = torch.zeros(1, device="cuda")
    return bandwidth, time_us(replay(lambda: one.zero_()))


def measure() -> list[dict[str, float | str]]:
    """Return one row per size and dtype."""
    bandwidth, launch = measure_machine()
    rows: list[dict[str, float | str]] = []
    for number, width, keep in SIZES:
        for dtype in (torch.float32, torch.float16):
            torch.compiler.reset()  # compile each size separately; many would hit the limit of recompilations
            compiled = torch.compile(eager, dynamic=False)
            inputs = make_inputs(1, number, width, dtype, 0)
            fused = FusedSelect(*inputs, keep)
            moved = (number + 2 * keep) * width * inputs[0].element_size()
            moved += PROTOTYPES * width * 4 + number * 8 + keep * 4
            row: dict[str, float | str] = {
                "dtype": str(dtype).partition(".")[2],
                "N": number,
                "D": width,
                "K": keep,
            }
            operators = partial(eager, *inputs, keep)
            row["eager_us"] = time_us(operators)
            row["compile_us"] = time_us(partial(compiled, *inputs, keep))
            row["eager_graph_us"] = time_us(replay(operators))
            row["fused_us"] = time_us(fused)
            row["fused_graph_us"] = time_us(replay(fused))
            row["floor_us"] = floor_us(moved, bandwidth, launch)
            row["x_eager"] = float(row["eager_us"]) / float(row["fused_us"])
            row["x_floor"] = float(row["fused_graph_us"]) / float(row["floor_us"])
            rows.append(row)
    return rows


def misses(rows: list[dict[str, float | str]]) -> list[str]:
    """Return messages about rows that miss the goal."""
    return [
        f"{row['dtype']} N = {row['N']} D = {row['D']}: {row['x_eager']:.1f} x the eager operators, "
        f"{row['x_floor']:.1f} x the floor"
        for row in rows
        if not (float(row["x_eager"]) >= FASTER and float(row["x_floor"]) <= NEAR)
    ]


def main() -> None:
    """Check, measure, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    parser.add_argument("--no-sanitizer", action="store_true", help="do not run compute-sanitizer")
    arguments = parser.parse_args()
    gpu = require_gpu()
    print(f"{gpu}; PyTorch {torch.__version__}, CUDA {torch.version.cuda}")
    check(60)
    if not arguments.no_sanitizer:
        sanitize()
    rows = measure()
    print("  ".join(f"{name:>14}" for name in rows[0]))
    for row in rows:
        print("  ".join(f"{v:>14.2f}" if isinstance(v, float) else f"{v:>14}" for v in row.values()))
    if arguments.json is not None:
        record = {"gpu": gpu, "torch": torch.__version__, "cuda": torch.version.cuda, "rows": rows}
        arguments.json.write_text(json.dumps(record, indent=1) + "\n")
    missed = misses(rows)
    if missed:
        raise SystemExit("the goal is missed:\n" + "\n".join(missed))
    print(f"the goal is met: at least {FASTER:g} x the eager operators, within {NEAR:g} x the floor")


if __name__ == "__main__":
    main()
