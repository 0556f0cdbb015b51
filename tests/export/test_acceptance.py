"""The parts of an INT8 export: recorded crops, scores, speed and accuracy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")
cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")

from edgetrack.bundle import Bundle  # noqa: E402
from edgetrack.demo.scene import Scene  # noqa: E402
from edgetrack.errors import ConfigError, ExportError  # noqa: E402
from edgetrack.export import accuracy, calibration, scores, speed  # noqa: E402
from edgetrack.export.calibration import Clip, clips_of, record  # noqa: E402
from edgetrack.export.subject import QUANTIZED, Own  # noqa: E402
from edgetrack.export.watch import silent  # noqa: E402
from edgetrack.policy import Policy  # noqa: E402
from edgetrack.types import Box, Frame, Track  # noqa: E402


def own() -> Own:
    return Own(Bundle.open().folder, threads=1)


@pytest.mark.nightly
def test_recorded_crops_are_copies_of_the_network_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "FRAMES", 60)
    monkeypatch.setattr(calibration, "EVERY", 5)
    crops = record(own(), clips_of([]), text="blue car", box=None, watch=silent)
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


class Drawn:
    """A source of ``count`` images that ``draw`` makes from their index."""

    def __init__(self, count: int, draw: Any) -> None:
        self.frames, self._draw = count, draw

    def __iter__(self) -> Iterator[Any]:
        return (Frame(self._draw(i), i, i / 30) for i in range(self.frames))


def clip(name: str, count: int, draw: Any) -> Clip:
    return Clip(name, lambda: nullcontext(Drawn(count, draw)))


@pytest.fixture(scope="module")
def drive() -> list[Any]:
    """Render sixty frames of the demo street."""
    return [frame.pixels for frame in islice(Scene().frames(), 60)]


def black(index: int) -> Any:
    return np.zeros((120, 160, 3), np.uint8)


def gray(index: int) -> Any:
    dice = np.random.default_rng(index)
    return np.clip(dice.normal(120, 2, (120, 160, 3)), 0, 255).astype(
        np.uint8
    )  # a covered lens with sensor noise


def noise(index: int) -> Any:
    return np.random.default_rng(index).integers(0, 256, (120, 160, 3), np.uint8)


def ramp(index: int) -> Any:
    """A visible pattern, but nothing that a word names."""
    row = np.linspace(40, 200, 160, dtype=np.uint8)
    return np.ascontiguousarray(np.broadcast_to(row[None, :, None], (120, 160, 3)))


@pytest.mark.parametrize(
    ("count", "draw", "text", "says"),
    [
        (
            150,
            black,
            None,
            r"has too little .* of its 150 frames 150 are of one color; 0 frames have content",
        ),
        (150, gray, None, "150 are of one color"),
        (150, noise, None, "of its 150 frames 150 are noise"),
        (150, black, "red car", "150 are of one color"),
        (3, ramp, None, "a.mp4 has too little to measure on: 3 frames have content; expected at least 30"),
        (40, ramp, "purple elephant", '"purple elephant" was found in none of 40 frames of a.mp4'),
        (40, ramp, None, '"person" or "car" .* was found in none of 40 frames of a.mp4'),
    ],
)
def test_video_without_content_is_rejected(count: int, draw: Any, text: str | None, says: str) -> None:
    with pytest.raises(ExportError, match=says):
        record(own(), [clip("a.mp4", count, draw)], text=text, box=None, watch=silent)


@pytest.mark.nightly
def test_uniform_frames_are_skipped_and_counted(monkeypatch: pytest.MonkeyPatch, drive: list[Any]) -> None:
    monkeypatch.setattr(calibration, "FLOOR_FRAMES", 10)
    faded = clip("a.mp4", 90, lambda i: drive[i - 30] if i >= 30 else black(i))
    box = Box(300, 200, 120, 60)
    crops = record(own(), [faded], text=None, box=box, watch=silent)
    (seen,) = crops.record["seen"]
    assert (seen["frames"], seen["flat"], seen["noise"]) == (90, 30, 0)
    assert seen["found"] >= 30
    floor = crops.record["crops of the demo scene"]
    assert floor["search"] > 0  # calibration never relies on the user's video alone
    assert len(crops.crops["search"]) == crops.record["crops"]["search"] <= calibration.CROPS


def test_uniform_crops_are_rejected() -> None:
    kept = calibration.Reservoir(("search",), 4)
    dice = np.random.default_rng(0)
    for value in (-1.0, 0.0, 250.0):
        kept.keep("search", {"image": np.full((1, 3, 32, 32), value, np.float32)})
    kept.keep("search", {"image": dice.normal(0, 1, (1, 3, 32, 32)).astype(np.float32)})
    kept.keep("other", {"image": dice.normal(0, 1, (1, 3, 32, 32)).astype(np.float32)})
    assert (kept.flat, len(kept.crops["search"]), kept.seen["search"]) == (3, 1, 1)


def test_box_applies_to_one_video_only() -> None:
    clips, box = [clip("a", 3, ramp), clip("b", 3, ramp)], Box(1, 2, 30, 40)
    with pytest.raises(ConfigError, match="--box is a position in one video, but 2 videos were given"):
        record(own(), clips, text=None, box=box, watch=silent)


def test_thresholds_follow_the_scores_of_the_other_precision() -> None:
    """A frame below a threshold in float32 is also below it in the other precision."""
    policy, scores_fp32 = Policy(), np.linspace(0.005, 0.95, 120)
    logits = np.log(scores_fp32 / (1 - scores_fp32))
    for shift in (-0.8, 0.8):
        moved = 1 / (1 + np.exp(-(logits + shift)))
        pairs = [(outputs(a), outputs(b)) for a, b in zip(scores_fp32, moved, strict=True)]
        thresholds = scores.adjusted(policy, pairs)
        for name in ("track_threshold", "update_threshold"):
            below = scores_fp32 < getattr(policy, name), moved < thresholds[name]
            assert abs(int(below[0].sum()) - int(below[1].sum())) <= 1
            assert (thresholds[name] > getattr(policy, name)) == (shift > 0)


def outputs(score: float) -> dict[str, Any]:
    cells = np.array([[[[0.1, 0.9]]]], np.float32)
    return {"score": cells, "quality": cells * 0 + np.float32(score), "presence": np.ones((1, 1), np.float32)}


@given(st.floats(0.3, 3), st.floats(-2, 2))
def test_shifted_scores_are_mapped_back(slope: float, offset: float) -> None:
    fp32 = np.linspace(0.02, 0.98, 200)
    other = 1 / (1 + np.exp(-(slope * np.log(fp32 / (1 - fp32)) + offset)))
    inside = (other > 0.005) & (other < 0.995)  # nearer to 0 and 1 a score carries no information
    found = scores.fit(list(zip(fp32[inside], other[inside], strict=True)))
    assert found == pytest.approx((slope, offset), abs=0.15 * max(1, slope))


def test_thresholds_are_unchanged_without_crops() -> None:
    policy = Policy()
    stays = {
        name: pytest.approx(getattr(policy, name), abs=1e-4)
        for name in ("track_threshold", "update_threshold")
    }
    assert scores.adjusted(policy, []) == stays


def test_alternating_runs_tell_which_is_faster() -> None:
    def work(count: int) -> Any:
        values = np.ones(count, np.float32)
        return lambda: float(np.sort(values).sum())

    assert speed.compare_speed(work(400_000), work(20_000), rounds=15).ratio > 3


def test_agreement_counts_frames_with_a_box() -> None:
    none, box = (float("nan"),) * 4, (0.0, 0.0, 10.0, 10.0)
    near, far = (1.0, 0.0, 10.0, 10.0), (20.0, 0.0, 10.0, 10.0)
    first = np.array([none, none, box, box, box])
    share, count = accuracy.same_boxes(first, np.array([none, box, near, far, none]))
    assert (share, count) == (pytest.approx(1 / 4), 4)
    assert accuracy.same_boxes(first, first) == (1, 3)
    assert accuracy.same_boxes(first[:2], first[:2])[1] == 0  # no box equals no box, and is not counted


class Stand:
    """A fake tracker: its box is on the initial target, shifted by ``off`` pixels from the fifth frame on."""

    def __init__(self, off: float = 0) -> None:
        self.off = off

    def start(self, frame: Any, *, text: Any = None, box: Any = None) -> Track:
        self.box, self.index = box, 0
        return Track(box, 1.0, "tracking" if box else "searching", 0)

    def update(self, frame: Any) -> Track:
        self.index += 1
        aside = self.off if self.index >= 5 else 0
        box = self.box and Box(self.box.x + aside, self.box.y, self.box.w, self.box.h)
        return Track(box, 1.0, "tracking" if box else "searching", self.index)

    def set_text(self, text: str) -> None: ...


def test_agreement_uses_random_boxes_for_models_without_text(drive: list[Any]) -> None:
    judge = accuracy.Agreement(
        Stand(), [clip("drive", 60, drive.__getitem__)], modes=("bbox",), text=None, box=None, watch=silent
    )
    same, other = judge.accuracy(Stand(), "int8"), judge.accuracy(Stand(off=1000), "int8")
    assert (same.ratio, same.frames) == (
        1.0,
        54,
    )  # six turns of ten frames; in the first of each the box is given
    assert other.ratio == pytest.approx(4 / 9)
    assert same.interval[0] < 1 - 2 / 54


@pytest.mark.parametrize(("count", "modes"), [(20, ("bbox",)), (60, ("nl",))])
def test_agreement_without_evidence_is_rejected(count: int, modes: Any, drive: list[Any]) -> None:
    """There are too few frames, or the target is never found."""
    with pytest.raises(ExportError, match=r"float32 had a box in only \d+ frames; expected at least 30"):
        accuracy.Agreement(
            Stand(),
            [clip("drive", count, drive.__getitem__)],
            modes=modes,
            text="elephant" if "nl" in modes else None,
            box=None,
            watch=silent,
        )


def test_few_turns_give_a_wide_interval() -> None:
    def made(*other: float) -> accuracy.Accuracy:
        return accuracy.Accuracy("agreement", {"a": [accuracy.Turn(50, 1.0, share) for share in other]})

    assert made(1.0).interval == (0.0, float("inf"))
    few, many = made(1.0, 0.9).interval, made(*[1.0, 0.9] * 20).interval
    assert few[0] < many[0] < 0.95 < many[1] < few[1]
    assert made(*[1.0] * 6).interval[0] == pytest.approx(0.99)
