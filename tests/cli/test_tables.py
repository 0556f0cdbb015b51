"""Tables on a terminal: complete, however narrow it is."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from edgetrack.cli.eval_view import open_progress
from edgetrack.cli.tables import print_table
from edgetrack.reporting.table import Table

COLUMNS = ["tracker", "target given by", *(f"figure {i}" for i in range(12))]
NAMES = ("edgetrack", "opencv-nano:v2")
ROWS = [[name, "nl, shuffled text", *(f"{i}.{name[0]}23" for i in range(12))] for name in NAMES]
TABLE = Table("Results", COLUMNS, ROWS)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_table_is_never_truncated(width: int) -> None:
    out = io.StringIO()
    print_table(Console(file=out, width=width, force_terminal=True, color_system=None), TABLE)
    printed = out.getvalue()
    lines = printed.splitlines()
    assert max(map(len, lines)) <= width
    for row in TABLE.rows:
        for cell in row:
            assert cell in printed, cell
    pieces = printed.count("opencv-nano:v2")  # each piece of the table names its row
    assert pieces == printed.count("edgetrack") == printed.count("tracker")
    assert (pieces > 1) == (width < 140)
    assert printed.count("Results") == 1


def test_table_in_a_file_has_one_line_per_row() -> None:
    out = io.StringIO()
    print_table(Console(file=out, width=80), TABLE)
    [row] = [line for line in out.getvalue().splitlines() if line.startswith("edgetrack")]
    assert row.split() == ["edgetrack", "nl,", "shuffled", "text", *(f"{i}.e23" for i in range(12))]


@pytest.mark.parametrize("width", [60, 80])
def test_progress_keeps_its_figures_next_to_a_long_name(width: int) -> None:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system=None)
    progress = open_progress(console)
    name = "opencv-nano:v2 bbox, low-light+motion-blur-1: DAVIS_motocross-jump-and-more"
    progress.add_task(name, total=123456, completed=1234)
    console.print(progress.get_renderable())
    [line] = out.getvalue().splitlines()
    assert line.startswith("opencv")
    assert "…" in line
    assert "1234/123456 frames, left -:--:--" in line
