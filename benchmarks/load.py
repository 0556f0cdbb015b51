"""Measure how long a tracker takes to start, in new processes, and how long a change of the text takes.

Each process imports edgetrack, opens the bundle, makes the tracker, starts it by a text on a drawn frame and changes
the text. Wall time is what a user waits for; CPU time is not distorted by a busy machine.

python benchmarks/load.py [--runs N] [--model BUNDLE] [--engine NAME] [--threads N] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys

from common import machine

LIMITS_MS = {"engine": 300.0, "set_text": 10.0}  # goals of the project, wall time
CHILD = """
import json, sys, time
marks = [("", time.perf_counter(), time.process_time())]
def mark(name): marks.append((name, time.perf_counter(), time.process_time()))
model, engine, threads = json.loads(sys.argv[1])
import numpy
mark("import numpy")
if engine != "openvino":
    import onnxruntime
    mark("import onnxruntime")
import edgetrack
from edgetrack.tracker import Tracker
mark("import edgetrack")
bundle = edgetrack.Bundle.open(model)
mark("open and verify the bundle")
tracker = Tracker(bundle, engine=engine, threads=threads)
mark("make the tracker")
frame = numpy.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=numpy.uint8)
frame[200:260, 300:380] = 0, 0, 255
mark("draw")
tracker.start(frame, text="red car")
mark("first frame, by text")
texts = []
for text in ("blue car", "a man in a red jacket", "white van", "the dog on the left", "small drone"):
    wall, cpu = time.perf_counter(), time.process_time()
    tracker.set_text(text)
    texts.append([1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - cpu)])
    tracker.update(frame)
pairs = zip(marks, marks[1:])
steps = {b[0]: [1e3 * (b[1] - a[1]), 1e3 * (b[2] - a[2])] for a, b in pairs if b[0] != "draw"}
print(json.dumps([steps, texts, str(tracker.engine.info)]))
"""
ENGINE = ("open and verify the bundle", "make the tracker")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=9, help="fresh processes")
    parser.add_argument("--model", help="a bundle; the shipped one")
    parser.add_argument("--engine", default="ort")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    job = json.dumps([options.model, options.engine, options.threads])
    _child(job)  # warm the file cache
    runs = [_child(job) for _ in range(options.runs)]
    steps = {name: _median([steps[name] for steps, _, _ in runs]) for name in runs[0][0]}
    steps["set_text"] = _median([_median(texts) for _, texts, _ in runs])
    engine = [[sum(run[0][name][i] for name in ENGINE) for i in (0, 1)] for run in runs]
    steps["engine"] = _median(engine)
    result = {
        "machine": machine(),
        "engine": runs[0][2],
        "runs": options.runs,
        "ms": steps,
        "limits_ms": LIMITS_MS,
    }
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        _print(result)


def _child(job: str) -> tuple[dict[str, list[float]], list[list[float]], str]:
    done = subprocess.run([sys.executable, "-c", CHILD, job], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.strip().splitlines()[-1])
    steps, texts, reason = json.loads(done.stdout)
    return steps, texts, reason


def _median(pairs: list[list[float]]) -> list[float]:
    return [round(statistics.median(values), 2) for values in zip(*pairs, strict=True)]


def _print(result: dict[str, object]) -> None:
    print(f"{result['machine']}\n{result['engine']}\nmedian of {result['runs']} fresh processes, ms\n")
    print(f"{'':32}{'wall':>9}{'CPU':>9}{'limit':>9}")
    steps, limits = result["ms"], result["limits_ms"]
    assert isinstance(steps, dict)
    assert isinstance(limits, dict)
    for name, (wall, cpu) in steps.items():
        title = "engine: bundle and tracker" if name == "engine" else name
        print(f"{title:32}{wall:9.1f}{cpu:9.1f}{limits.get(name, ''):>9}")


if __name__ == "__main__":
    main()
