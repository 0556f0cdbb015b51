"""Masks in outputs: PNG as DAVIS reads it, MOTS, JSON lines, recordings, images, and blurring."""

from __future__ import annotations

import json
import os
from base64 import b64decode
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")

import cv2

from edgetrack import Box, Frame, Mask, Track, open_sink, open_source
from edgetrack.datasets.davis import Masks, color_of
from edgetrack.errors import SinkError
from edgetrack.io.annotations import annotate
from edgetrack.io.blur import Blur, What
from edgetrack.io.overlay import draw

SIZE = (64, 48)


def frame(index: int = 0) -> Frame:
    pixels = np.random.default_rng(index).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    return Frame(pixels, index, index / 30)


def track(x: int = 10, *, id: int = 1) -> Track:
    whole = np.zeros(SIZE[::-1], np.bool_)
    whole[12:30, x : x + 14] = True
    whole[12:16, x : x + 5] = False
    return Track(Box(x, 12, 14, 18), 0.9, "tracking", 0, id=id, mask=Mask.of(whole))


def dense(one: Track) -> np.ndarray:
    assert one.mask is not None
    return one.mask.dense()


def test_png_file_names_follow_davis(tmp_path: Path) -> None:
    Image = pytest.importorskip("PIL.Image", reason="pillow comes with matplotlib")
    tracks = {"a": track(4), "b": track(40, id=2)}
    with open_sink(tmp_path / "%05d.png") as sink:
        sink.write_all(frame(7), tracks, latencies_ms={"a": 1, "b": 1})
    with Image.open(tmp_path / "00007.png") as image:
        assert image.mode == "P"
        assert image.getpalette()[:12] == [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0]
        labels = np.asarray(image)
    assert np.array_equal(labels == 1, dense(tracks["a"]))
    assert np.array_equal(labels == 2, dense(tracks["b"]))


def test_png_files_are_read_back_by_the_dataset_reader(tmp_path: Path) -> None:
    with open_sink(tmp_path / "%05d.png") as sink:
        sink.write(frame(), track(), latency_ms=1)
    assert np.array_equal(Masks(tmp_path, ("00000.png",), color_of(1))(0), dense(track()))


@pytest.mark.parametrize("name", ["masks.png", "%s%s.png", "none/%05d.png"])
def test_bad_names_for_mask_files_are_rejected(tmp_path: Path, name: str) -> None:
    with pytest.raises(SinkError, match=r"%05d\.png|does not exist"):
        open_sink(tmp_path / name)


def test_mots_lines(tmp_path: Path) -> None:
    with open_sink(tmp_path / "a.mots") as sink:
        sink.write(frame(0), track(), latency_ms=1)
        sink.write(frame(1), replace(track(), mask=None), latency_ms=1)
        sink.write_all(frame(2), {"b": track(40, id=5)}, latencies_ms={"b": 1})
    lines = [line.split() for line in (tmp_path / "a.mots").read_text().splitlines()]
    assert [line[:5] for line in lines] == [["1", "1", "1", "48", "64"], ["3", "5", "1", "48", "64"]]
    found = Mask.from_rle({"size": [48, 64], "counts": lines[1][5]})
    assert found == track(40).mask


def test_json_lines_and_csv_have_masks(tmp_path: Path) -> None:
    for name in ("a.jsonl", "a.csv"):
        with open_sink(tmp_path / name) as sink:
            sink.write(frame(), track(), latency_ms=1)
    line = json.loads((tmp_path / "a.jsonl").read_text())
    assert Mask.from_rle(line["mask"]) == track().mask
    assert "mask" not in (tmp_path / "a.csv").read_text()


def test_recording_has_outline_and_mask() -> None:
    loops = annotate([(track(), "")])["points"]
    assert len(loops) == 2  # the box and the outline
    assert {(p["x"], p["y"]) for p in loops[1]["points"]} >= {(23.5, 12.5), (23.5, 29.5), (10.5, 29.5)}


def test_recording_has_labels_from_the_first_mask_on(tmp_path: Path) -> None:
    pytest.importorskip("mcap", reason="needs mcap: pip install 'edgetrack[mcap]'")
    from mcap.reader import make_reader

    with open_sink(tmp_path / "a.mcap") as sink:
        sink.write(frame(0), replace(track(), mask=None), latency_ms=1)
        sink.write(frame(1), track(), latency_ms=1)
        sink.write(frame(2), replace(track(), mask=None), latency_ms=1)
    with (tmp_path / "a.mcap").open("rb") as file:
        said = [json.loads(m.data) for _, _, m in make_reader(file).iter_messages(topics=["/track/labels"])]
    assert [one["timestamp"]["nsec"] for one in said] == [round(1e9 / 30), round(2e9 / 30)]
    (tmp_path / "00000.png").write_bytes(b64decode(said[0]["data"]))
    assert np.array_equal(Masks(tmp_path, ("00000.png",), color_of(1))(0), dense(track()))
    with open_source(tmp_path / "a.mcap") as source:
        assert len(list(source)) == 3  # the labels are not mistaken for the camera's images


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own
def test_coco_file_is_read_by_pycocotools(tmp_path: Path) -> None:
    tools = pytest.importorskip("pycocotools.coco", reason="needs: pip install 'edgetrack[parity]'")
    tracks = {"red car": track(4, id=3), "bus": replace(track(40, id=5), mask=None)}
    with open_sink(tmp_path / "a.json") as sink:
        sink.write_all(frame(0), tracks, latencies_ms=dict.fromkeys(tracks, 1.0))
        sink.write(frame(1), replace(track(), name="red car", box=None, mask=None), latency_ms=1)
        sink.write(frame(2), replace(track(20), name="red car", query="cars"), latency_ms=1)
    with redirect_stdout(StringIO()):
        data = tools.COCO(tmp_path / "a.json")
    assert [image["file_name"] for image in data.loadImgs(data.getImgIds())] == [
        "00000.jpg",
        "00001.jpg",
        "00002.jpg",
    ]
    found = data.loadAnns(data.getAnnIds(imgIds=[1]))
    assert [(one["track_id"], one["bbox"]) for one in found] == [(3, [4, 12, 14, 18]), (5, [40, 12, 14, 18])]
    assert np.array_equal(data.annToMask(found[0]) > 0, dense(tracks["red car"]))
    assert found[0]["area"] == dense(tracks["red car"]).sum()
    assert (found[1]["area"], found[1]["segmentation"]) == (14 * 18, [])
    assert data.getAnnIds(imgIds=[2]) == []
    names = [data.cats[one["category_id"]]["name"] for one in data.anns.values()]
    assert names == ["target", "target", "cars"]


def test_coco_file_is_valid_json_after_every_frame(tmp_path: Path) -> None:
    path, read = tmp_path / "a.json", []
    path.write_text("the previous content there")
    with open_sink(path) as sink:
        for index in range(200):
            sink.write(frame(index), track(), latency_ms=1)
            read.append(len(json.loads(path.read_text())["annotations"]))
    assert read[0] == 1
    assert sorted(read) == read
    assert read[-1] > 160
    whole = json.loads(path.read_text())
    assert [one["image_id"] for one in whole["annotations"]] == list(range(1, 201))
    assert len(whole["images"]) == 200


def test_coco_is_not_written_to_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.json")
    reader = os.open(tmp_path / "a.json", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(SinkError, match=r"cannot be truncated.*expected a regular file"):
        open_sink(tmp_path / "a.json")
    os.close(reader)


def test_drawing_tints_the_mask_and_nothing_else() -> None:
    plain = np.full((480, 640, 3), 90, np.uint8)
    whole = np.zeros((480, 640), np.bool_)
    whole[200:300, 250:350] = True
    shown = Track(Box(200, 150, 200, 200), 0.9, "tracking", 0, mask=Mask.of(whole))
    with_mask, without = plain.copy(), plain.copy()
    draw(with_mask, shown)
    draw(without, replace(shown, mask=None))
    assert np.array_equal((with_mask != without).any(axis=2), whole)


@pytest.mark.parametrize("what", ["target", "others"])
def test_blur_removes_all_detail_in_its_area(what: What) -> None:
    before = frame()
    kept = before.pixels.copy()
    after, tracks = Blur(what, keep_masks=False)(before, {"": track()})
    assert np.array_equal(before.pixels, kept)
    same = (after.pixels == before.pixels).all(axis=2)
    inside = dense(track())
    if what == "target":
        wide = cv2.dilate(inside.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        assert same[~wide].all()
        assert same[inside].mean() < 0.02
    else:
        assert same[inside].all()
        assert same[~inside].mean() < 0.02
    assert tracks[""].mask is None


def test_blur_covers_the_box_or_the_frame_if_there_is_no_mask() -> None:
    boxed = replace(track(), mask=None)
    after, _ = Blur("target", keep_masks=True)(frame(), {"": boxed})
    changed = (after.pixels != frame().pixels).any(axis=2)
    assert changed[14:28, 12:22].mean() > 0.95
    gone = replace(boxed, box=None, status="lost")
    after, _ = Blur("others", keep_masks=True)(frame(), {"": gone})
    assert (after.pixels != frame().pixels).any(axis=2).mean() > 0.95
    after, _ = Blur("target", keep_masks=True)(frame(), {"": gone})
    assert after.pixels is not None
    assert np.array_equal(after.pixels, frame().pixels)
