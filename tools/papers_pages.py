"""The page and the Atom feed (RFC 4287) of tools/edgetrack_papers.py; both escape titles and names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from edgetrack_papers import Known, Paper

SITE = "https://edgetrack.github.io/edgetrack/landscape/"
ATOM = "http://www.w3.org/2005/Atom"
NAMED_AUTHORS = 3

HEAD = """# New papers

Recent papers on tracking from arXiv, by keyword; **new** marks those that the previous run did not find. There is also
a [feed](papers.xml). Titles link to arXiv. The list does not rate the papers; those that we have read are in
[methods](methods.md).

```bash
pip install "arxiv>=2.1"
python tools/edgetrack_papers.py             # queries arXiv once per keyword, three seconds apart
python tools/edgetrack_papers.py --offline   # renders the stored results
```

"""


def page(known: Known, keywords: Sequence[str]) -> str:
    """Return a Markdown page with a table for each keyword, newest papers first."""
    if not known.updated:
        return HEAD + "**Not asked yet**: run the command above.\n"
    text = HEAD + f"Last asked on {known.updated}.\n"
    for keyword in keywords:
        papers = [paper for paper in known.papers if keyword in paper.keywords]
        text += f"\n## {keyword[0].upper()}{keyword[1:]}\n\n"
        text += _table(papers, known.updated) if papers else "Nothing found.\n"
    return text


def _table(papers: Sequence[Paper], updated: str) -> str:
    lines = ["| date | paper | authors |", "| --- | --- | --- |"]
    for paper in papers:
        mark = "**new** " if paper.seen == updated else ""
        title = f"{mark}[{_escaped(paper.title)}]({address(paper)})"
        lines.append(f"| {paper.published} | {title} | {_escaped(_names(paper))} |")
    return "\n".join(lines) + "\n"


def _names(paper: Paper) -> str:
    more = " and others" if len(paper.authors) > NAMED_AUTHORS else ""
    return ", ".join(paper.authors[:NAMED_AUTHORS]) + more


def _escaped(text: str) -> str:
    """Escape text for a cell of a Markdown table, so that it cannot contain markup, HTML or cell separators."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "&#124;")
    return re.sub(r"([\\`*_{}\[\]()#!$~])", r"\\\1", text)


def address(paper: Paper) -> str:
    """Return the address of the paper's abstract."""
    return f"https://arxiv.org/abs/{paper.identifier}"


def feed(known: Known) -> str:
    """Return an Atom feed with an entry for each paper; the category ``new`` marks those of the last run."""
    ElementTree.register_namespace("", ATOM)
    root = ElementTree.Element(f"{{{ATOM}}}feed")
    _child(root, "id", f"{SITE}papers.xml")
    _child(root, "title", "edgetrack: new papers on tracking")
    _child(root, "updated", _time(known.updated or "1970-01-01"))
    _child(_child(root, "author"), "name", "The edgetrack authors")
    _child(root, "link", rel="self", href=f"{SITE}papers.xml")
    _child(root, "link", rel="alternate", href=f"{SITE}papers/")
    for paper in known.papers:
        entry = _child(root, "entry")
        _child(entry, "id", address(paper))
        _child(entry, "title", _printable(paper.title))
        _child(entry, "published", _time(paper.published))
        _child(entry, "updated", _time(paper.seen))
        _child(entry, "link", rel="alternate", href=address(paper))
        for name in paper.authors:
            _child(_child(entry, "author"), "name", _printable(name))
        for keyword in paper.keywords + (("new",) if paper.seen == known.updated else ()):
            _child(entry, "category", term=keyword)
    ElementTree.indent(root, " ")
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'


def _child(
    parent: ElementTree.Element, name: str, text: str | None = None, **attributes: str
) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, f"{{{ATOM}}}{name}", attributes)
    child.text = text
    return child


def _printable(text: str) -> str:
    """Remove characters that XML 1.0 does not allow."""
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)


def _time(day: str) -> str:
    return f"{day}T00:00:00Z"
