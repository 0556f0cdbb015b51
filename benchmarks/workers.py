"""Measure how an evaluation scales with processes, compared with the machine itself; write workers.md.

python benchmarks/workers.py SEQUENCES [--workers N]... [--ray ADDRESS] [--rounds 3]

Each round evaluates all sequences, given the box, with one thread per engine, including start-up, decoding and records.
"The machine" is the same number of parallel processes that only run updates. Use an idle machine.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
from common import machine

from edgetrack import cores
from edgetrack.evaluation import Report, evaluate, write_report
from edgetrack.evaluation.execution.dataset import load_sequences
from edgetrack.evaluation.execution.request import Request
from edgetrack.tracker import Tracker
from edgetrack.types import Box

LOOP_S = 5.0
OPEN = functools.partial(Tracker, threads=1)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sequences", type=Path, help="a data set in the layout `folder`")
    parser.add_argument("--workers", type=int, action="append", help="default: 1, and as many as cores")
    parser.add_argument("--ray", metavar="ADDRESS", help="also on this Ray cluster, with --threads 1")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    return parser.parse_args()


def evaluation_s(path: Path, **work: Any) -> float:
    """Return the seconds that an evaluation takes from start to end."""
    with tempfile.TemporaryDirectory() as output:
        request = Request(dataset="folder", path=path, output=Path(output), threads=1, **work)
        begun_s = time.perf_counter()
        *_, report = evaluate(request, open_edgetrack=OPEN)
        assert isinstance(report, Report)
        write_report(report, request.output)
        return time.perf_counter() - begun_s


def updates(path: Path, ready: Barrier, found: Any) -> None:
    """Put the number of updates of one process within `LOOP_S` into ``found``."""
    clip = load_sequences("folder", path, None)[0]
    frames = [np.array(pixels) for pixels, _ in zip(clip.frames, range(60), strict=False)]
    tracker, count = OPEN(), 0
    tracker.start(frames[0], box=Box.of(clip.boxes[0]))
    ready.wait()
    end_s = time.perf_counter() + LOOP_S
    while time.perf_counter() < end_s:
        tracker.update(frames[count % len(frames)])
        count += 1
    found.put(count)


def machine_rate(path: Path, processes: int) -> float:
    """Return the updates per second of that many processes together."""
    context = multiprocessing.get_context("spawn")
    ready, found = context.Barrier(processes), context.Queue()
    running = [context.Process(target=updates, args=(path, ready, found)) for _ in range(processes)]
    for process in running:
        process.start()
    total = sum(found.get() for _ in running)
    for process in running:
        process.join()
    return float(total / LOOP_S)


def main() -> None:
    args = parse()
    counts: list[int] = args.workers or sorted({1, cores.usable()})
    frames = sum(map(len, load_sequences("folder", args.sequences, None)))
    todo: dict[str, Callable[[], float]] = {}
    for n in counts:
        todo[f"--workers {n}"] = functools.partial(evaluation_s, args.sequences, workers=n)
    if args.ray:
        todo[f"--ray, {cores.usable()} cores"] = functools.partial(evaluation_s, args.sequences, ray=args.ray)
    rates: dict[str, list[float]] = {name: [] for name in todo}
    bare: dict[str, list[float]] = {f"the machine, {n} at once": [] for n in counts}
    for _ in range(args.rounds):
        for name, measure in todo.items():
            rates[name].append(frames / measure())
        for n, found in zip(counts, bare.values(), strict=True):
            found.append(machine_rate(args.sequences, n))
    lines = [
        "# Workers of an evaluation",
        "",
        f"`python benchmarks/workers.py SEQUENCES` on {machine()}: {frames} frames, box given, one thread an engine, "
        f"median of {args.rounds} rounds in turns.",
        "",
        "| | frames a second | times the first |",
        "|---|---:|---:|",
    ]
    for rows in (rates, bare):
        first = float(np.median(next(iter(rows.values()))))
        for name, found in rows.items():
            rate = float(np.median(found))
            lines.append(f"| {name} | {rate:.0f} | {rate / first:.2f} |")
    text = "\n".join(lines) + "\n"
    (args.output / "workers.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
