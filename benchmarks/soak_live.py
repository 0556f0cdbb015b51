"""A live source over hours: reconnections, a new text every minute, and what memory, descriptors and latency do.

python benchmarks/soak_live.py --hours 2 --restart-s 60 --json soak-live.json   # its own RTSP server, killed at times
python benchmarks/soak_live.py --source rtsp://CAMERA/stream --hours 24

Without a source it starts GStreamer's RTSP server (apt-get install gir1.2-gst-rtsp-server-1.0 python3-gi
gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly) and kills it every --restart-s seconds;
every second time the picture has another size. From the end of the warm-up, which is a tenth of the run, to its end the
resident memory may grow by 16 MB, the open files by 2, the threads by none, and the median time of an update may move
by 25 %. Exit code 1 when something grew. Linux only.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
from common import machine
from soak import resident_mb

import edgetrack
from edgetrack.io.source import Source

WINDOWS, WARM = 20, 2  # of the run; of them warm-up
GROWTH_MB, FILES, DRIFT = 16.0, 2, 0.25
SIZES = ((640, 480), (320, 240))
TEXTS = ("white ball", "red car", "black square")
DOWN_S = 2.0  # how long the server is gone


@dataclass(frozen=True)
class Window:
    """What was seen in one part of the run; times in milliseconds."""

    seconds: float  # since the start of the run
    frames: int
    dropped: int
    reconnects: int
    rss_mb: float  # resident memory at its end
    files: int  # open ones
    threads: int
    latency: tuple[float, float]  # of updates: p50, p99
    age: tuple[float, float]  # of frames when their tracks were known: p50, p99


def complaints(windows: Sequence[Window]) -> list[str]:
    """What grew from the end of the warm-up to the end of the run; empty when all is well."""
    first, last = windows[WARM - 1], windows[-1]
    said = []
    if (grown := last.rss_mb - first.rss_mb) > GROWTH_MB:
        said.append(f"memory grew by {grown:.1f} MB after warm-up; expected at most {GROWTH_MB:g} MB")
    if (more := last.files - first.files) > FILES:
        said.append(f"{more} more files are open than after warm-up; expected at most {FILES}")
    if last.threads > first.threads:
        said.append(f"{last.threads - first.threads} more threads run than after warm-up; expected none")
    drift = last.latency[0] / windows[WARM].latency[0] - 1
    if abs(drift) > DRIFT:
        said.append(f"p50 moved by {drift:+.0%} from the first window after warm-up; expected {DRIFT:.0%}")
    return said


def soak(source: Source, tracker: edgetrack.Tracker, seconds: float, text_s: float) -> Iterator[Window]:
    """Follow texts in turn; yield what was seen in each window."""
    began_s, texts = time.monotonic(), itertools.cycle(TEXTS)
    text_due_s, window = began_s, 1
    latencies: list[float] = []
    ages: list[float] = []
    for frames, frame in enumerate(source, 1):
        now_s = time.perf_counter()
        if tracker.track is None:
            tracker.start(frame, text=next(texts))
        else:
            tracker.update(frame)
        latencies.append((time.perf_counter() - now_s) * 1e3)
        ages.append(frame.age_ms or 0.0)
        passed_s = time.monotonic() - began_s
        if began_s + passed_s > text_due_s + text_s:
            text_due_s = began_s + passed_s
            tracker.set_text(next(texts))
        if passed_s >= window * seconds / WINDOWS:
            yield _window(passed_s, frames, source, latencies, ages)
            latencies, ages, window = (
                [],
                [],
                int(passed_s / seconds * WINDOWS) + 1,
            )  # a long gap is one window
            if window > WINDOWS:
                return


def _window(
    seconds: float,
    frames: int,
    source: Source,
    latencies: list[float],
    ages: list[float],
) -> Window:
    def percentiles(values: list[float]) -> tuple[float, float]:
        p50, p99 = np.percentile(values, (50, 99))
        return float(p50), float(p99)

    return Window(
        seconds,
        frames,
        source.dropped,
        source.reconnects,
        resident_mb(),
        len(list(Path("/proc/self/fd").iterdir())),
        threading.active_count(),
        percentiles(latencies),
        percentiles(ages),
    )


@contextmanager
def camera(restart_s: float) -> Iterator[str]:
    """An RTSP camera of this machine that is killed and started again; gives its address."""
    sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
    tests = import_module("rtsp_camera")
    if reason := tests.why_not():
        sys.exit(f"error: {reason}")
    server, ended = tests.RtspCamera(SIZES[0]), threading.Event()

    def disturb() -> None:
        for size in itertools.cycle(SIZES[::-1]):
            if ended.wait(restart_s):
                return
            server.kill()
            ended.wait(DOWN_S)
            server.start(size)

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        yield server.url
    finally:
        ended.set()
        thread.join()
        server.kill()


def show(window: Window) -> None:
    """Print one row."""
    figures = f"{window.rss_mb:>9.1f}{window.files:>7}{window.threads:>9}"
    times = "".join(f"{value:>9.1f}" for value in (*window.latency, *window.age))
    print(
        f"{window.seconds:>9.0f}{window.frames:>9}{window.dropped:>9}{window.reconnects:>11}{figures}{times}",
        flush=True,
    )


def run(url: str, args: argparse.Namespace) -> list[Window]:
    """Open source and tracker, and print what each window saw."""
    heading = ("seconds", "frames", "dropped", "reconnects", "RSS MB", "files", "threads")
    widths = (9, 9, 9, 11, 9, 7, 9)
    print(machine())
    print(
        "".join(f"{word:>{width}}" for word, width in zip(heading, widths, strict=True)),
        "".join(f"{word:>9}" for word in ("p50 ms", "p99 ms", "age p50", "age p99")),
        sep="",
    )
    windows = []
    with edgetrack.open_source(url) as source, edgetrack.Tracker(threads=args.threads) as tracker:
        tracker.warm_up()
        for window in soak(source, tracker, args.hours * 3600, args.text_s):
            show(window)
            windows.append(window)
    return windows


def main() -> None:
    """Print the table and what grew."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", help="a live source; without it an RTSP server of this machine")
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--restart-s", type=float, default=60.0, help="how often that server is killed")
    parser.add_argument("--text-s", type=float, default=60.0, help="how often the text changes")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    if not args.hours > 0:
        parser.error(f"--hours is {args.hours}; expected more than 0")
    if args.source:
        windows = run(args.source, args)
    else:
        with camera(args.restart_s) as url:
            windows = run(url, args)
    if len(windows) <= WARM:
        sys.exit(f"error: {len(windows)} windows have frames; expected more than {WARM}: run it for longer")
    said = complaints(windows)
    if args.json:
        told = {
            "machine": machine(),
            "warm": WARM,
            "windows": [asdict(w) for w in windows],
            "complaints": said,
        }
        args.json.write_text(json.dumps(told, indent=1) + "\n")
    print("\n".join(said) or f"held: {windows[-1].reconnects} reconnections, {windows[-1].frames} frames")
    sys.exit(1 if said else 0)


if __name__ == "__main__":
    main()
