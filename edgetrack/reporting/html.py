"""Self-contained HTML pages: one style for all reports, images as data URLs, no scripts, no links."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from edgetrack.reporting.table import Table

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: #1c1c1c; background: #fff;
  max-width: 1180px; margin: 2rem auto; padding: 0 1.2rem; }
h1 { margin-bottom: .2rem; } h2 { margin: 2.4rem 0 .6rem; border-bottom: 1px solid #ddd; }
h3 { margin: 1.8rem 0 .1rem; } p, ul { margin: .3rem 0 .8rem; } .quiet { color: #666; }
pre { background: #f4f4f4; padding: .7rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 12.5px; margin: .4rem 0; }
th, td { padding: .22rem .45rem; border-bottom: 1px solid #e4e4e4; text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums; } th { border-bottom-color: #888; } .word { text-align: left; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; } figure { margin: 0; } img { max-width: 100%; }
.strip { display: grid; grid-template-columns: 190px auto; gap: 0 1rem; align-items: center; margin: .3rem 0; }
.cases { display: flex; flex-wrap: wrap; gap: .6rem; margin: .3rem 0 .8rem 206px; }
figcaption { font-size: 12px; color: #444; max-width: 232px; } .key { display: inline-block; width: .8em; height: .8em;
  margin: 0 .3em 0 1em; vertical-align: -.05em; } details { margin-top: 1rem; } summary { cursor: pointer; }
.verdict { padding: .6rem 1rem; border-radius: .4rem; background: #fdf1d6; } .accepted { background: #dff3e4; }
.bars td:last-child { width: 20rem; text-align: left; }
.bar { background: #6b9ac4; height: .7rem; display: inline-block; } .highlight { background: #d98c5f; }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """Return a whole page; ``title`` is text, the parts of its body are HTML."""
    meta = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    head = f"<head>{meta}<style>{STYLE}</style></head>"
    body = "\n".join((f"<h1>{escape(title)}</h1>", *parts))
    return f'<!doctype html>\n<html lang="en">{head}\n<body>\n{body}\n</body></html>\n'


def section(title: str, *parts: str) -> str:
    """Return parts of HTML under a heading."""
    return f"<h2>{escape(title)}</h2>" + "\n".join(parts)


def paragraph(text: str, *, quiet: bool = False) -> str:
    """Return text as a paragraph; a quiet one is gray."""
    return f'<p class="quiet">{escape(text)}</p>' if quiet else f"<p>{escape(text)}</p>"


def table(content: Table) -> str:
    """Return a table with its title as heading, if it has one; "None." if it has no rows."""
    heading = f"<h2>{escape(content.title)}</h2>" if content.title else ""
    if not content.rows:
        return f"{heading}<p>None.</p>"
    rows = "".join(f"<tr>{_cells(row, content.words, 'td')}</tr>" for row in content.rows)
    head = f"<tr>{_cells(content.columns, content.words, 'th')}</tr>"
    return f'{heading}<div class="wide"><table>{head}{rows}</table></div>'


def facts(title: str, values: Mapping[str, Any]) -> str:
    """Return names and values as a table of words."""
    rows = "".join(f"<tr>{_cells((name, str(value)), 2, 'td')}</tr>" for name, value in values.items())
    return section(title, f'<div class="wide"><table>{rows}</table></div>')


def bars(title: str, rows: Sequence[tuple[str, float, str, bool]]) -> str:
    """Return a table of name, value, word, and a bar in proportion to the value; True highlights a bar."""
    most = max((value for _, value, _, _ in rows), default=0) or 1
    lines = []
    for name, value, word, highlighted in rows:
        style = "bar highlight" if highlighted else "bar"
        bar = f'<span class="{style}" style="width:{100 * value / most:.0f}%"></span>'
        cells = _cells((name, f"{value:.4f}"), 1, "td") + _cells((word,), 1, "td")
        lines.append(f"<tr>{cells}<td>{bar}</td></tr>")
    return f'<h3>{escape(title)}</h3><div class="wide"><table class="bars">{"".join(lines)}</table></div>'


def charts(title: str, images: Sequence[str]) -> str:
    """Return ``<img>`` tags side by side under a heading; empty without images."""
    return gallery(title, [f"<figure>{image}</figure>" for image in images]) if images else ""


def gallery(title: str, figures: Sequence[str]) -> str:
    """Return figures side by side under a heading; "None." without figures."""
    return section(title, f'<div class="charts">{"".join(figures)}</div>' if figures else "<p>None.</p>")


def figure(source: str, caption: str) -> str:
    """Return an image, given its data URL, with a caption."""
    return f'<figure><img src="{source}" alt=""><figcaption>{escape(caption)}</figcaption></figure>'


def details(title: str, parts: Iterable[str]) -> str:
    """Return parts that are collapsed initially."""
    return f"<details><summary>{escape(title)}</summary>{''.join(parts)}</details>"


def bullets(lines: Iterable[str]) -> str:
    """Return lines of text as a list."""
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def _cells(row: Sequence[str], words: int, tag: str) -> str:
    kinds = [' class="word"' if index < words else "" for index in range(len(row))]
    return "".join(f"<{tag}{kind}>{escape(cell)}</{tag}>" for kind, cell in zip(kinds, row, strict=True))
