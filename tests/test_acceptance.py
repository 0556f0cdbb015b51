"""The parts of an INT8 export: crops that are recorded, scores, speed and accuracy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")
cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")

from edgetrack.bundle import Bundle  # noqa: E402
from edgetrack.engines.ort import OrtEngine  # noqa: E402
from edgetrack.errors import ConfigError, ExportError  # noqa: E402
from edgetrack.export import accuracy, calibration, scores, speed  # noqa: E402
from edgetrack.export.calibration import QUANTIZED, Clip, clips_of, record  # noqa: E402
from edgetrack.export.watch import silent  # noqa: E402
from edgetrack.policy import Policy  # noqa: E402
from edgetrack.types import Box  # noqa: E402


def test_recorded_crops_are_copies_of_what_the_networks_were_fed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "FRAMES", 60)
    monkeypatch.setattr(calibration, "EVERY", 5)
    crops = record(OrtEngine(Bundle.open(), threads=1), clips_of([]), text="blue car", box=None, watch=silent)
    specs = Bundle.open().manifest.tensors
    for role in QUANTIZED:
        assert len(crops.crops[role]) >= calibration.LEAST
        for feeds in crops.crops[role]:
            assert {n: (str(a.dtype), a.shape) for n, a in feeds.items()} == {
                n: (s.dtype, s.shape) for n, s in specs[role].inputs.items()
            }
        first, second = crops.crops[role][:2]
        assert not np.array_equal(first["image"], second["image"])
        assert len(crops.fitting(role)) + len(crops.held_out(role)) == len(crops.crops[role])
    assert crops.record["text"] == "blue car"


def still(frames: int) -> Any:
    @contextmanager
    def opened() -> Iterator[Any]:
        pixels = np.full((120, 160, 3), 90, np.uint8)
        rows = (SimpleNamespace(pixels=pixels, index=i) for i in range(frames))
        yield _Source(rows, frames)

    return opened


class _Source:
    def __init__(self, rows: Iterator[Any], frames: int) -> None:
        self._rows, self.frames = rows, frames

    def __iter__(self) -> Iterator[Any]:
        return self._rows


def test_a_video_that_is_too_short_is_refused() -> None:
    with pytest.raises(ExportError, match=r"gave \d crops for graph '\w+', expected at least 8"):
        record(OrtEngine(Bundle.open(), threads=1), [Clip("a", still(3))], text="car", box=None, watch=silent)


def test_a_box_is_for_one_video() -> None:
    clips, box = [Clip("a", still(3)), Clip("b", still(3))], Box(1, 2, 30, 40)
    with pytest.raises(ConfigError, match="--box names a place in one video, but 2 were given"):
        record(OrtEngine(Bundle.open(), threads=1), clips, text=None, box=box, watch=silent)


@given(st.floats(0.3, 3), st.floats(-2, 2))
def test_scores_that_moved_are_moved_back(slope: float, offset: float) -> None:
    fp32 = np.linspace(0.02, 0.98, 200)
    other = 1 / (1 + np.exp(-(slope * np.log(fp32 / (1 - fp32)) + offset)))
    inside = (other > 0.005) & (other < 0.995)  # nearer to 0 and 1 a score says nothing more
    found = scores.fit(list(zip(fp32[inside], other[inside], strict=True)))
    assert found == pytest.approx((slope, offset), abs=0.15 * max(1, slope))


def test_without_crops_the_thresholds_stay() -> None:
    policy = Policy()
    stays = {name: pytest.approx(getattr(policy, name), abs=1e-4) for name in ("keep", "drop")}
    assert scores.adjusted(policy, []) == stays


def test_alternating_runs_see_which_is_faster() -> None:
    def work(count: int) -> Any:
        values = np.ones(count, np.float32)
        return lambda: float(np.sort(values).sum())

    assert speed.compare_speed(work(400_000), work(20_000), rounds=15).ratio > 3


def write_clip(folder: Path, name: str, labels: str) -> None:
    writer = cv2.VideoWriter(str(folder / f"{name}.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25, (160, 120))
    for index in range(6):
        frame = np.full((120, 160, 3), 60, np.uint8)
        frame[30:70, 20 + 3 * index : 60 + 3 * index] = (0, 0, 220)
        writer.write(frame)
    writer.release()
    (folder / f"{name}.txt").write_text(labels)


def test_labelled_clips_start_at_their_first_box(tmp_path: Path) -> None:
    rows = ["nan,nan,nan,nan", *(f"{20 + 3 * i},30,40,40" for i in range(1, 6))]
    write_clip(tmp_path, "late", "\n".join(rows))
    (clip,) = accuracy.labelled_clips(tmp_path)
    assert (clip.start, clip.truth.shape) == (1, (5, 4))
    engine = OrtEngine(Bundle.open(), threads=1)
    result = accuracy.Labels(engine, tmp_path, watch=silent).accuracy(engine)
    assert result.kind == "success AUC"
    assert result.ratio == 1.0
    assert result.means[0] > 0.5


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "has no labelled clips; expected pairs such as"),
        ("", "hold 0 boxes"),
        ("1,2,3\n4,5,6\n", "hold 0 boxes"),
        ("1,2,3,4\n", "hold 1 boxes"),
        ("1,2,3,4\n1,2,3\n", "cannot be read"),
        ("nan,nan,nan,nan\n" * 6, "hold 0 boxes"),
    ],
)
def test_labels_that_are_none(tmp_path: Path, labels: str | None, message: str) -> None:
    if labels is not None:
        write_clip(tmp_path, "clip", labels)
    with pytest.raises(ExportError, match=message):
        accuracy.labelled_clips(tmp_path)


def test_agreement_counts_absence_too() -> None:
    none, box = (float("nan"),) * 4, (0.0, 0.0, 10.0, 10.0)
    near, far = (1.0, 0.0, 10.0, 10.0), (20.0, 0.0, 10.0, 10.0)
    first = np.array([none, none, box, box, box])
    assert accuracy.same_boxes(first, np.array([none, box, near, far, none])) == pytest.approx(2 / 5)
    assert accuracy.same_boxes(first, first) == 1
