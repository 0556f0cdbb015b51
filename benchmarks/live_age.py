"""How old a frame of a camera is when its track is written, and what the outputs cost.

python benchmarks/live_age.py --seconds 60

Starts GStreamer's RTSP server (see soak_live.py for its packages) with a bouncing ball, and ``edgetrack run`` on it:
first with JSON lines alone, then with a video and recordings beside them. The age counts from the arrival of a frame to
its line; the first seconds, in which the network is loaded, are left out. Server, decoder, tracker and outputs share
the processor.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import numpy as np
from common import machine

LEFT_OUT_S = 3.0
OUTPUTS = {"JSON lines": (), "and MP4, MCAP, CSV": ("all.mp4", "all.mcap", "all.csv")}


def measured(url: str, folder: Path, outputs: tuple[str, ...], args: argparse.Namespace) -> str:
    """Run once, and return a row of figures in milliseconds."""
    lines = folder / "tracks.jsonl"
    words = [sys.executable, "-m", "edgetrack", "run", "--source", url, "--text", "white ball"]
    words += ["--threads", str(args.threads), "--max-frames", str(round(args.seconds * args.fps))]
    for path in (lines, *(folder / name for name in outputs)):
        words += ["--output", str(path)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    tracks = [json.loads(line) for line in lines.read_text().splitlines()]
    kept = [track for track in tracks if track["time_s"] > tracks[0]["time_s"] + LEFT_OUT_S]
    cells = []
    for name in ("age_ms", "latency_ms"):
        p50, p99 = np.percentile([track[name] for track in kept], (50, 99))
        cells += [f"{p50:.1f}", f"{p99:.1f}"]
    missed = kept[-1]["frame"] - kept[0]["frame"] + 1 - len(kept)
    dropped = [line.strip() for line in (done.stdout + done.stderr).splitlines() if "dropped from" in line]
    return " | ".join([*cells, str(len(kept)), str(missed), "; ".join(dropped) or "none"])


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="of each run")
    parser.add_argument("--fps", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1, help="of the engine")
    args = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
    camera = import_module("rtsp_camera").RtspCamera((640, 480), fps=args.fps)
    try:
        print(
            f"{machine()}\n\n| outputs | age p50 | p99 | update p50 | p99 | frames | missed | dropped by outputs |"
        )
        print("|---|---:|---:|---:|---:|---:|---:|---|")
        for name, outputs in OUTPUTS.items():
            with tempfile.TemporaryDirectory() as folder:
                print(f"| {name} | {measured(camera.url, Path(folder), outputs, args)} |", flush=True)
    finally:
        camera.kill()


if __name__ == "__main__":
    main()
