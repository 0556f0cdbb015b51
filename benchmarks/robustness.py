"""Compare edgetrack with OpenCV's TrackerNano under corruptions; write robustness.md, .json and .svg.

python benchmarks/robustness.py SEQUENCES --peer-weights DIR --work DIR [--model NAME]... [--severity N]... [--draws 3]

All random choices depend only on the seed. After Ctrl-C, the same command continues where it stopped: each record is
kept in --work, with the whole report. Milliseconds are not measured here.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path

from rich.console import Console

from edgetrack import cores
from edgetrack.cli.eval_view import evaluate_and_print
from edgetrack.evaluation import Report
from edgetrack.evaluation.execution.request import Request
from edgetrack.evaluation.perturbations.registry import CORRUPTIONS, SEVERITIES, conditions
from edgetrack.evaluation.report.charts import corruption_radar
from edgetrack.reporting.charts import radar_chart, to_svg
from edgetrack.tracker import Tracker

KEPT = ("command", "made", "dataset", "settings", "trackers", "machine", "notes", "robustness", "degradation")
TITLES = ("Robustness", "Occlusion", "Status while")
MODELS = ("edgetrack-256", "edgetrack-160")
RESULTS = Path(__file__).parent / "results"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sequences", type=Path, help="a data set in the layout `folder`")
    parser.add_argument("--peer-weights", type=Path, required=True)
    parser.add_argument("--peer", default="opencv-nano:v2")
    parser.add_argument("--model", action="append", help="default: edgetrack-256 and edgetrack-160")
    parser.add_argument("--work", type=Path, default=Path("robustness"), help="records and the whole report")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the short files go")
    parser.add_argument("--only", action="append", default=[], metavar="SEQUENCE")
    parser.add_argument(
        "--corruption", action="append", choices=CORRUPTIONS, help="default: all, and occlusion"
    )
    parser.add_argument("--severity", type=int, action="append", choices=(1, 2, 3), help="default: all")
    parser.add_argument("--draws", type=int, default=3, help="first boxes of init-jitter")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=cores.usable())
    return parser.parse_args()


def shorten(work: Path, output: Path) -> None:
    """Extract the robustness results, and the machine they were measured on, from the whole report."""
    report = json.loads((work / "report.json").read_text())
    bursts = [
        {"tracker": r["run"]["tracker"], "severity": r["run"]["condition"]["severity"], **r["occlusion"]}
        for r in report["runs"]
        if r["occlusion"]
    ]
    short = {key: report[key] for key in KEPT} | {"occlusion": bursts}
    del short["settings"]["path"]  # a local path; the dataset's name is in "dataset"
    (output / "robustness.json").write_text(json.dumps(short, indent=1) + "\n")
    head, *sections = (work / "report.md").read_text().split("\n## ")
    kept = [
        s
        for s in sections
        if s.startswith((*TITLES, "Tracker", "Settings", "Machine")) or " beside " in s.partition("\n")[0]
    ]
    text = "\n## ".join([head.replace("# Evaluation", "# Robustness", 1), *kept])
    lines = [line for line in text.rstrip().split("\n") if not line.startswith("- path: ")]
    (output / "robustness.md").write_text("\n".join(lines) + "\n")


def main() -> None:
    args = parse()
    asked = conditions(
        occlusion=not args.corruption,
        corruptions=args.corruption or CORRUPTIONS,
        severities=args.severity or SEVERITIES,
        draws=args.draws,
    )
    # Local paths are of no use to readers.
    places = {str(args.sequences): "SEQUENCES", str(args.peer_weights): "DIR", str(args.work): "DIR"}
    request = Request(
        dataset="folder",
        path=args.sequences,
        output=args.work,
        modes=("bbox",),
        trackers=(*(f"edgetrack:{model}" for model in args.model or MODELS), args.peer),
        names=tuple(args.only),
        conditions=tuple(asked),
        peer_weights=args.peer_weights,
        threads=args.threads,
        workers=args.workers,
        seed=args.seed,
        resume=True,
        command=shlex.join(["python", "benchmarks/robustness.py", *(places.get(w, w) for w in sys.argv[1:])]),
    )
    report = evaluate_and_print(Console(highlight=False), request, open_edgetrack=Opener(args.threads))
    shorten(args.work, args.output)
    assert isinstance(report, Report)  # the task is tracking
    drawing = corruption_radar(report.runs)
    for radar in drawing:
        (args.output / "robustness.svg").write_text(to_svg(radar_chart(*radar)))
    print(f"written  {args.output / 'robustness'}.md, .json{', .svg' if drawing else ''}")


class Opener:
    """Opens the tracker, in this process and in worker processes, to which this object is sent."""

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def __call__(self, *, model: str, precision: str = "auto") -> Tracker:
        return Tracker(model, precision=precision, threads=self._threads)


if __name__ == "__main__":
    main()
