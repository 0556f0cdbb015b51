"""What queries and zones add to the outputs: ids, events, outlines."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from sink_samples import frame

from edgetrack.events import Event
from edgetrack.io.overlay import TARGET_COLORS, draw_all
from edgetrack.io.sinks import open_sink
from edgetrack.io.zone_overlay import TINT, draw_zones
from edgetrack.types import Box, Track
from edgetrack.zone_shapes import Line, Zone
from edgetrack.zones import Zones

pytest.importorskip("cv2")

CAR = Track(Box(20, 60, 30, 25), 0.5, "tracking", 0, id=3, name="car #3", query="car")
MINE = Track(Box(90, 60, 30, 25), 0.5, "lost", 0, id=1, name="mine")
TRACKS = {"mine": MINE, "car #3": CAR}
COSTS = dict.fromkeys(TRACKS, 1.5)
EVENTS = (
    Event("appeared", 7, 0.1, "car", "car #3", 3),
    Event("count", 7, 0.1, "car", count=1),
    Event("crosses", 7, 0.1, "car", "car #3", 3, "gate", "in", count=4),
    Event("leaves", 7, 0.1, None, "mine", 1, "door", seconds=1.23456, count=0),
)
ZONES = Zones(
    (Zone("door", ((0.1, 0.1), (0.4, 0.1), (0.4, 0.9))),), (Line("gate", ((100, 0), (100, 119)), False),)
)


def test_json_lines_have_id_and_events(tmp_path: Path) -> None:
    with open_sink(tmp_path / "out.jsonl") as sink:
        sink.write_all(frame(2), TRACKS, latencies_ms=COSTS, events=EVENTS)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(row["name"], row["id"]) for row in rows[:2]] == [("mine", 1), ("car #3", 3)]
    assert rows[2:] == [
        {"frame": 2, "time_s": 0.08, "event": "appeared", "query": "car", "name": "car #3", "id": 3},
        {"frame": 2, "time_s": 0.08, "event": "count", "query": "car", "count": 1},
        {"frame": 2, "time_s": 0.08, "event": "crosses", "query": "car", "name": "car #3", "id": 3, "zone": "gate",
         "direction": "in", "count": 4},
        {"frame": 2, "time_s": 0.08, "event": "leaves", "name": "mine", "id": 1, "zone": "door", "seconds": 1.235,
         "count": 0},
    ]  # fmt: skip


def test_csv_has_columns_for_events(tmp_path: Path) -> None:
    with open_sink(tmp_path / "out.csv") as sink:
        sink.write_all(frame(1), {}, latencies_ms={}, events=EVENTS[:1])  # events may come before any track
        sink.write_all(frame(2), TRACKS, latencies_ms=COSTS, events=EVENTS)
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["event"], row["id"], row["status"], row["zone"]) for row in rows] == [
        ("appeared", "3", "", ""), ("", "1", "lost", ""), ("", "3", "tracking", ""), ("appeared", "3", "", ""),
        ("count", "", "", ""), ("crosses", "3", "", "gate"), ("leaves", "1", "", "door"),
    ]  # fmt: skip
    assert rows[2]["x"] == "20.0"
    assert (rows[5]["direction"], rows[5]["count"], rows[6]["seconds"]) == ("in", "4", "1.235")


def test_recording_has_all_tracks_events_and_outlines(tmp_path: Path) -> None:
    reader = pytest.importorskip("mcap.reader")
    with open_sink(tmp_path / "out.mcap", zones=ZONES) as sink:
        for index in range(3):
            sink.write_all(frame(index), TRACKS, latencies_ms=COSTS, events=EVENTS if index == 1 else ())
    messages: dict[str, list[dict[str, Any]]] = {}
    with (tmp_path / "out.mcap").open("rb") as file:
        for _, channel, message in reader.make_reader(file).iter_messages():
            messages.setdefault(channel.topic, []).append(json.loads(message.data))
    assert {topic: len(all) for topic, all in messages.items()} == {
        "/camera": 3, "/track/annotations": 3, "/tracks": 3, "/events": 4,
    }  # fmt: skip
    assert [(t["name"], t["id"], t["status"]) for t in messages["/tracks"][0]["tracks"]] == [
        ("mine", 1, "lost"), ("car #3", 3, "tracking"),
    ]  # fmt: skip
    assert [message["event"] for message in messages["/events"]] == ["appeared", "count", "crosses", "leaves"]
    drawn = messages["/track/annotations"][0]
    assert [len(loop["points"]) for loop in drawn["points"]] == [4, 4, 3, 2]  # two boxes, the zone, the line
    assert drawn["points"][2]["points"][0] == {"x": 16, "y": 12}
    assert drawn["texts"][1]["text"] == "car #3 tracking 0.50"
    assert all("timestamp" in one for one in (*drawn["points"], *drawn["texts"]))


def test_recording_of_several_targets_is_not_replayable_and_says_so(tmp_path: Path) -> None:
    pytest.importorskip("mcap")
    from typer.testing import CliRunner

    from edgetrack.cli import app

    with open_sink(tmp_path / "out.mcap") as sink:
        sink.write_all(frame(0), TRACKS, latencies_ms=COSTS)
    done = CliRunner().invoke(app, ["replay", str(tmp_path / "out.mcap")])
    assert done.exit_code == 2
    assert "with one target" in done.output


def test_video_shows_zones_and_lines(tmp_path: Path) -> None:
    pixels = frame().pixels
    draw_zones(pixels, ZONES)
    assert np.abs(pixels[60, 100].astype(int) - TINT).max() < 40  # on the line
    assert (pixels[40, 60] != 90).any()  # inside the zone
    assert (pixels[110, 150] == 90).all()  # outside both


@pytest.mark.parametrize("size", [(320, 240), (2400, 1800)])
def test_label_of_a_line_is_outlined_letter_by_letter(size: tuple[int, int]) -> None:
    pixels = frame(size=size).pixels
    draw_zones(pixels, ZONES)
    letters = (pixels > 200).all(-1)
    outline = (pixels < 50).all(-1)
    assert letters.any()
    assert outline.any()
    near = cv2.dilate(letters.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    assert near[outline].all()


def test_labels_at_one_place_are_drawn_below_each_other() -> None:
    square = ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8))
    zone, line = Zone("lane", square), Line("gate", ((0.0, 0.5), (1.0, 0.5)))

    def letters(zones: Zones) -> int:
        pixels = frame(size=(640, 480)).pixels
        draw_zones(pixels, zones)
        return int((pixels > 230).all(-1).sum())

    apart = letters(Zones((zone,))) + letters(Zones((), (line,)))
    assert letters(Zones((zone,), (line,))) > 0.95 * apart  # neither covers the other


def test_label_of_a_box_covers_its_text() -> None:
    pixels = frame(size=(2400, 1800)).pixels
    name = "forklift with a man in a white helmet #12"
    one = Track(Box(600, 900, 300, 300), 0.5, "tracking", 0, id=1, name=name, query="forklift")
    draw_all(pixels, {name: one}, {})
    above = pixels[700:880]
    plate = (above == np.array(TARGET_COLORS[0])).all(-1)
    text = (above < 50).all(-1)
    assert text.any()
    assert np.flatnonzero(text.any(0)).max() < np.flatnonzero(plate.any(0)).max() - 5


def test_tracks_of_a_query_are_colored_by_id_and_share_one_caption_line() -> None:
    many = {
        f"car #{n}": Track(Box(4 * n, 60, 30, 30), 0.5, "tracking", 0, id=n, name=f"car #{n}", query="car")
        for n in range(1, 20)
    }
    colors: dict[str, Any] = {}
    pixels = frame(size=(320, 240)).pixels
    draw_all(pixels, many, colors)
    assert colors == {}  # a camera may see thousands of objects
    lonely = frame(size=(320, 240)).pixels
    draw_all(lonely, {"car #9": many["car #9"]}, colors)
    assert (lonely == np.array(TARGET_COLORS[0])).all(-1).any()
    assert (lonely[60:240, :8] == 90).all()  # only one line of text
