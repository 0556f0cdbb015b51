"""The terminal output of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box as box_style
from rich.console import Console
from rich.table import Table

from edgetrack.bench.budget import Check
from edgetrack.bench.measure import Figures, Ratio

MEANING = {
    "read": "frame from the source",
    "update": "from frame to box",
    "crop": "into the input",
    "network": "and the way to it",
    "decode": "outputs and states",
    "python": "overhead around the C++",
    "publish": "one JSON line",
    "whole": "all of it",
}
PARTS = ("crop", "network", "decode", "python")
ORDER = ("read", "update", *PARTS, "publish", "whole")


def print_figures(console: Console, figures: Sequence[Figures], ratios: Sequence[Ratio]) -> None:
    """Print a table for each tracker, and the ratios between them."""
    for one in figures:
        console.print(_table(one, console))
        rest = ", ".join(one.facts[key] for key in ("model", "engine") if key in one.facts)
        console.print(
            f"{one.frames} frames, {one.fps:.1f} per second; jitter {one.jitter:.2f} (p99 / median); "
            f"{one.cores:.2f} cores busy; {rest}\n",
            soft_wrap=True,
            highlight=False,
        )
        if len(one.states) > 1:
            usual = one.states.get("tracking", one.stages["update"]).median
            for status, s in one.states.items():
                console.print(
                    f"{status}: median {s.median:.3f} ms, p95 {s.p95:.3f}, which is {s.p95 / usual:.2f} of the median "
                    "of tracking",
                    soft_wrap=True,
                )
    for r in ratios:
        console.print(
            f"an update of {r.name} takes {r.ratio:.3f} times as long as one of {r.base} "
            f"(95 % interval {r.low:.3f} to {r.high:.3f})",
            soft_wrap=True,
            highlight=False,
        )


def print_checks(console: Console, checks: Mapping[str, Sequence[Check]]) -> None:
    """Print the comparison of each bundle with its budget, if it has one."""
    for name, rows in checks.items():
        for one in rows:
            style = {True: "green", False: "bold red", None: "yellow"}[one.within]
            console.print(f"{name}: {one}", style=style, markup=False, soft_wrap=True)


def _table(figures: Figures, console: Console) -> Table:
    table = Table(title=figures.name, title_justify="left", box=box_style.SIMPLE_HEAD, pad_edge=False)
    table.add_column("stage", no_wrap=True)
    for heading in ("median ms", "p95", "p99", "fraction"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", style="dim" if console.is_terminal else "")
    whole = figures.stages["whole"].median
    for name in ORDER:
        if name in figures.stages:
            s = figures.stages[name]
            label = f"  {name}" if name in PARTS else name
            values = (f"{v:.3f}" for v in (s.median, s.p95, s.p99))
            table.add_row(label, *values, f"{s.median / whole:.1%}", MEANING[name])
    return table
