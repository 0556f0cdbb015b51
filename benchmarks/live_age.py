"""Measure the age of a camera's frame when its track is written, and the cost of the outputs.

python benchmarks/live_age.py --seconds 60
python benchmarks/live_age.py --seconds 15 --rounds 4 --outputs "JSON lines" --outputs "and all others"

This starts GStreamer's RTSP server (see soak_live.py for its packages) with a bouncing ball, and ``edgetrack run`` on
it: first with JSON lines alone, then also with a video and recordings, then with every output: bags, clips, a broker
(mosquitto), a webhook, a media server to publish to, and metrics that are read once per second. The age is the time
from the arrival of a frame to the writing of its line; the first seconds, in which the network is loaded, are excluded.
With several rounds, the rows take turns, so that other work on the machine affects them alike; then each figure is a
median, and in brackets its range. All servers, decoder, tracker and outputs share the processor.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import numpy as np
from common import machine

LEFT_OUT_S = 3.0
FILES = ("all.mp4", "all.mcap", "all.csv")
MORE = ("all.ros2.mcap", "all.rrd", "all.json", "all.mot", "all.otb")


@contextmanager
def everything(folder: Path) -> Iterator[list[str]]:
    """Start servers for events, images and metrics; yield the options that connect to them."""
    support = import_module("rtsp_camera"), import_module("mqtt_broker"), import_module("http_receiver")
    camera, broker, receiver = support[0], support[1].Broker(folder), support[2].Receiver()
    script = Path(str(camera.__file__)).with_name("rtsp_receiver.py")
    words = [camera.PYTHON, str(script), "0", str(folder / "published.h264"), ""]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert server.stdout is not None
    publish = f"rtsp://127.0.0.1:{int(server.stdout.readline())}/tracked"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    scraper = subprocess.Popen([sys.executable, "-c", SCRAPE, str(port)], stderr=subprocess.DEVNULL)
    try:
        yield [
            *("--mqtt", broker.url, "--webhook", receiver.url, "--publish", publish),
            *("--metrics", str(port), "--clips", str(folder / "clips")),
        ]
    finally:
        for process in (scraper, server):
            process.kill()
            process.wait()
        broker.kill()
        receiver.stop()


SCRAPE = """
import sys, time, urllib.request
while True:
    time.sleep(1)
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/metrics", timeout=5).read()
    except OSError:
        pass
"""


@contextmanager
def nothing(folder: Path) -> Iterator[list[str]]:
    """Start nothing."""
    yield []


OUTPUTS = {
    "JSON lines": ((), nothing),
    "and MP4, MCAP, CSV": (FILES, nothing),
    "and all others": ((*FILES, *MORE), everything),
}


def measured(
    url: str, folder: Path, outputs: tuple[str, ...], services: list[str], args: argparse.Namespace
) -> tuple[list[float], str]:
    """Run once; return times in milliseconds and counts of frames, and what outputs have dropped."""
    lines = folder / "tracks.jsonl"
    words = [sys.executable, "-m", "edgetrack", "run", "--source", url, "--text", "white ball", *services]
    words += ["--threads", str(args.threads), "--max-frames", str(round(args.seconds * args.fps))]
    for path in (lines, *(folder / name for name in outputs)):
        words += ["--output", str(path)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words)} failed:\n{done.stderr}")
    tracks = [json.loads(line) for line in lines.read_text().splitlines()]
    kept = [track for track in tracks if track["time_s"] > tracks[0]["time_s"] + LEFT_OUT_S]
    figures: list[float] = []
    for name in ("age_ms", "latency_ms"):
        figures += [float(v) for v in np.percentile([track[name] for track in kept], (50, 99))]
    missed = kept[-1]["frame"] - kept[0]["frame"] + 1 - len(kept)
    dropped = [line.strip() for line in (done.stdout + done.stderr).splitlines() if "dropped from" in line]
    return [*figures, len(kept), missed], "; ".join(dropped)


def row(name: str, runs: list[tuple[list[float], str]]) -> str:
    """Return a row of the table: the median and the range of each figure."""
    table = np.array([figures for figures, _ in runs])
    cells = [f"{np.median(own):.1f}" for own in table.T]
    if len(runs) > 1:
        cells = [
            f"{cell} ({min(own):.1f} to {max(own):.1f})" for cell, own in zip(cells, table.T, strict=True)
        ]
    dropped = "; ".join(said for _, said in runs if said)
    return f"| {' | '.join([name, *cells, dropped or 'none'])} |"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="of each run")
    parser.add_argument("--fps", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1, help="of the engine")
    parser.add_argument("--outputs", choices=OUTPUTS, action="append", help="one of the rows; repeatable")
    parser.add_argument("--rounds", type=int, default=1, help="of runs of all rows, in turn")
    args = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
    camera = import_module("rtsp_camera").RtspCamera((640, 480), fps=args.fps)
    runs: dict[str, list[tuple[list[float], str]]] = {name: [] for name in args.outputs or OUTPUTS}
    try:
        for number in range(args.rounds):
            for name in list(runs)[:: 1 if number % 2 == 0 else -1]:
                files, start = OUTPUTS[name]
                with tempfile.TemporaryDirectory() as folder, start(Path(folder)) as services:
                    runs[name].append(measured(camera.url, Path(folder), files, services, args))
    finally:
        camera.kill()
    print(
        f"{machine()}\n\n| outputs | age p50 | p99 | update p50 | p99 | frames | missed | dropped by outputs |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---|")
    for name, own in runs.items():
        print(row(name, own))


if __name__ == "__main__":
    main()
