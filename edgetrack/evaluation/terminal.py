"""What an evaluation looks like on the terminal: progress with the time left, then the tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rich import box as box_style
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.table import Table as RichTable
from rich.text import Text

from edgetrack.evaluation.tables import Table

GAP = 2  # between columns


def open_progress(console: Console) -> Progress:
    """Frames done, frames in all and the time left; vanishes at its end, and stays silent off a terminal.

    Where there is no room for all, what is at work is cut short, not the figures.
    """
    return Progress(
        TextColumn(
            "{task.description}",
            table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
            markup=False,
        ),
        BarColumn(bar_width=10),
        MofNCompleteColumn(),
        TextColumn("frames, left"),
        TimeRemainingColumn(),
        console=console,
        expand=True,
        transient=True,
        disable=not console.is_terminal,
    )


def print_table(console: Console, table: Table) -> None:
    """Prints a table, as wide as it must be where nobody looks, and in pieces where a terminal is narrower."""
    if not console.is_terminal:
        console.width = 1000
    title: Text | None = Text(table.title)
    for columns in _pieces(table, console.width):
        shown = RichTable(
            box=box_style.SIMPLE_HEAD if console.is_terminal else None,
            pad_edge=False,
            padding=(0, 1 if console.is_terminal else GAP, 0, 0),  # a box adds one
            show_edge=False,
            title=title,
            title_justify="left",
            title_style="bold",
        )
        for place, width in _widths(table, columns, console.width).items():
            justify: Literal["left", "right"] = "left" if place < table.words else "right"
            shown.add_column(Text(table.columns[place]), justify=justify, width=width)
        for row in table.rows:
            shown.add_row(*(Text(row[place]) for place in columns))
        console.print(shown, "")
        title = None


def _pieces(table: Table, width: int) -> list[list[int]]:
    """Columns that fit beside each other; each piece begins with those of words, which say what its rows are."""
    words = list(range(table.words))
    pieces = [list(words)]
    for place in range(table.words, len(table.columns)):
        if _total(table, [*pieces[-1], place]) > width and len(pieces[-1]) > len(words):
            pieces.append(list(words))
        pieces[-1].append(place)
    return pieces


def _widths(table: Table, places: Sequence[int], room: int) -> dict[int, int]:
    """Headings wrap, from the right on, where there is no room for them; cells do not."""
    spare = room - _total(table, places)
    widths = {}
    for place in places:
        least = _width(table, place)
        widths[place] = least + max(0, min(spare, len(table.columns[place]) - least))
        spare -= widths[place] - least
    return widths


def _total(table: Table, places: Sequence[int]) -> int:
    return sum(_width(table, place) + GAP for place in places)


def _width(table: Table, place: int) -> int:
    return max(map(len, [*table.columns[place].split(), *(row[place] for row in table.rows)]))
