"""A table as rows of text: the terminal, the Markdown and the page show the same one."""

from __future__ import annotations

import math
from dataclasses import dataclass

MISSING = "-"  # where there is no number


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text; the first ``words`` columns are words, the others numbers."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    words: int = 2

    def to_markdown(self) -> str:
        """Return the table under a heading of its own."""
        rule = ["---"] * self.words + ["---:"] * (len(self.columns) - self.words)
        rows = [[cell.replace("|", "\\|") for cell in row] for row in self.rows]
        lines = [" | ".join(row) for row in (self.columns, rule, *rows)]
        return f"## {self.title}\n\n" + "\n".join(f"| {line} |" for line in lines)


def number(value: float, *, digits: int = 3) -> str:
    """Return the value with so many digits, or a dash for nan."""
    return MISSING if math.isnan(value) else f"{value:.{digits}f}"
