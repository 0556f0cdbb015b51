"""Soak test of `edgetrack run` on a stream over hours: a camera with outages, a new text every minute.

python benchmarks/soak_live.py --hours 2 --csv soak-live.csv      # its own RTSP server, with outages
python benchmarks/soak_live.py --source rtsp://CAMERA/stream --hours 24 --csv soak-live.csv
python benchmarks/soak_plot.py soak-live.csv docs/soak-live.svg

Without a source it starts GStreamer's RTSP server (apt-get install gir1.2-gst-rtsp-server-1.0 python3-gi
gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly) and kills it every --restart-s seconds;
every second time, the image has another size. The text is changed in the way an operator does it: the file of --config
is written, and SIGHUP is sent. All measurements are made from outside, in /proc and in the output of the run. If the
soak is stopped and started again with the same --csv, it continues for the rest of its time, with a new process.

For each process, medians of the last tenth are compared with those of the tenth after warm-up: memory may grow by
16 MB, open files by 2, threads not at all, and the time of an update by 25 %. Exit code 1 if any grew. Linux only.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import get_args

import numpy as np
from common import machine

from edgetrack.io.states import StateName

GROWTH_MB, FILES, DRIFT = 16.0, 2, 0.25
LEAST = 20  # minimum number of samples for a verdict on a process
SIZES = ((640, 480), (320, 240))
TEXTS = ("white ball", "red car", "black square")
STATES = get_args(StateName)
DOWN_S = 2.0  # length of an outage


@dataclass(frozen=True)
class Sample:
    """Measurements at one time, and of the frames since the previous sample."""

    seconds: float  # since the start of the test
    run: int  # number of the process, from 1 on
    state: str  # state of the source
    frames: int  # total of this process so far, like the next two
    reconnects: int
    texts: int  # changes of the text that the run has confirmed
    rss_mb: float
    pss_mb: float  # proportional set size: shared pages count in part
    files: int  # open files
    threads: int
    p50_ms: float  # of updates; 0 without frames
    p99_ms: float
    age_p50_ms: float  # of frames when their tracks were known
    age_p99_ms: float


def complaints(samples: Sequence[Sample]) -> list[str]:
    """Return what grew in each process from the tenth after its warm-up to its last tenth; empty if nothing did."""
    said = []
    for number, group in itertools.groupby(samples, lambda sample: sample.run):
        rows = list(group)
        if len(rows) >= LEAST:
            tenth = len(rows) // 10
            said += [f"process {number}: {what}" for what in _grown(rows[tenth : 2 * tenth], rows[-tenth:])]
    return said


def _grown(first: Sequence[Sample], last: Sequence[Sample]) -> Iterator[str]:
    def medians(name: str) -> tuple[float, float]:
        before, after = (statistics.median(getattr(row, name) for row in rows) for rows in (first, last))
        return before, after

    before, after = medians("rss_mb")
    if after - before > GROWTH_MB:
        yield f"memory grew by {after - before:.1f} MB; expected at most {GROWTH_MB:g} MB"
    before, after = medians("files")
    if after - before > FILES:
        yield f"{after - before:g} more files are open; expected at most {FILES}"
    before, after = medians("threads")
    if after > before:
        yield f"{after - before:g} more threads run; expected none"
    before, after = medians("p50_ms")
    if after > before * (1 + DRIFT):
        yield f"p50 grew from {before:.1f} to {after:.1f} ms; expected at most {DRIFT:.0%}"


class Run:
    """A process of `edgetrack run`, and its output since the last sample.

    Args:
        folder: Folder for its files.
        url: The source.
        threads: Threads of its engine.
    """

    def __init__(self, folder: Path, url: str, threads: int) -> None:
        self._config, self._lines, self._said = (
            folder / n for n in ("site.toml", "tracks.jsonl", "said.txt")
        )
        self._url, self._threads = url, threads
        self._read = {self._lines: 0, self._said: 0}  # bytes read so far
        self._frames = self._reconnects = self._texts = 0
        self._state = "connecting"
        self.describe(TEXTS[0])
        words = [sys.executable, "-m", "edgetrack", "run", "--config", str(self._config)]
        with self._said.open("w") as said:
            self.process = subprocess.Popen(words, stdout=said, stderr=subprocess.STDOUT)

    def describe(self, text: str) -> None:
        """Write the configuration file atomically."""
        options = {"source": self._url, "output": str(self._lines), "text": text}
        content = "".join(f"{key} = {json.dumps(value)}\n" for key, value in options.items())
        fresh = self._config.with_suffix(".new")
        fresh.write_text(f"{content}threads = {self._threads}\n")
        fresh.replace(self._config)

    def reload(self, text: str) -> None:
        """Make the process follow another target."""
        self.describe(text)
        self.process.send_signal(signal.SIGHUP)

    def sample(self, seconds: float, number: int) -> Sample:
        """Measure the process, and read its output since the last sample."""
        tracks = [json.loads(line) for line in self._fresh(self._lines)]
        for words in (line.split() for line in self._fresh(self._said)):
            if words[:1] == ["target"]:
                self._texts += 1
            elif words[:1] == ["source"] and words[1] in STATES:
                self._state = words[1]
        self._frames += len(tracks)
        self._reconnects = tracks[-1]["epoch"] if tracks else self._reconnects
        folder = Path("/proc") / str(self.process.pid)
        memory = _memory_mb(folder)
        return Sample(
            round(seconds, 1),
            number,
            self._state,
            self._frames,
            self._reconnects,
            max(self._texts - 1, 0),  # without the one in the header
            memory["Rss"],
            memory["Pss"],
            len(list((folder / "fd").iterdir())),
            len(list((folder / "task").iterdir())),
            *_percentiles([track["latency_ms"] for track in tracks]),
            *_percentiles([track["age_ms"] for track in tracks]),
        )

    def _fresh(self, path: Path) -> list[str]:
        """Return the complete lines that were added to a file."""
        if not path.exists():
            return []
        with path.open("rb") as file:
            file.seek(self._read[path])
            added = file.read()
        whole = added[: added.rfind(b"\n") + 1]
        self._read[path] += len(whole)
        return whole.decode().splitlines()

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()

    @property
    def said(self) -> str:
        return self._said.read_text()


def _memory_mb(folder: Path) -> dict[str, float]:
    lines = (line.split() for line in (folder / "smaps_rollup").read_text().splitlines()[1:])
    return {words[0].rstrip(":"): round(int(words[1]) / 1024, 2) for words in lines}


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    p50, p99 = np.percentile(values, (50, 99)) if values else (0.0, 0.0)
    return round(float(p50), 2), round(float(p99), 2)


def soak(run: Run, number: int, began_s: float, args: argparse.Namespace) -> Iterator[Sample]:
    """Yield samples until the time is over, and change the text in between.

    Raises:
        SystemExit: The run has ended.
    """
    zero_s = time.monotonic() - began_s
    texts, text_due_s = itertools.cycle((*TEXTS[1:], TEXTS[0])), began_s + args.text_s
    while (now_s := time.monotonic() - zero_s) < args.hours * 3600:
        time.sleep(args.sample_s)
        if run.process.poll() is not None:
            sys.exit(f"error: the run has ended with exit code {run.process.returncode}:\n{run.said}")
        if now_s >= text_due_s:
            text_due_s += args.text_s
            run.reload(next(texts))
        yield run.sample(time.monotonic() - zero_s, number)


@contextmanager
def camera(restart_s: float, fps: int) -> Iterator[str]:
    """Run an RTSP camera on this machine that is killed and restarted; yield its address."""
    sys.path.append(str(Path(__file__).resolve().parent.parent / "tests/support"))
    tests = import_module("rtsp_camera")
    if reason := tests.why_not():
        sys.exit(f"error: {reason}")
    server, ended = tests.RtspCamera(SIZES[0], fps=fps), threading.Event()

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


def read_samples(path: Path) -> list[Sample]:
    """Return the rows of a file of samples; empty if there is no file."""
    if not path.exists():
        return []
    kinds = {
        field.name: {"float": float, "int": int, "str": str}[str(field.type)] for field in fields(Sample)
    }
    with path.open(newline="") as file:
        rows: Iterable[dict[str, str]] = csv.DictReader(file)
        return [Sample(**{name: kinds[name](value) for name, value in row.items()}) for row in rows]


def follow(url: str, samples: list[Sample], args: argparse.Namespace) -> None:
    """Run the command, and append samples to the list and to the file."""
    number, began_s = (samples[-1].run + 1, samples[-1].seconds) if samples else (1, 0.0)
    with tempfile.TemporaryDirectory() as folder, args.csv.open("a", newline="", buffering=1) as file:
        rows = csv.DictWriter(file, [field.name for field in fields(Sample)], lineterminator="\n")
        if not samples:
            rows.writeheader()
        run = Run(Path(folder), url, args.threads)
        try:
            for sample in soak(run, number, began_s, args):
                rows.writerow(asdict(sample))
                samples.append(sample)
        finally:
            run.end()


def main() -> None:
    """Write the samples, and print what grew."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", help="a live source; without it an RTSP server of this machine")
    parser.add_argument("--fps", type=int, default=10, help="of that server")
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--restart-s", type=float, default=60.0, help="how often that server is killed")
    parser.add_argument("--text-s", type=float, default=60.0, help="how often the text changes")
    parser.add_argument("--sample-s", type=float, default=15.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--csv", type=Path, metavar="FILE", required=True)
    args = parser.parse_args()
    if not args.hours > 0:
        parser.error(f"--hours is {args.hours}; expected more than 0")
    samples = read_samples(args.csv)
    print(machine(), flush=True)
    if args.source:
        follow(args.source, samples, args)
    else:
        with camera(args.restart_s, args.fps) as url:
            follow(url, samples, args)
    if not any(len(list(group)) >= LEAST for _, group in itertools.groupby(samples, lambda row: row.run)):
        sys.exit(f"error: no process has {LEAST} samples, which it takes to judge it: run it for longer")
    said, last = complaints(samples), samples[-1]
    print(
        "\n".join(said) or f"held: {last.frames} frames, {last.reconnects} reconnections, {last.texts} texts"
    )
    sys.exit(1 if said else 0)


if __name__ == "__main__":
    main()
