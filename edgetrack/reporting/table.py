"""Tables as rows of text, for the terminal, Markdown and HTML."""

from __future__ import annotations

import math
from dataclasses import dataclass

MISSING = "-"  # shown for a missing number


@dataclass(frozen=True, slots=True)
class Table:
    """A table with cells as text; the first ``words`` columns are words, the others numbers."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    words: int = 2

    def to_markdown(self) -> str:
        """Return the table in Markdown, with its title as heading."""
        rule = ["---"] * self.words + ["---:"] * (len(self.columns) - self.words)
        rows = [[cell.replace("|", "\\|") for cell in row] for row in self.rows]
        lines = [" | ".join(row) for row in (self.columns, rule, *rows)]
        return f"## {self.title}\n\n" + "\n".join(f"| {line} |" for line in lines)


def number(value: float, *, digits: int = 3) -> str:
    """Return the value with ``digits`` decimal places, or a dash for NaN."""
    return MISSING if math.isnan(value) else f"{value:.{digits}f}"
