"""The CUDA token selection: checked against the CPU twin, then timed against PyTorch and against the floor.

python benchmarks/gpu/token_select.py [--json FILE] [--check-only] [--no-sanitizer]

1. Fresh random cases of every type, selection and its inverse: outputs are poisoned, then equal the twin's bit by bit.
2. The same under compute-sanitizer (memcheck, racecheck, synccheck), in processes of their own.
3. Microseconds of one call: the steps in PyTorch eager, torch.compile, a replayed CUDA graph of them, the kernel, the
   kernel in a graph. The floor is the bytes moved at the bandwidth of a large copy, and one launch.

Needs an NVIDIA GPU, PyTorch with CUDA and edgetrack built with EDGETRACK_CUDA=ON. Ends with an error where a case
differs, the sanitizer finds something, or the goal is missed: 5 times the eager operators and within 2 times the floor.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edgetrack._native import library, runtime

SIZES = ((256, 192, 64), (400, 192, 64), (1024, 192, 512), (1024, 768, 512))  # N, D = E, K
TYPES = {torch.float32: 0, torch.float16: 1, torch.int8: 2}
PROTOTYPES = 2
FASTER, NEAR = 5.0, 2.0  # the goal: times the eager operators, and times the floor
CHECKERS = ("memcheck", "racecheck", "synccheck")
LOOPS, REPEATS = 200, 15


class Buffers(ctypes.Structure):
    """edgetrack::TokenSelectBuffers."""

    _fields_ = [
        (name, ctypes.c_void_p)
        for name in (
            "tokens",
            "keys",
            "prototypes",
            "threshold",
            "selected",
            "indices",
            "count",
            "scores",
        )
    ]


class FusedSelect:
    """One prepared call of the kernel; every call is one launch on the current stream."""

    def __init__(self, tokens: Tensor, prototypes: Tensor, threshold: Tensor, keep: int) -> None:
        batch, number, width = tokens.shape
        device = tokens.device
        self.kernels = ctypes.CDLL(str(library("cuda")))
        self.type = TYPES[tokens.dtype]
        self.shape = (ctypes.c_int32 * 6)(batch, number, width, width, prototypes.shape[1], keep)
        # poisoned: whatever the kernel leaves out shows
        self.selected = torch.full((batch, keep, width), 77, dtype=tokens.dtype, device=device)
        self.indices = torch.full((batch, keep), -77, dtype=torch.int32, device=device)
        self.count = torch.full((batch,), -77, dtype=torch.int32, device=device)
        self.scores = torch.full((batch, number), float("nan"), device=device)
        self.kept = (tokens, tokens, prototypes, threshold)
        outputs = (self.selected, self.indices, self.count, self.scores)
        self.buffers = Buffers(*(t.data_ptr() for t in (*self.kept, *outputs)))
        blocks = ctypes.c_int32()
        self._check(self.kernels.edgetrack_token_select_blocks(self.type, self.shape, ctypes.byref(blocks)))
        self.blocks = blocks.value

    def __call__(self) -> None:
        stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
        self._check(
            self.kernels.edgetrack_token_select(
                self.type, self.shape, ctypes.byref(self.buffers), self.blocks, stream
            )
        )

    def restore(self, tokens: Tensor, selected: Tensor) -> Tensor:
        """The inverse: ``tokens`` with ``selected`` where this call's indices say."""
        out = torch.full_like(tokens, 77)
        batch, number, width = tokens.shape
        shape = (ctypes.c_int32 * 4)(batch, number, selected.shape[1], width * tokens.element_size())
        addresses = (t.data_ptr() for t in (tokens, selected, self.indices, out))
        stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
        self._check(
            self.kernels.edgetrack_token_restore(shape, *(ctypes.c_void_p(a) for a in addresses), stream)
        )
        return out

    @staticmethod
    def _check(error: int) -> None:
        if error != 0:
            raise SystemExit(f"the kernel gave CUDA error {error}; see cudaError_t in CUDA's documentation")


def eager(tokens: Tensor, prototypes: Tensor, threshold: Tensor, keep: int) -> tuple[Tensor, ...]:
    """The same steps as PyTorch operators, as the network is trained with them."""
    cosine = torch.nn.functional.normalize(tokens.float(), dim=-1) @ prototypes.transpose(1, 2)
    missing = 1.0 - (prototypes * prototypes).sum(-1).clamp(0.0, 1.0)
    scores = (cosine - 4.0 * missing[:, None, :]).amax(-1)
    indices = torch.topk(scores, keep, dim=1).indices.sort(dim=1).values
    selected = tokens.gather(1, indices[..., None].expand(-1, -1, tokens.shape[-1]))
    return selected, indices.int(), (scores > threshold[:, None]).sum(1), scores


def make_inputs(batch: int, number: int, width: int, dtype: torch.dtype, seed: int) -> tuple[Tensor, ...]:
    """tokens, prototypes (unit), threshold, on the GPU."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randn(batch, number, width, generator=generator)
    tokens = (tokens * 40).round().clamp(-127, 127) if dtype == torch.int8 else tokens
    prototypes = torch.randn(batch, PROTOTYPES, width, generator=generator)
    prototypes = torch.nn.functional.normalize(prototypes, dim=-1)
    threshold = 0.1 * torch.randn(batch, generator=generator)
    return tokens.to(dtype).cuda(), prototypes.cuda(), threshold.cuda()


def random_cases(rng: np.random.Generator, count: int) -> list[tuple[int, int, int, int]]:
    """B, N, D, K: the timed sizes, corners (one token, all kept, more images than processors), and random ones."""
    cases = [(1, *size) for size in SIZES] + [(1, 1, 1, 1), (3, 33, 7, 33), (300, 64, 48, 10)]
    for _ in range(count):
        number = int(rng.integers(1, 1025))
        batch, width, keep = (
            int(rng.integers(1, 5)),
            int(rng.integers(1, 769)),
            int(rng.integers(1, number + 1)),
        )
        cases.append((batch, number, width, keep))
    return cases


def check(count: int = 60) -> int:
    """Compares fresh random cases with the CPU twin bit by bit; returns how many."""
    rng = np.random.default_rng()
    cases = random_cases(rng, count)
    for case in cases:
        for dtype in TYPES:
            tokens, prototypes, threshold = make_inputs(*case[:3], dtype, int(rng.integers(2**31)))
            check_case(tokens, prototypes, threshold, case[3])
    return len(cases) * len(TYPES)


def check_case(tokens: Tensor, prototypes: Tensor, threshold: Tensor, keep: int) -> None:
    """One case with a tie, a token of zeros, one that is no number, and an absent prototype."""
    number = tokens.shape[1]
    tokens[:, number // 2] = tokens[:, 0]
    if tokens.dtype != torch.int8 and number > 2:
        tokens[:, 1], tokens[:, 2, 0] = 0, float("nan")
    prototypes[0, 0] = 0
    fused = FusedSelect(tokens, prototypes, threshold, keep)
    fused()
    restored = fused.restore(tokens, -fused.selected)
    torch.cuda.synchronize()
    host = tokens.cpu().numpy()
    twin = runtime.token_select(host, host, prototypes.cpu().numpy(), threshold.cpu().numpy(), keep)
    expected = (*twin, runtime.token_restore(host, -twin[0], twin[1]))
    mine = (fused.selected, fused.indices, fused.count, fused.scores, restored)
    names = ("selected", "indices", "count", "scores", "restored")
    for name, wanted, got in zip(names, expected, mine, strict=True):
        if not np.array_equal(got.cpu().numpy(), wanted, equal_nan=wanted.dtype.kind == "f"):
            shape = (*tokens.shape, keep)
            raise SystemExit(f"{name} differ from the twin: B, N, D, K = {shape}, {tokens.dtype}")


def sanitize() -> None:
    """A few cases under each of NVIDIA's checkers, which find reads and writes out of bounds, races and bad barriers."""
    program = shutil.which("compute-sanitizer")
    if program is None:
        raise SystemExit(
            "compute-sanitizer is not on PATH; it comes with the CUDA toolkit: add /usr/local/cuda/bin to PATH, "
            "or pass --no-sanitizer"
        )
    for checker in CHECKERS:
        words = [program, "--tool", checker, "--error-exitcode", "99", sys.executable, __file__]
        done = subprocess.run([*words, "--check-only", "--no-sanitizer", "--cases", "6"], check=False)
        if done.returncode != 0:
            raise SystemExit(
                f"compute-sanitizer --tool {checker} ended with exit code {done.returncode}; see above"
            )
        print(f"compute-sanitizer --tool {checker}: clean", flush=True)


def time_us(step: Callable[[], object]) -> float:
    """Median microseconds of one call, from events around many."""
    for _ in range(20):
        step()
    spent = []
    for _ in range(REPEATS):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(LOOPS):
            step()
        end.record()
        end.synchronize()
        spent.append(start.elapsed_time(end) * 1e3 / LOOPS)
    return float(np.median(spent))


def replay(step: Callable[[], object]) -> Callable[[], object]:
    """``step`` as a CUDA graph."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(5):
            step()
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def floor_us(moved_bytes: int, bandwidth: float, launch: float) -> float:
    """What no kernel can beat: the bytes at the measured bandwidth, and one launch."""
    return moved_bytes / bandwidth * 1e6 + launch


def measure_machine() -> tuple[float, float]:
    """Bytes a second of a large copy (read and written), and microseconds of an empty launch in a replayed graph."""
    source = torch.empty(256 << 20, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    bandwidth = 2 * source.numel() / (time_us(lambda: target.copy_(source)) * 1e-6)
    one = torch.zeros(1, device="cuda")
    return bandwidth, time_us(replay(lambda: one.zero_()))


def measure() -> list[dict[str, float | str]]:
    """One row a size and type."""
    bandwidth, launch = measure_machine()
    rows: list[dict[str, float | str]] = []
    for number, width, keep in SIZES:
        for dtype in (torch.float32, torch.float16):
            torch.compiler.reset()  # each size is compiled for itself; many would hit the limit of recompilations
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
            row["eager_us"] = time_us(lambda i=inputs, k=keep: eager(*i, k))
            row["compile_us"] = time_us(lambda i=inputs, k=keep, c=compiled: c(*i, k))
            row["eager_graph_us"] = time_us(replay(lambda i=inputs, k=keep: eager(*i, k)))
            row["fused_us"] = time_us(fused)
            row["fused_graph_us"] = time_us(replay(fused))
            row["floor_us"] = floor_us(moved, bandwidth, launch)
            row["x_eager"] = float(row["eager_us"]) / float(row["fused_us"])
            row["x_floor"] = float(row["fused_graph_us"]) / float(row["floor_us"])
            rows.append(row)
    return rows


def misses(rows: list[dict[str, float | str]]) -> list[str]:
    """Where the goal is missed, in words."""
    return [
        f"{row['dtype']} N = {row['N']} D = {row['D']}: {row['x_eager']:.1f} x the eager operators, "
        f"{row['x_floor']:.1f} x the floor"
        for row in rows
        if not (float(row["x_eager"]) >= FASTER and float(row["x_floor"]) <= NEAR)
    ]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    parser.add_argument("--check-only", action="store_true", help="compare with the twin, time nothing")
    parser.add_argument("--no-sanitizer", action="store_true", help="do not run compute-sanitizer")
    parser.add_argument("--cases", type=int, default=60, metavar="N", help="random cases of each type")
    return parser.parse_args()


def main() -> None:
    """Checks, times, prints the table."""
    arguments = parse()
    if not torch.cuda.is_available():
        raise SystemExit(
            f"PyTorch {torch.__version__} sees no NVIDIA GPU; run this on a machine with one, with PyTorch for CUDA: "
            "pip install torch"
        )
    gpu = torch.cuda.get_device_name()
    print(f"{gpu}; PyTorch {torch.__version__}, CUDA {torch.version.cuda}")
    print(f"{check(arguments.cases)} cases equal the CPU twin bit by bit", flush=True)
    if not arguments.no_sanitizer:
        sanitize()
    if arguments.check_only:
        return
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
