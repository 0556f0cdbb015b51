"""HTML pages: foreign text is escaped, and empty tables say so."""

from __future__ import annotations

from edgetrack.reporting import html
from edgetrack.reporting.table import Table


def test_cells_and_titles_are_escaped() -> None:
    said = html.table(Table("<b>", ["name", "a & b"], [["<script>", "1 < 2"]], words=1))
    assert "<script>" not in said
    assert "<h2>&lt;b&gt;</h2>" in said
    assert '<td class="word">&lt;script&gt;</td><td>1 &lt; 2</td>' in said


def test_table_without_rows_says_so() -> None:
    assert html.table(Table("Alarms", ["at", "what"], [])) == "<h2>Alarms</h2><p>None.</p>"
