"""Compare the CUDA kernels with their CPU counterparts on new random inputs.

python benchmarks/gpu/check.py [--cases 60]

Outputs are filled with a marker value first. Selection and its inverse must equal the CPU results bit by bit, the crop
within rounding, because nvcc fuses multiplications and additions. This needs an NVIDIA GPU, PyTorch with CUDA and
edgetrack built with EDGETRACK_CUDA=ON. benchmarks/gpu/token_select.py runs this program under compute-sanitizer.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys

import numpy as np
import torch
from fused import POISON, SIZES, TYPES, FusedSelect, crop, make_inputs
from torch import Tensor

from edgetrack._native import runtime

CHECKERS = ("memcheck", "racecheck", "synccheck")
MEAN, STD, FILL = (120.0, 110.0, 100.0), (60.0, 50.0, 40.0), (10.0, 90.0, 250.0)


def random_cases(rng: np.random.Generator, count: int) -> list[tuple[int, int, int, int]]:
    """Return B, N, D, K: timed sizes, corner cases (one token, all kept, more images than processors), random ones."""
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


def check_selection(count: int) -> int:
    """Compare selection and restoration with the CPU counterpart bit by bit; return the number of cases."""
    rng = np.random.default_rng()
    cases = random_cases(rng, count)
    for case in cases:
        for dtype in TYPES:
            tokens, prototypes, threshold = make_inputs(*case[:3], dtype, int(rng.integers(2**31)))
            check_case(tokens, prototypes, threshold, case[3])
    return len(cases) * len(TYPES)


def check_case(tokens: Tensor, prototypes: Tensor, threshold: Tensor, keep: int) -> None:
    """Check one case with a tie, a token of zeros, a token of NaN, and an absent prototype."""
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


def check_crop(count: int) -> int:
    """Compare crops of BGR and NV12 frames, to float32 and float16, with the CPU; return the number of cases."""
    rng = np.random.default_rng()
    colors = [1 / s for s in STD] + [-m / s for m, s in zip(MEAN, STD, strict=True)] + list(FILL)
    for _ in range(count):
        height, width = (2 * int(n) for n in rng.integers(1, 300, 2))
        rows, cols = (int(n) for n in rng.integers(1, 300, 2))
        x, y, w, h = (*rng.uniform(-50, 300, 2), *rng.uniform(1, 500, 2))
        region = (x, y, w, h)
        bgr = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        chroma = rng.integers(0, 256, (height // 2, width // 2, 2), dtype=np.uint8)
        luma = np.ascontiguousarray(bgr[..., 0])
        twin = np.empty((2, 1, 3, rows, cols), np.float32)
        runtime.crop_bgr_pixels(bgr, region, twin[0], mean=MEAN, std=STD, fill=FILL)
        runtime.crop_nv12(luma, chroma, region, twin[1], mean=MEAN, std=STD, fill=FILL)
        for kind, frame, more in (("BGR", bgr, None), ("NV12", luma, torch.from_numpy(chroma).cuda())):
            for dtype in (torch.float32, torch.float16):
                out = torch.full((3, rows, cols), float(POISON), dtype=dtype, device="cuda")
                crop(torch.from_numpy(frame).cuda(), more, region, out, colors)
                torch.cuda.synchronize()
                error = np.abs(out.cpu().float().numpy() - twin[int(kind == "NV12"), 0]).max()
                if not error <= (1e-3 if dtype == torch.float32 else 5e-3):
                    raise SystemExit(
                        f"the crop of a {kind} frame differs by {error:.3g}: H, W = {height, width}, region {region}, "
                        f"out {rows, cols}, {dtype}"
                    )
    return 4 * count


def check(count: int) -> None:
    """Do both checks; print how many cases were correct, or exit with an error."""
    print(f"{check_selection(count)} cases of the selection equal the CPU twin bit by bit", flush=True)
    print(f"{check_crop(count)} crops equal the CPU twin within rounding", flush=True)


def sanitize() -> None:
    """Run a few cases under each of NVIDIA's checkers: out-of-bounds accesses, races, invalid barriers."""
    program = shutil.which("compute-sanitizer")
    if program is None:
        raise SystemExit(
            "compute-sanitizer is not on PATH; it comes with the CUDA toolkit: add /usr/local/cuda/bin to PATH, "
            "or pass --no-sanitizer"
        )
    for checker in CHECKERS:
        words = [program, "--tool", checker, "--error-exitcode", "99", sys.executable, __file__]
        done = subprocess.run([*words, "--cases", "6"], check=False)
        if done.returncode != 0:
            raise SystemExit(
                f"compute-sanitizer --tool {checker} ended with exit code {done.returncode}; see above"
            )
        print(f"compute-sanitizer --tool {checker}: clean", flush=True)


def require_gpu() -> str:
    """Return the name of the GPU; exit if there is none."""
    if not torch.cuda.is_available():
        raise SystemExit(
            f"PyTorch {torch.__version__} sees no NVIDIA GPU; run this on a machine with one, with PyTorch for CUDA: "
            "pip install torch"
        )
    return torch.cuda.get_device_name()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=60, metavar="N", help="random cases of each type")
    require_gpu()
    check(parser.parse_args().cases)
