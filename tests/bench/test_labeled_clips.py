"""The input of `--accept`: clips with a box for every frame."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from media import street, with_broken_picture

pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")
cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")

from edgetrack.bundle import Bundle  # noqa: E402
from edgetrack.errors import ExportError  # noqa: E402
from edgetrack.export.labels import labeled_clips  # noqa: E402
from edgetrack.export.on_labels import Labels  # noqa: E402
from edgetrack.export.subject import Own  # noqa: E402
from edgetrack.export.watch import silent  # noqa: E402
from edgetrack.peers import FrameTracker  # noqa: E402
from edgetrack.types import Box  # noqa: E402


@pytest.fixture(scope="module")
def tracker() -> FrameTracker:
    return Own(Bundle.open().folder, threads=1).tracker()


class Blind:
    """Finds the target only in the red plane of a second sensor's picture, if it is given one."""

    modes = ("bbox",)
    without_color = 0  # number of frames

    def start(self, pixels: Any, *, box: Box, x: Any = None) -> SimpleNamespace:
        return SimpleNamespace(box=box)

    def update(self, pixels: Any, x: Any = None) -> SimpleNamespace:
        self.without_color += pixels is None
        if x is None:
            return SimpleNamespace(box=None)
        rows, columns = np.nonzero(x[..., 2] > 150)
        return SimpleNamespace(box=Box(columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1))


def write_clip(folder: Path, name: str, labels: str | None) -> None:
    writer = cv2.VideoWriter(str(folder / f"{name}.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25, (160, 120))
    for index in range(40):
        frame = np.full((120, 160, 3), 60, np.uint8)
        frame[30:70, 20 + index : 60 + index] = (0, 0, 220)
        writer.write(frame)
    writer.release()
    if labels is not None:
        (folder / f"{name}.txt").write_text(labels)


def test_labeled_clips_start_at_their_first_box(tmp_path: Path, tracker: FrameTracker) -> None:
    rows = ["nan,nan,nan,nan", *(f"{20 + i},30,40,40" for i in range(1, 40))]
    write_clip(tmp_path, "late", "\n".join(rows))
    (late,) = labeled_clips(tmp_path)
    assert (late.start, late.truth.shape) == (1, (39, 4))
    result = Labels(tracker, tmp_path, watch=silent).accuracy(tracker, "fp32")
    assert result.kind == "success AUC"
    assert result.ratio == 1.0
    assert result.means[0] > 0.5


def test_pair_is_tracked_in_color_in_both_and_without_color(tmp_path: Path) -> None:
    write_clip(tmp_path, "day", "".join(f"{20 + i},30,40,40\n" for i in range(40)))
    write_clip(tmp_path, "day.x", None)
    assert [clip.name for clip in labeled_clips(tmp_path)] == ["day"]
    tracker: Any = Blind()
    result = Labels(tracker, tmp_path, pairs=True, watch=silent).accuracy(tracker, "fp32")
    assert result.clips["day"][0] < 0.1
    assert result.clips["day with x"][0] > 0.8
    assert result.clips["day by x"][0] > 0.8
    assert tracker.without_color == 2 * 39, "of both precisions; the box is given in color"


def test_second_sensor_with_fewer_frames_is_rejected(tmp_path: Path) -> None:
    write_clip(tmp_path, "day", "20,30,40,40\n" * 40)
    short = cv2.VideoWriter(str(tmp_path / "day.x.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25, (160, 120))
    for _ in range(35):
        short.write(np.full((120, 160, 3), 200, np.uint8))
    short.release()
    tracker: Any = Blind()
    with pytest.raises(ExportError, match=r"day.mp4 with day.x.mp4 ends after 35 frames"):
        Labels(tracker, tmp_path, pairs=True, watch=silent)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "has no labeled clips; expected pairs such as"),
        ("", "contain 0 boxes"),
        ("1,2,3\n4,5,6\n", "contain 0 boxes"),
        ("1,2,3,4\n", "contain 1 boxes"),
        ("1,2,3,4\n1,2,3\n", "cannot be read"),
        ("nan,nan,nan,nan\n" * 6, "contain 0 boxes"),
    ],
)
def test_invalid_labels_are_rejected(tmp_path: Path, labels: str | None, message: str) -> None:
    if labels is not None:
        write_clip(tmp_path, "clip", labels)
    with pytest.raises(ExportError, match=message):
        labeled_clips(tmp_path)


def test_labels_beyond_the_end_of_the_video_are_rejected(tmp_path: Path, tracker: FrameTracker) -> None:
    write_clip(tmp_path, "short", "20,30,40,40\n" * 41)
    with pytest.raises(ExportError, match="ends after 40 frames, but its labels are for 41"):
        Labels(tracker, tmp_path, watch=silent).accuracy(tracker, "fp32")


def test_labeled_video_with_a_broken_frame_is_rejected(tmp_path: Path, tracker: FrameTracker) -> None:
    """The labels after it would belong to other frames."""
    street(tmp_path / "v.avi", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", frames=36)
    with_broken_picture(tmp_path / "v.avi", 7, b"00dc")
    (tmp_path / "v.txt").write_text("20,30,40,40\n" * 35)
    with pytest.raises(ExportError, match="frame that cannot be decoded, so the labels after it"):
        Labels(tracker, tmp_path, watch=silent).accuracy(tracker, "fp32")
