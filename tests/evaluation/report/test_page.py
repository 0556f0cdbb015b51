"""The HTML report: complete, without external resources, and with the right failure_cases in it."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from edgetrack.datasets import ImageFrames, Sequence
from edgetrack.evaluation.execution.events import SHARED_TIMING_NOTE, Provenance, Report
from edgetrack.evaluation.metrics.runs import score_run
from edgetrack.evaluation.report import failure_cases
from edgetrack.evaluation.report.html import to_html
from edgetrack.evaluation.types import Record, Run
from edgetrack.types import Box, Track

cv2 = pytest.importorskip("cv2", reason="the video extra is not installed")
FRAMES = 60


class Tags(HTMLParser):
    """A parser that checks that tags are closed, and collects the links."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def clip(tmp_path: Path) -> Sequence:
    """Write a folder of gray images in which the target is absent for ten frames."""
    for i in range(FRAMES):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.full((120, 160, 3), 90 + i, np.uint8))
    truth = np.tile(np.array([[40.0, 30, 40, 30]]), (FRAMES, 1))
    truth[40:50] = np.nan
    frames = ImageFrames(tmp_path, [f"{i}.png" for i in range(FRAMES)])
    return Sequence("<b>&", frames, truth, 'the "grey" <thing>')


def record() -> Record:
    """Make a record that is right at first, confident but wrong in frames 20 to 24, then right.

    It reports tracking while the target is absent.
    """
    made = Record()
    for i in range(FRAMES):
        wrong = 20 <= i < 25
        made.add(
            Track(Box(120 if wrong else 40, 30, 40, 30), 0.95 if i == 22 else 0.8, "tracking", i),
            milliseconds=1.0,
        )
    return made


def test_worst_failure_cases_are_the_most_confident_mistakes(clip: Sequence) -> None:
    figures = score_run(Run("a", "bbox"), [clip], [record()])
    found = failure_cases.find_failures(record(), figures.sequences[0].iou, clip.boxes)
    assert [m.index for m in found] == [22, 40]
    assert found[0].caption == "frame 23: IoU 0.00, tracking 0.95"
    assert found[1].caption == "frame 41: target absent, tracking 0.80"
    drawn = failure_cases.draw_failures(clip, found)
    packed = np.frombuffer(base64.b64decode(drawn[found[0]].partition(",")[2]), np.uint8)
    picture = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    assert picture.shape == (174, 232, 3)
    assert abs(int(np.median(picture)) - (90 + 22)) <= 2, "another frame was taken"


def test_perfect_sequence_has_no_failure_case(clip: Sequence) -> None:
    truth = np.tile(clip.boxes[:1], (FRAMES, 1))
    assert failure_cases.find_failures(record(), np.ones(FRAMES), truth) == []
    assert failure_cases.draw_failures(clip, []) == {}


def test_page_needs_no_other_files(clip: Sequence) -> None:
    runs = [
        score_run(Run("a<x>", "bbox"), [clip], [record()]),
        score_run(Run("a<x>", "nl"), [clip], [record()]),
    ]
    about = Provenance(
        "edgetrack eval <p>",
        "today",
        "folder x",
        {"seed": 0},
        {"a": {"model": "m"}},
        {"cores": "2"},
        ("2 of 3 <cut>",),
    )
    page = to_html(Report(about, [clip], runs, {}))
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.links
    assert all(
        link.startswith(("data:image/jpeg;base64,", "data:image/svg+xml;base64,")) for link in tags.links
    )
    assert "url(" not in page
    assert "@import" not in page
    assert re.findall(r"https?://", page) == []
    drawings = [base64.b64decode(link.partition(",")[2]) for link in tags.links if "svg" in link[:20]]
    assert len(drawings) == 3 + 2 + 2 + 2  # curves, accuracy versus time, reliability, strips
    for drawing in drawings:
        ElementTree.fromstring(drawing)
    assert "Accuracy against time" in page
    shared = to_html(Report(replace(about, notes=(SHARED_TIMING_NOTE,)), [clip], runs, {}))
    assert "Accuracy against time" not in shared, "milliseconds of a shared machine are no speeds"
    for words in (
        "&lt;b&gt;&amp;",
        "the &quot;grey&quot; &lt;thing&gt;",
        "a&lt;x&gt;",
        "2 of 3 &lt;cut&gt;",
        "edgetrack eval &lt;p&gt;",
    ):
        assert words in page
    assert "<b>&<" not in page
