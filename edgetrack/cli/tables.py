"""Prints tables, and the paths of written files, on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rich import box as box_style
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from edgetrack.reporting.table import Table
from edgetrack.terminal import one_line

COLUMN_GAP = 2  # between columns


def open_table(console: Console) -> RichTable:
    """Return an empty table; in a pipe it has no borders and never wraps."""
    if not console.is_terminal:
        console.width = 1000
    return RichTable(box=box_style.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False)


def print_written(console: Console, *files: Path) -> None:
    """Print the paths of written files."""
    for file in files:
        console.print("written", style="dim", end="  ")
        console.print(one_line(str(file)), soft_wrap=True)


def print_table(console: Console, table: Table) -> None:
    """Print a table: at full width to a file, in pieces on a terminal that is too narrow."""
    if not console.is_terminal:
        console.width = 1000
    title: Text | None = Text(table.title)
    for columns in _pieces(table, console.width):
        shown = RichTable(
            box=box_style.SIMPLE_HEAD if console.is_terminal else None,
            pad_edge=False,
            padding=(0, 1 if console.is_terminal else COLUMN_GAP, 0, 0),  # borders add one
            show_edge=False,
            title=title,
            title_justify="left",
            title_style="bold",
        )
        for index, width in _widths(table, columns, console.width).items():
            justify: Literal["left", "right"] = "left" if index < table.words else "right"
            shown.add_column(Text(table.columns[index]), justify=justify, width=width)
        for row in table.rows:
            shown.add_row(*(Text(row[index]) for index in columns))
        console.print(shown, "")
        title = None


def _pieces(table: Table, width: int) -> list[list[int]]:
    """Return the columns of pieces that fit the width; each begins with the text columns, which name its rows."""
    words = list(range(table.words))
    pieces = [list(words)]
    for index in range(table.words, len(table.columns)):
        if _total(table, [*pieces[-1], index]) > width and len(pieces[-1]) > len(words):
            pieces.append(list(words))
        pieces[-1].append(index)
    return pieces


def _widths(table: Table, columns: Sequence[int], room: int) -> dict[int, int]:
    """Return the widths of columns. If there is not enough room, headings wrap, from the right on; cells do not."""
    spare = room - _total(table, columns)
    widths = {}
    for index in columns:
        least = _width(table, index)
        widths[index] = least + max(0, min(spare, len(table.columns[index]) - least))
        spare -= widths[index] - least
    return widths


def _total(table: Table, columns: Sequence[int]) -> int:
    return sum(_width(table, index) + COLUMN_GAP for index in columns)


def _width(table: Table, index: int) -> int:
    return max(map(len, [*table.columns[index].split(), *(row[index] for row in table.rows)]))
