"""List the newest papers in the field from arXiv: docs/landscape/papers.md and an Atom feed, papers.xml.

python tools/edgetrack_papers.py [--offline]

papers.json stores the known papers: titles, authors and dates, no abstracts. A run queries arXiv once for each keyword,
marks papers that the previous run did not have, and writes all three files, or none if arXiv does not answer.
``--offline`` only renders the page and the feed from papers.json. .github/workflows/papers.yml runs it every day.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from papers_pages import feed, page

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "landscape"
KEYWORDS = (
    "visual object tracking",
    "vision-language tracking",
    "tracking by natural language",
    "referring multi-object tracking",
    "video object segmentation",
    "RGB-T tracking",
    "event-based tracking",
    "efficient tracking",
    "video anomaly detection",
)
LIMIT = 100  # papers per keyword, and results per request
DELAY_S = 3.0  # arXiv asks for at most one request in three seconds
RETRIES = 3
IDENTIFIER = re.compile(r"(?:[a-z-]+(?:\.[A-Z]{2})?/\d{7}|\d{4}\.\d{4,5})")
Fetch = Callable[[str], Iterable["Paper"]]


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper; dates are YYYY-MM-DD in UTC."""

    identifier: str  # 2601.01234, without the version
    title: str
    authors: tuple[str, ...]
    published: str
    keywords: tuple[str, ...] = ()
    seen: str = ""  # date of the run that found it


@dataclass(frozen=True, slots=True)
class Known:
    """All papers, newest first, and the date of the last run; empty before the first."""

    updated: str
    papers: tuple[Paper, ...]


def load(path: Path) -> Known:
    """Read papers.json."""
    content = json.loads(path.read_text(encoding="utf-8"))
    papers = (
        Paper(**{**entry, "authors": tuple(entry["authors"]), "keywords": tuple(entry["keywords"])})
        for entry in content["papers"]
    )
    return Known(content["updated"], tuple(papers))


def save(path: Path, known: Known) -> None:
    """Write papers.json; the same papers always produce the same bytes."""
    content = {"updated": known.updated, "papers": [asdict(paper) for paper in known.papers]}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def merge(known: Known, found: Mapping[str, Sequence[Paper]], today: str) -> Known:
    """Add the papers found; keep the newest `LIMIT` of each keyword.

    Args:
        known: Papers from previous runs.
        found: Papers by keyword.
        today: YYYY-MM-DD, the date that new papers are marked with.
    """
    papers = {paper.identifier: paper for paper in known.papers}
    for keyword, answers in found.items():
        for paper in answers:
            old = papers.get(paper.identifier, paper)
            keywords = tuple(dict.fromkeys((*old.keywords, keyword)))
            papers[paper.identifier] = replace(paper, keywords=keywords, seen=old.seen or today)
    ordered = sorted(papers.values(), key=lambda paper: (paper.published, paper.identifier), reverse=True)
    kept: set[str] = set()
    for keyword in {keyword for paper in ordered for keyword in paper.keywords}:
        kept.update([paper.identifier for paper in ordered if keyword in paper.keywords][:LIMIT])
    return Known(today, tuple(paper for paper in ordered if paper.identifier in kept))


def client() -> Any:
    """Return a client of the arxiv library, with the pauses that arXiv requires.

    Raises:
        SystemExit: The library is not installed.
    """
    try:
        import arxiv
    except ImportError as error:
        raise SystemExit(f"{error}; this needs the arxiv library; run: pip install 'arxiv>=2.1'") from error
    return arxiv.Client(page_size=LIMIT, delay_seconds=DELAY_S, num_retries=RETRIES)


def fetch(asked: Any, keyword: str) -> list[Paper]:
    """Fetch the newest computer vision papers with the keyword in title or abstract.

    Raises:
        SystemExit: arXiv did not answer, or not as expected; nothing has been written.
    """
    import arxiv
    import requests

    words = f'"{keyword}"'
    search = arxiv.Search(
        query=f"(ti:{words} OR abs:{words}) AND cat:cs.CV",
        max_results=LIMIT,
        sort_by=arxiv.SortCriterion.SubmittedDate,
        sort_order=arxiv.SortOrder.Descending,
    )
    try:
        papers = [_paper(result) for result in asked.results(search)]
        if not papers:  # the library also returns no papers if the response is not a feed
            raise ValueError("the answer has no paper; expected some")
        return papers
    except (arxiv.ArxivError, requests.RequestException, ValueError) as error:
        raise SystemExit(
            f"arXiv did not answer for {keyword!r}: {error}; nothing was written; try again later, or render what is "
            "known: python tools/edgetrack_papers.py --offline"
        ) from error


def _paper(result: Any) -> Paper:
    identifier = re.sub(r"v\d+$", "", result.get_short_id())
    if not IDENTIFIER.fullmatch(identifier):
        raise ValueError(f"a paper has the identifier {identifier!r}; expected one such as 2601.01234")
    return Paper(
        identifier,
        " ".join(result.title.split()),
        tuple(" ".join(author.name.split()) for author in result.authors),
        result.published.astimezone(timezone.utc).strftime("%Y-%m-%d"),
    )


def update(folder: Path, ask: Fetch, today: str) -> Known:
    """Query every keyword and write papers.json, papers.md and papers.xml."""
    known = load(folder / "papers.json")
    found = {keyword: list(ask(keyword)) for keyword in KEYWORDS}
    known = merge(known, found, today)
    save(folder / "papers.json", known)
    render(folder)
    return known


def render(folder: Path) -> None:
    """Write the page and the feed from papers.json."""
    known = load(folder / "papers.json")
    (folder / "papers.md").write_text(page(known, KEYWORDS), encoding="utf-8")
    (folder / "papers.xml").write_text(feed(known), encoding="utf-8")


def main() -> None:
    """Update, or with ``--offline`` only render."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--offline", action="store_true", help="ask nobody; render what is known")
    if parser.parse_args().offline:
        render(FOLDER)
        return
    asked = client()
    known = update(FOLDER, lambda keyword: fetch(asked, keyword), f"{datetime.now(timezone.utc):%Y-%m-%d}")
    new = sum(paper.seen == known.updated for paper in known.papers)
    print(f"{len(known.papers)} papers, {new} of them new")


if __name__ == "__main__":
    main()
