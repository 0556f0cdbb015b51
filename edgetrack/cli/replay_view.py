"""The terminal output of a comparison of two trackers."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from edgetrack.cli.tables import open_table, print_written
from edgetrack.replay.compare import Comparison, Figures


def print_comparison(console: Console, comparison: Comparison, *, recorded_is_reference: bool) -> None:
    """Print the figures, and how the statuses differ."""
    table = open_table(console)
    table.add_column("compared", no_wrap=True)
    for heading in ("frames", "mean IoU", "lowest IoU", f"IoU < {comparison.min_iou:g}", "same status"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_row("candidate against reference", *_cells(comparison.figures()))
    if not recorded_is_reference:
        table.add_row("reference against the recorded track", *_cells(comparison.as_recorded()), style="dim")
    console.print(table)
    for (a, b), count in comparison.statuses().most_common():
        console.print(f"  reference {a}, candidate {b}: {count} frames", style="dim", soft_wrap=True)


def print_first(console: Console, comparison: Comparison, picture: Path) -> None:
    """Print where the candidate first differs, and the path of its image."""
    assert comparison.first is not None
    tracks = (comparison.reference[comparison.first], comparison.candidate[comparison.first])
    words = ", candidate ".join(f"{track.status} {track.score:.2f}" for track in tracks)
    iou = comparison.ious[comparison.first]
    console.print(
        f"first divergence: frame {comparison.first + 1}, IoU {iou:.2f}: reference {words}", soft_wrap=True
    )
    print_written(console, picture)


def _cells(figures: Figures) -> list[str]:
    fraction = figures.same_status / figures.frames
    cells = [str(figures.frames), f"{figures.mean_iou:.3f}", f"{figures.lowest_iou:.3f}"]
    return [*cells, str(figures.diverging), f"{100 * fraction:.1f} %"]
