"""Write the README's table and its accuracy-latency plot from reports of ``edgetrack eval``.

python benchmarks/readme.py REPORT.json... [--readme README.md] [--figure docs/accuracy-latency.svg]

All reports must be of the same data and the same machine; each report contains its command.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from edgetrack.evaluation.trackers.registry import is_peer
from edgetrack.reporting.charts import Point, pareto_chart, to_svg

BEGIN, END = "<!-- measured: benchmarks/readme.py -->", "<!-- end -->"
PEERS = {
    "opencv-nano:v2": "OpenCV's TrackerNano v2",
    "nanotrack:nanotrack-v2": "NanoTrack v2 on our runtime",
    "nanotrack:nanotrack-v3": "NanoTrack v3 on our runtime",
}
GIVEN = {"bbox": "box", "nlbbox": "box and text", "nl": "text alone"}


def rows(reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the clean runs of all reports with names of tracker, model and precision, without duplicates."""
    found = {}
    for report in reports:
        for run in report["runs"]:
            what = run["run"]
            if what["condition"]["name"] != "clean" or what["control"] != "none":
                continue
            peer, about = is_peer(what["tracker"]), report["trackers"][what["tracker"]]
            own = "" if peer else f"{about['model'].split()[0]}, {about['precision']}"
            name = own or PEERS.get(what["tracker"], what["tracker"])
            found[name, what["mode"]] = {"name": name, "peer": peer, "mode": what["mode"], **_figures(run)}
    order = list(GIVEN)
    return sorted(found.values(), key=lambda r: (r["peer"], order.index(r["mode"])))


def _figures(run: dict[str, Any]) -> dict[str, Any]:
    there = sum(row["first_iou"] is not None for row in run["sequences"])
    first = f"{run['first_hits']} of {there}" if run["run"]["mode"] == "nl" else ""
    return {
        "auc": run["ope"]["auc"],
        "precision20": run["ope"]["precision20"],
        "first": first,
        "ms": run["update_ms"],
    }


def table(found: list[dict[str, Any]]) -> str:
    lines = ["| model | target given by | success AUC | precision at 20 px | right in frame 1 | one update |"]
    lines.append("|---|---|---|---|---|---|")
    for row in found:
        lines.append(
            f"| {row['name']} | {GIVEN[row['mode']]} | {row['auc']:.3f} | {row['precision20']:.3f} | {row['first']} "
            f"| {row['ms']:.1f} ms |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("reports", nargs="+", type=Path)
    parser.add_argument("--readme", type=Path, default=Path("README.md"))
    parser.add_argument("--figure", type=Path, default=Path("docs/accuracy-latency.svg"))
    args = parser.parse_args()
    reports = [json.loads(path.read_text()) for path in args.reports]
    if len({(r["dataset"], r["machine"]["processor"], r["machine"]["cores"]) for r in reports}) != 1:
        sys.exit(
            "the reports are of different data or machines; expected the same, or their times say nothing"
        )
    found = rows(reports)
    text = args.readme.read_text()
    if BEGIN not in text or END not in text:
        sys.exit(f"{args.readme} has no {BEGIN} ... {END}; expected both, around the table")
    before, rest = text.split(BEGIN, 1)
    args.readme.write_text(f"{before}{BEGIN}\n{table(found)}\n{END}{rest.split(END, 1)[1]}")
    boxed = [r for r in found if r["mode"] == "bbox"]
    points = [Point(r["name"], r["ms"], r["auc"], index) for index, r in enumerate(boxed)]
    machine = reports[0]["machine"]
    title = f"Box given, {machine['cores']} cores of {machine['processor']}"
    args.figure.write_text(to_svg(pareto_chart(title, points)))
    print(table(found))


if __name__ == "__main__":
    main()
