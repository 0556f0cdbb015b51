"""What an evaluation looks like on the terminal: progress with the time left, then the tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rich import box as box_style
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as RichTable

from edgetrack.evaluation.tables import Table


def open_progress(console: Console) -> Progress:
    """Frames done, frames in all and the time left; vanishes at its end, and stays silent off a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("frames, left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def print_table(console: Console, table: Table) -> None:
    """Prints a table, as wide as it must be where nobody looks."""
    shown = RichTable(
        box=box_style.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False, title=table.title
    )
    shown.title_justify, shown.title_style = "left", "bold"
    for place, heading in enumerate(table.columns):
        justify: Literal["left", "right"] = "left" if place < table.words else "right"
        words = [*heading.split(), *(row[place] for row in table.rows)]
        shown.add_column(
            heading, justify=justify, min_width=max(map(len, words))
        )  # headings wrap, cells do not
    for row in table.rows:
        shown.add_row(*row)
    if not console.is_terminal:
        console.width = 1000
    console.print(shown)


def print_files(console: Console, files: Sequence[Path]) -> None:
    """Prints what has been written."""
    for file in files:
        console.print(f"[dim]written[/dim]  {file}", soft_wrap=True)
