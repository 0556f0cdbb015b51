"""The page of new papers: recorded responses in arXiv's format come over loopback; arXiv itself is not contacted."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest

ATOM = "{http://www.w3.org/2005/Atom}"
RECORDED = Path(__file__).parents[1] / "recorded" / "arxiv.xml"


@pytest.fixture(autouse=True)
def importable(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(repository / "tools"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "papers.json").write_text('{"updated": "", "papers": []}')
    return tmp_path


def paper(identifier: str, published: str = "2026-01-01", **others: Any) -> Any:
    from edgetrack_papers import Paper

    return Paper(identifier, f"Invented {identifier}", ("Ada Invented",), published, **others)


class Arxiv:
    """Answers as arXiv does, on loopback; ``asked`` has the parameters of each request."""

    def __init__(self) -> None:
        self.answer: tuple[int, bytes] = (200, RECORDED.read_bytes())
        self.asked: list[dict[str, list[str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(parse_qs(urlsplit(self.path).query))
                status, body = outer.answer
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)

    def client(self) -> Any:
        from edgetrack_papers import client

        made = client()
        made.query_url_format = f"http://127.0.0.1:{self.server.server_address[1]}/api/query?{{}}"
        made.delay_seconds, made.num_retries = 0.0, 1
        return made


@pytest.fixture
def arxiv_server() -> Iterator[Arxiv]:
    pytest.importorskip("arxiv", reason="the arxiv library is not installed: pip install 'arxiv>=2.1'")
    made = Arxiv()
    made.thread.start()
    yield made
    made.server.shutdown()
    made.thread.join()
    made.server.server_close()


def test_recorded_response_becomes_papers(arxiv_server: Arxiv) -> None:
    from edgetrack_papers import LIMIT, fetch

    papers = fetch(arxiv_server.client(), "teapot tracking")
    assert [found.identifier for found in papers] == ["2601.99003", "2601.99002", "2512.99001"]
    first = papers[0]
    assert first.title == "Invented: Following a Teapot by Its Shadow"
    assert first.authors == ("Ada Invented", "Ben Invented", "Cleo Invented", "Dan Invented")
    assert first.published == "2026-01-06"  # in UTC
    (asked,) = arxiv_server.asked
    assert asked["search_query"] == ['(ti:"teapot tracking" OR abs:"teapot tracking") AND cat:cs.CV']
    assert (asked["sortBy"], asked["sortOrder"]) == (["submittedDate"], ["descending"])
    assert asked["max_results"] == [str(LIMIT)]


def test_one_request_per_keyword_fetches_100_papers(arxiv_server: Arxiv) -> None:
    from edgetrack_papers import fetch

    text = RECORDED.read_text()
    entry = text[text.index("  <entry>") : text.index("</entry>") + len("</entry>")]
    entries = "".join(entry.replace("2601.99003", f"2601.{90000 + i}") for i in range(130))
    body = text[: text.index("  <entry>")] + entries + "</feed>"
    arxiv_server.answer = (200, body.replace("totalResults>3<", "totalResults>130<").encode())
    assert len(fetch(arxiv_server.client(), "teapots")) == 100
    assert len(arxiv_server.asked) == 1


@pytest.mark.parametrize(
    ("status", "body", "requests"),
    [(503, b"", 2), (200, b"", 1), (200, b"not a feed", 1), (200, b"<feed", 1)],
)
def test_nothing_is_written_if_arxiv_does_not_answer(
    arxiv_server: Arxiv, folder: Path, status: int, body: bytes, requests: int
) -> None:
    from edgetrack_papers import fetch, update

    arxiv_server.answer = (status, body)
    asked = arxiv_server.client()
    with pytest.raises(SystemExit, match=r"arXiv did not answer for 'visual object tracking'.*--offline"):
        update(folder, lambda keyword: fetch(asked, keyword), "2026-01-07")
    assert sorted(path.name for path in folder.iterdir()) == ["papers.json"]
    assert len(arxiv_server.asked) == requests  # one retry of an error, and no other keyword


def test_invalid_identifier_is_rejected(arxiv_server: Arxiv) -> None:
    from edgetrack_papers import fetch

    hostile = RECORDED.read_bytes().replace(b"abs/2601.99003v2", b"abs/x)](javascript:alert(1)")
    arxiv_server.answer = (200, hostile)
    with pytest.raises(SystemExit, match="expected one such as"):
        fetch(arxiv_server.client(), "teapots")


def test_requests_keep_the_interval_that_arxiv_demands() -> None:
    pytest.importorskip("arxiv", reason="the arxiv library is not installed: pip install 'arxiv>=2.1'")
    from edgetrack_papers import client

    assert client().delay_seconds >= 3
    assert client().page_size <= 100


def test_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from edgetrack_papers import client

    monkeypatch.setitem(sys.modules, "arxiv", None)
    with pytest.raises(SystemExit, match=r"pip install 'arxiv>=2\.1'"):
        client()


def test_new_papers_are_marked_until_the_next_run(folder: Path) -> None:
    from edgetrack_papers import KEYWORDS, update

    def ask(*identifiers: str) -> Callable[[str], list[Any]]:
        return lambda keyword: [paper(name) for name in identifiers] if keyword == KEYWORDS[0] else []

    update(folder, ask("2601.00001"), "2026-01-07")
    assert (folder / "papers.md").read_text().count("**new** [") == 1
    update(folder, ask("2601.00001", "2601.00002"), "2026-01-08")
    text = (folder / "papers.md").read_text()
    assert "**new** [Invented 2601.00002](https://arxiv.org/abs/2601.00002)" in text
    assert "| [Invented 2601.00001](https://arxiv.org/abs/2601.00001) |" in text
    update(folder, ask("2601.00002"), "2026-01-09")
    assert "**new** [" not in (folder / "papers.md").read_text()


def test_paper_with_two_keywords_is_listed_once(folder: Path) -> None:
    from edgetrack_papers import KEYWORDS, update

    known = update(folder, lambda keyword: [paper("2601.00001")], "2026-01-07")
    (only,) = known.papers
    assert only.keywords == KEYWORDS
    assert (folder / "papers.md").read_text().count("2601.00001)") == len(KEYWORDS)
    assert (folder / "papers.xml").read_text().count("<entry>") == 1


def test_newest_100_of_a_keyword_are_kept() -> None:
    from edgetrack_papers import LIMIT, Known, merge

    many = [paper(f"2601.{i:05}", f"2026-01-{i % 28 + 1:02}") for i in range(150)]
    known = merge(Known("", ()), {"a": many[:100]}, "2026-02-01")
    known = merge(known, {"a": many[100:], "b": many[:1]}, "2026-02-02")
    assert sum("a" in found.keywords for found in known.papers) in {LIMIT, LIMIT + 1}
    assert many[0].identifier in {found.identifier for found in known.papers}  # the only one of "b"
    dates = [found.published for found in known.papers]
    assert dates == sorted(dates, reverse=True)


def test_titles_are_escaped() -> None:
    from edgetrack_papers import Known
    from papers_pages import feed, page

    title = "<script>alert(1)</script> | [a](https://example.org) `x` &amp; \x07"
    hostile = replace(paper("2601.00001", keywords=("a",), seen="2026-01-07"), title=title)
    known = Known("2026-01-07", (hostile,))
    (row,) = [line for line in page(known, ["a"]).splitlines() if "2601.00001" in line]
    assert "<" not in row
    assert row.count("|") == 4
    assert len(re.findall(r"(?<!\\)\]\(", row)) == 1  # our own link
    entry = ElementTree.fromstring(feed(known)).find(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}title") == title.removesuffix("\x07")


def test_feed_is_valid_atom(folder: Path) -> None:
    from edgetrack_papers import update

    update(folder, lambda keyword: [paper("2601.00001"), paper("2601.00002")], "2026-01-07")
    root = ElementTree.fromstring((folder / "papers.xml").read_text())
    assert root.tag == f"{ATOM}feed"
    for element in (root, *root.iter(f"{ATOM}entry")):
        assert element.findtext(f"{ATOM}id").startswith("https://")
        assert element.findtext(f"{ATOM}title")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", element.findtext(f"{ATOM}updated"))
        assert element.findtext(f"{ATOM}author/{ATOM}name")
    identifiers = [entry.findtext(f"{ATOM}id") for entry in root.iter(f"{ATOM}entry")]
    assert len(set(identifiers)) == len(identifiers) == 2
    assert len(root.findall(f".//{ATOM}category[@term='new']")) == 2


def test_committed_page_is_what_offline_renders(repository: Path, tmp_path: Path) -> None:
    from edgetrack_papers import render

    shutil.copy(repository / "docs/landscape/papers.json", tmp_path)
    render(tmp_path)
    for name in ("papers.md", "papers.xml"):
        assert (tmp_path / name).read_text() == (repository / "docs/landscape" / name).read_text()


def test_offline_needs_neither_network_nor_library(repository: Path, tmp_path: Path) -> None:
    """Run a copy of the tools in which the imports of network libraries fail."""
    shutil.copytree(repository / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "docs/landscape").mkdir(parents=True)
    shutil.copy(repository / "docs/landscape/papers.json", tmp_path / "docs/landscape")
    for name in ("arxiv", "requests", "socket"):
        (tmp_path / f"tools/{name}.py").write_text("raise SystemExit('imported')")
    command = [sys.executable, "tools/edgetrack_papers.py", "--offline"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "docs/landscape/papers.xml").exists()
