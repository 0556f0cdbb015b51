"""Plot the measurements of `benchmarks/soak_live.py`, and print them as a table for docs/operation.md.

python benchmarks/soak_plot.py soak-live.csv docs/soak-live.svg
"""

from __future__ import annotations

import argparse
import itertools
import statistics
from collections.abc import Sequence
from pathlib import Path

from soak_live import Sample, complaints, read_samples

from edgetrack.reporting.charts import require_matplotlib, to_svg

# For each plot: its axis label, and its columns with their names.
PLOTS: list[tuple[str, dict[str, str]]] = [
    ("memory, MB", {"rss_mb": "resident", "pss_mb": "proportional"}),
    ("number", {"threads": "threads", "files": "open files"}),
    ("update, ms", {"p50_ms": "p50", "p99_ms": "p99"}),
    ("age, ms", {"age_p50_ms": "p50", "age_p99_ms": "p99"}),
    ("reconnections", {"reconnects": "reconnections"}),
]
OF_FRAMES = ("p50_ms", "p99_ms", "age_p50_ms", "age_p99_ms")  # 0 if there were no frames


def draw(samples: Sequence[Sample]) -> str:
    """Return the plots as SVG, one below the other, over the minutes of the test."""
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 8.0), layout="constrained")
    axes = figure.subplots(len(PLOTS), 1, sharex=True)
    for axis, (words, columns) in zip(axes, PLOTS, strict=True):
        for number, (column, name) in enumerate(columns.items()):
            for run, group in itertools.groupby(samples, lambda sample: sample.run):
                rows = [row for row in group if column not in OF_FRAMES or row.p50_ms]
                label = name if run == samples[0].run else None
                minutes = [row.seconds / 60 for row in rows]
                axis.plot(minutes, [getattr(row, column) for row in rows], f"C{number}", lw=1, label=label)
        axis.set_ylabel(words)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        if len(columns) > 1:
            axis.legend(loc="upper right", fontsize="small")
    axes[-1].set_xlabel("minutes")
    return to_svg(figure)


def table(samples: Sequence[Sample]) -> str:
    """Return a table of medians of the longest process, in the first tenth after the warm-up and in the last tenth."""
    groups = [list(group) for _, group in itertools.groupby(samples, lambda sample: sample.run)]
    rows = max(groups, key=len)
    tenth = max(len(rows) // 10, 1)
    lines = ["| | after warm-up | at the end |", "|---|---|---|"]
    for words, columns in PLOTS[:-1]:
        for column, name in columns.items():
            before, after = (
                statistics.median(
                    getattr(row, column) for row in part if column not in OF_FRAMES or row.p50_ms
                )
                for part in (rows[tenth : 2 * tenth], rows[-tenth:])
            )
            unit = words.partition(", ")[2]
            what = f"{words.partition(',')[0]}, {name}" if unit else name
            lines.append(f"| {what} | {before:.4g} {unit} | {after:.4g} {unit} |".replace("  |", " |"))
    hours = rows[-1].seconds / 3600
    said = complaints(samples)
    return "\n".join(
        [
            *lines,
            "",
            f"{hours:.2f} hours, {rows[-1].frames} frames, {rows[-1].reconnects} reconnections, "
            f"{rows[-1].texts} texts; {len(groups)} process(es). {'; '.join(said) or 'Nothing grew.'}",
        ]
    )


def main() -> None:
    """Write the plot and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("csv", type=Path)
    parser.add_argument("svg", type=Path)
    args = parser.parse_args()
    samples = read_samples(args.csv)
    if not samples:
        parser.error(
            f"{args.csv} has no samples; make it with: python benchmarks/soak_live.py --csv {args.csv}"
        )
    args.svg.write_text(draw(samples))
    print(table(samples))


if __name__ == "__main__":
    main()
