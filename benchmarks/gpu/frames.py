"""Compare updates with frames in GPU memory and with the same frames in host memory, on engine tensorrt.

python benchmarks/gpu/frames.py VIDEO --text "red car" [--precision fp16]

Needs a GPU, TensorRT, the CUDA kernels (EDGETRACK_CUDA=ON pip install .) and PyTorch with CUDA, which holds the frames.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import edgetrack
from edgetrack.types import Track

WARM = 5  # first updates, which load graphs and are not timed


def run(frames: list[Any], text: str, precision: str) -> tuple[list[Track], float]:
    """Return the tracks, and the median milliseconds of an update."""
    tracker = edgetrack.Tracker(engine="tensorrt", precision=precision)
    tracker.engine.wait()
    tracks, times = [tracker.start(frames[0], text=text)], []
    for frame in frames[1:]:
        begun = time.perf_counter()
        tracks.append(tracker.update(frame))
        times.append((time.perf_counter() - begun) * 1e3)
    return tracks, float(np.median(times[WARM:]))


def compare(video: str, text: str, precision: str, count: int, to_gpu: Callable[[Any], Any]) -> None:
    """Print both times, and the distance between the boxes."""
    with edgetrack.open_source(video) as source:
        frames = [frame.pixels.copy() for frame in itertools.islice(source, count)]
    on_host, host_ms = run(frames, text, precision)
    on_gpu, gpu_ms = run([to_gpu(frame) for frame in frames], text, precision)
    pairs = [(a.box, b.box) for a, b in zip(on_host, on_gpu, strict=True) if a.box and b.box]
    overlaps = [a.iou(b) for a, b in pairs]
    alike = sum(a.status == b.status for a, b in zip(on_host, on_gpu, strict=True))
    print(f"{len(frames)} frames, {frames[0].shape[1]}x{frames[0].shape[0]}, {precision}")
    print(f"frame in host memory: {host_ms:.2f} ms; in GPU memory: {gpu_ms:.2f} ms (medians of update())")
    if overlaps:
        print(
            f"IoU of the boxes of {len(pairs)} frames: mean {np.mean(overlaps):.4f}, least {min(overlaps):.4f}"
        )
    print(f"states alike in {alike} of {len(frames)} frames")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("video")
    parser.add_argument("--text", required=True)
    parser.add_argument("--precision", default="fp16", choices=("fp32", "fp16", "int8"))
    parser.add_argument("--frames", type=int, default=200)
    given = parser.parse_args()
    import torch

    if not torch.cuda.is_available():
        raise SystemExit("PyTorch sees no GPU; expected one: run this where nvidia-smi lists it")
    compare(given.video, given.text, given.precision, given.frames, lambda p: torch.from_numpy(p).cuda())


if __name__ == "__main__":
    main()
