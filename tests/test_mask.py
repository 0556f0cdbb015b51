"""Masks: the value class, and the masks that trackers find."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bundles import without
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from edgetrack import Bundle, ConfigError, FrameError, Mask, MultiTracker, Tracker
from edgetrack.errors import BoxError
from edgetrack.mask import check_mask

Whole = NDArray[np.bool_]
MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=24))


def disc(size: tuple[int, int], x: float, y: float, radius: float) -> Whole:
    rows, columns = np.mgrid[: size[1], : size[0]]
    return np.asarray((columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2 < radius**2)


def picture(
    x: float, y: float, *, size: tuple[int, int] = (320, 240), radius: float = 34
) -> NDArray[np.uint8]:
    """Draw a red ball on a gray-green background."""
    random = np.random.default_rng(3)
    pixels = random.normal((90, 110, 95), 12, (size[1], size[0], 3))
    pixels[disc(size, x, y, radius)] = random.normal(
        (40, 40, 210), 8, (int(disc(size, x, y, radius).sum()), 3)
    )
    return np.asarray(np.clip(pixels, 0, 255), np.uint8)


def mask_of(pixels: Any) -> Mask:
    mask = Mask.of(pixels)
    assert mask is not None
    return mask


@given(MASKS)
def test_mask_is_stored_as_its_smallest_rectangle(whole: Whole) -> None:
    mask = Mask.of(whole)
    if mask is None:
        assert not whole.any()
        return
    assert np.array_equal(mask.dense(), whole)
    assert mask.area == whole.sum()
    for edge in (mask.bits[0], mask.bits[-1], mask.bits[:, 0], mask.bits[:, -1]):
        assert edge.any()
    assert mask == mask_of(whole.copy())
    assert hash(mask) == hash(mask_of(whole.copy()))
    with pytest.raises(ValueError, match="read-only"):
        mask.bits[0, 0] = False


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own
@given(MASKS)
def test_run_lengths_equal_those_of_pycocotools(whole: Whole) -> None:
    tools = pytest.importorskip("pycocotools.mask", reason="needs: pip install 'edgetrack[parity]'")
    if not whole.any():
        return
    expected = tools.encode(np.asfortranarray(whole.astype(np.uint8)))
    found = mask_of(whole).rle()
    assert found == {"size": list(whole.shape), "counts": expected["counts"].decode()}
    assert np.array_equal(tools.decode(found), whole)


def test_long_runs_take_several_characters() -> None:
    tools = pytest.importorskip("pycocotools.mask", reason="needs: pip install 'edgetrack[parity]'")
    whole = disc((1920, 1080), 700, 500, 333)
    expected = tools.encode(np.asfortranarray(whole.astype(np.uint8)))["counts"].decode()
    assert mask_of(whole).rle()["counts"] == expected


@given(st.integers(0, 30), st.integers(0, 30))
def test_overlap_equals_that_of_the_whole_frames(x: int, y: int) -> None:
    one, two = disc((60, 50), 20, 20, 8), disc((60, 50), x + 4, y + 4, 6)
    expected = (one & two).sum() / (one | two).sum()
    assert mask_of(one).iou(mask_of(two)) == pytest.approx(expected)


def test_masks_of_different_frame_sizes_are_not_comparable() -> None:
    with pytest.raises(FrameError, match=r"\(60, 50\) and \(50, 60\)"):
        mask_of(disc((60, 50), 20, 20, 8)).iou(mask_of(disc((50, 60), 20, 20, 8)))


def test_polygons_enclose_the_area() -> None:
    cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
    whole = disc((200, 100), 50, 50, 30) | disc((200, 100), 150, 40, 20)
    polygons = mask_of(whole).polygons()
    assert len(polygons) == 2
    areas = [cv2.contourArea(np.array(polygon, np.float32).reshape(-1, 2)) for polygon in polygons]
    assert sum(areas) == pytest.approx(whole.sum(), rel=0.08)  # through the centers of the outermost pixels
    points = np.concatenate([np.array(polygon).reshape(-1, 2) for polygon in polygons])
    assert points.min(axis=0) == pytest.approx([20.5, 20.5], abs=1)


@pytest.mark.parametrize("bad", [np.zeros((2, 3, 1)), np.zeros(5), np.array([["a"]]), "mask"])
def test_invalid_masks_are_rejected(bad: Any) -> None:
    with pytest.raises(FrameError, match=r"mask is an array .* expected shape \(H, W\)"):
        check_mask(bad)


def test_repr_of_a_mask() -> None:
    assert repr(mask_of(disc((60, 50), 20, 20, 8))) == "Mask(208 pixels in (12, 12, 16, 16) of 60x50)"
    assert np.asarray(mask_of(disc((60, 50), 20, 20, 8))).shape == (50, 60)


@pytest.fixture(scope="module")
def tracker() -> Any:
    with Tracker(masks=True, threads=1, precision="fp32") as opened:
        yield opened


def test_mask_follows_the_target(tracker: Tracker) -> None:
    for step in range(8):
        x, y = 120 + 6 * step, 110 + 2 * step
        frame = picture(x, y)
        track = tracker.update(frame) if step else tracker.start(frame, box=(x - 34, y - 34, 68, 68))
        truth = mask_of(disc((320, 240), x, y, 34))
        assert track.mask is not None
        assert track.mask.size == (320, 240)
        assert track.mask.iou(truth) > 0.85
        assert track.to_dict()["mask"]["size"] == [240, 320]


def test_boxes_are_the_same_without_masks(tracker: Tracker) -> None:
    with Tracker(threads=1, precision="fp32") as plain:
        for step in range(4):
            frame = picture(120 + 6 * step, 110)
            if step:
                with_masks, without = tracker.update(frame), plain.update(frame)
            else:
                with_masks, without = (t.start(frame, box=(86, 76, 68, 68)) for t in (tracker, plain))
            assert with_masks == without
            assert without.mask is None
            assert "mask" not in without.to_dict()


def test_given_mask_is_the_first_one(tracker: Tracker) -> None:
    half = disc((320, 240), 120, 110, 34)
    half[:, 120:] = False
    track = tracker.start(picture(120, 110), mask=half)
    assert track.box is not None
    assert track.box.xywh == (86, 76, 34, 68)
    assert track.mask == mask_of(half)
    whole = tracker.start(picture(120, 110), box=(86, 76, 68, 68)).mask
    assert whole is not None
    assert whole.area > 1.5 * half.sum()


def test_remembered_mask_decides(tracker: Tracker) -> None:
    """Use the same frame and box after two different first masks."""
    found = []
    ball = disc((320, 240), 120, 110, 34)
    for first in (ball, ball & (np.arange(320) < 120)):
        tracker.start(picture(120, 110), box=(86, 76, 68, 68), mask=first)
        mask = tracker.update(picture(122, 110)).mask
        found.append(0 if mask is None else mask.area)
    assert found[0] > found[1]


def test_no_box_means_no_mask(tracker: Tracker) -> None:
    track = tracker.start(picture(120, 110), box=(86, 76, 68, 68))
    blank = np.full((240, 320, 3), 100, np.uint8)
    while track.box is not None:
        track = tracker.update(blank)
    assert track.mask is None


def test_coasting_box_moves_its_mask(tracker: Tracker) -> None:
    tracker.start(picture(100, 110), box=(66, 76, 68, 68))
    for step in range(1, 6):
        before = tracker.update(picture(100 + 8 * step, 110))
    track = tracker.update(picture(148, 110), deadline_ms=0.001)
    assert track.basis == "coasted"
    assert before.mask is not None
    assert track.mask is not None
    assert np.array_equal(track.mask.bits, before.mask.bits)
    assert track.mask.x - before.mask.x == pytest.approx(8, abs=4)


def test_static_scene_keeps_its_mask() -> None:
    with Tracker(masks=True, static_check=True, threads=1, precision="fp32") as still:
        frame = picture(120, 110)
        tracks = [still.start(frame, box=(86, 76, 68, 68)), *(still.update(frame) for _ in range(8))]
    reused = [track for track in tracks if track.basis == "reused"]
    assert reused
    assert all(track.mask is not None for track in reused)


def test_masks_of_two_targets_do_not_overlap() -> None:
    with MultiTracker(masks=True, threads=1, precision="fp32", exclusive=False) as many:
        for name, x in (("left", 96), ("right", 140)):
            many.add(box=(x - 34, 76, 68, 68), name=name)
        frame = np.minimum(picture(96, 110), picture(140, 110))
        for _ in range(3):
            left, right = many.update(frame).values()
            assert left.mask is not None
            assert right.mask is not None
            assert left.mask.iou(right.mask) == 0


def test_bad_mask_keeps_the_target(tracker: Tracker) -> None:
    before = tracker.start(picture(120, 110), box=(86, 76, 68, 68))
    with pytest.raises(FrameError, match=r"mask does not have the frame's size, 320x240 .* \(240, 320\)"):
        tracker.start(picture(120, 110), mask=np.ones((320, 240)))
    with pytest.raises(BoxError, match="no pixel of the target"):
        tracker.start(picture(120, 110), mask=np.zeros((240, 320)))
    assert tracker.update(picture(120, 110)).id == before.id


def test_mask_is_rejected_if_masks_are_off() -> None:
    with (
        Tracker(threads=1) as plain,
        pytest.raises(ConfigError, match=r"masks are off.*Tracker\(masks=True\)"),
    ):
        plain.start(picture(120, 110), mask=disc((320, 240), 120, 110, 34))


def test_model_without_the_mask_graph_says_so() -> None:
    bundle = without(Bundle.open(), "mask")
    with pytest.raises(ConfigError, match=r"no graph 'mask'.*edgetrack-256"):
        Tracker(bundle, masks=True)


@pytest.mark.parametrize("flag", [1, "yes", None])
def test_masks_option_is_a_bool_or_logits(flag: Any) -> None:
    for make in (Tracker, MultiTracker):
        with pytest.raises(ConfigError, match=r"masks is .*True, False, or 'logits'"):
            make(masks=flag)


@given(MASKS)
def test_run_lengths_are_read_back(whole: Whole) -> None:
    if whole.any():
        assert Mask.from_rle(mask_of(whole).rle()) == mask_of(whole)


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"size": [4, 4], "counts": "0"},
        {"size": [4, 4], "counts": "\x7f\x7f"},
        {"size": [4, 4], "counts": "o"},
        {"size": [1 << 20, 1 << 20], "counts": "0"},
        {"size": [4], "counts": "`0"},
        {"size": ["a", 4], "counts": "`0"},
        {"size": [4, 4], "counts": 3},
    ],
)
def test_invalid_run_length_encoding_is_rejected(bad: Any) -> None:
    with pytest.raises(FrameError, match=r"is not a mask|without any pixel"):
        Mask.from_rle(bad)
