"""Training data from users: tracks of unlabeled video by a teacher, and folders of stills with boxes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="the video extra is not installed")
pytest.importorskip("torch", reason="the training extra is not installed")

from edgetrack.errors import ConfigError, SourceError  # noqa: E402
from edgetrack.training.data.pictures import overlap  # noqa: E402
from edgetrack.training.data.pseudo_labels import tracks as pseudo  # noqa: E402
from edgetrack.training.data.sources.images import read_folder  # noqa: E402
from edgetrack.training.data.sources.videos import Cuts, cut_around, joined, load_cuts  # noqa: E402
from edgetrack.training.teachers import NanoTrack  # noqa: E402

XYWH = tuple[float, float, float, float]


class Scripted:
    """A teacher whose boxes move by ``ahead`` pixels per frame forwards and by ``back`` backwards."""

    def __init__(self, ahead: float, back: float, score: float = 0.9) -> None:
        self.steps, self.score = [ahead, back], score

    def start(self, frame: np.ndarray, box: XYWH) -> None:
        self.box, self.step = box, self.steps.pop(0)

    def update(self, frame: np.ndarray) -> tuple[XYWH, float]:
        x, y, w, h = self.box
        self.box = (x + self.step, y, w, h)
        return self.box, self.score


FRAMES = [np.zeros((100, 300, 3), np.uint8)] * 20
START = (10.0, 10.0, 40.0, 40.0)


def test_track_that_returns_to_its_start_counts() -> None:
    boxes = pseudo.follow(Scripted(5, -5), FRAMES, START)
    assert boxes is not None
    assert boxes[0] == pytest.approx(START)
    assert boxes[-1] == pytest.approx((105, 10, 40, 40))


@pytest.mark.parametrize("teacher", [Scripted(5, -3), Scripted(5, -5, score=0.1)])
def test_track_that_misses_its_start_or_was_never_confident_is_dropped(teacher: Scripted) -> None:
    assert pseudo.follow(teacher, FRAMES, START) is None


def test_segment_ends_at_a_scene_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for i in range(60):
        writer.write(np.full((48, 64, 3), 20 if i < 30 else 230, np.uint8))
    writer.release()
    assert not list(pseudo.segments(path))  # 48 frames from 0 or from 12 on run over the cut


def test_cuts_are_read_as_they_were_written(tmp_path: Path) -> None:
    cuts = Cuts()
    frame = np.full((80, 120, 3), 90, np.uint8)
    for category in ("car", "", "dog"):
        for x in range(0 if category == "" else 3):
            cuts.add(*cut_around(frame, (20.0 + x, 20.0, 10.0, 10.0)))
        cuts.end(category)  # the one without frames does not count
    both = load_cuts(cuts.save(tmp_path / "a.npz"))
    assert both.categories == ["car", "dog"]
    twice = joined(both, both)
    assert twice.categories == ["car", "dog"] * 2
    assert [int(s) for s in twice.starts] == [0, 3, 6, 9, 12]
    for i in range(12):
        assert np.array_equal(twice.frame(i, "").pixels, both.frame(i % 6, "").pixels)
        assert twice.frame(i, "").instances[0].box == both.frame(i % 6, "").instances[0].box


def test_iou_of_known_boxes() -> None:
    assert overlap((0, 0, 2, 2), (1, 0, 2, 2))[0] == pytest.approx(1 / 3)
    assert overlap((0, 0, 2, 2), (5, 5, 1, 1))[0] == 0


def test_teacher_follows_a_real_drone(shared_data: Path) -> None:
    folder = shared_data / "train/flying"
    record = json.loads((folder / "index.jsonl").read_text().splitlines()[0])
    truth = np.loadtxt((folder / record["video"]).with_suffix(".txt"), delimiter=",")[:40]
    source = cv2.VideoCapture(str(folder / record["video"]))
    frames = [source.read()[1] for _ in truth]
    teacher = NanoTrack(shared_data / "teachers/nanotrack", "v3")
    boxes = pseudo.follow(teacher, frames, tuple(truth[0]))
    assert boxes is not None
    found = [overlap(box, tuple(row))[0] for box, row in zip(boxes, truth, strict=True) if box is not None]
    assert len(found) >= 30
    assert np.mean(found) > 0.5


def test_missing_teacher_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"v3_backbone\.onnx does not exist"):
        NanoTrack(tmp_path)


def folder_of_stills(folder: Path, image: str = "a.png") -> Path:
    cv2.imwrite(str(folder / "a.png"), np.full((60, 80, 3), 90, np.uint8))
    square = {"category": "cup", "box": [10, 10, 20, 20], "polygons": [[10, 10, 30, 10, 30, 30, 10, 30]]}
    record = {"image": image, "objects": [square, {"category": "dog", "box": [40, 20, 30, 30]}]}
    (folder / "annotations.jsonl").write_text(json.dumps(record) + "\n")
    return folder


def test_folder_of_stills_is_read(tmp_path: Path) -> None:
    (picture,) = read_folder(folder_of_stills(tmp_path))
    assert [(t.category, t.mask is not None) for t in picture.instances] == [("cup", True), ("dog", False)]
    assert picture.seen == {"cup", "dog"}


def test_folder_without_its_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"annotations\.jsonl does not exist"):
        read_folder(tmp_path)
    with pytest.raises(SourceError, match=r"b\.png, named in .* cannot be read"):
        read_folder(folder_of_stills(tmp_path, "b.png"))
