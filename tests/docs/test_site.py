"""The documentation builds into a site without warnings, and its API reference has every public name."""

from __future__ import annotations

import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

import edgetrack

pytest.importorskip("mkdocs", reason="the docs extra is not installed: pip install 'edgetrack[docs]'")
pytest.importorskip("material", reason="the docs extra is not installed: pip install 'edgetrack[docs]'")


@pytest.fixture(scope="module")
def site(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING -" not in done.stderr
    return folder


def names(site: Path) -> set[str]:
    """Return what the reference documents, from the index that other sites use for links."""
    header, compressed = (site / "objects.inv").read_bytes().split(b"zlib.\n", 1)
    assert header.startswith(b"# Sphinx inventory version 2")
    return {line.split(" ", 1)[0] for line in zlib.decompress(compressed).decode().splitlines()}


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    documented = names(site)
    missing = [name for name in edgetrack.__all__ if f"edgetrack.{name}" not in documented]
    assert missing == ["__version__"]  # a string, named in the text of the first page
    assert "edgetrack.__version__" in (site / "api/index.html").read_text()


@pytest.mark.parametrize("name", ["Tracker", "MultiTracker", "Track", "Box", "Frame", "Timing", "Bundle"])
def test_every_member_is_in_the_reference(site: Path, name: str) -> None:
    documented, kind = names(site), getattr(edgetrack, name)
    members = [member for member in dir(kind) if not member.startswith("_")]
    assert len(members) >= 3
    assert [member for member in members if f"edgetrack.{name}.{member}" not in documented] == []


def test_doctests_are_shown_as_code(site: Path) -> None:
    page = (site / "api/trackers/index.html").read_text()
    assert "<blockquote>" not in page
    assert "doctest: +SKIP" not in page


def test_pages_load_nothing_from_other_hosts(site: Path) -> None:
    """There are no fonts, scripts or images of other hosts: the site works offline, and discloses no readers."""
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        loaded = re.findall(r'<(?:script|img|iframe)[^>]* src="([^"]*)"', page.read_text())
        loaded += re.findall(
            r'<link[^>]* rel="(?:stylesheet|preconnect|preload)"[^>]* href="([^"]*)"', page.read_text()
        )
        assert [address for address in loaded if re.match(r"(?:https?:)?//", address)] == [], page
        for address in loaded:
            if page.name != "404.html":  # its addresses start at the root of the host
                assert (page.parent / address.partition("?")[0]).exists(), f"{page}: {address}"


def test_links_out_of_the_site_lead_to_files_of_the_repository(site: Path, repository: Path) -> None:
    text = "".join(page.read_text() for page in site.rglob("*.html"))
    found = set(
        re.findall(r'href="https://github\.com/edgetrack/edgetrack/(?:blob|tree)/main/([^"#]*)', text)
    )
    assert "examples/README.md" in found
    assert [path for path in found if not (repository / path).exists()] == []
