"""Masks by a user's network, in the boxes of the tracker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgetrack import Box, ConfigError, FrameError, Mask, MultiTracker, Tracker
from edgetrack.outlining import moved


def frame(x: int = 100) -> NDArray[np.uint8]:
    """A red square of 60 pixels on gray."""
    pixels = np.random.default_rng(3).integers(80, 100, (240, 320, 3), dtype=np.uint8)
    pixels[80:140, x : x + 60] = (0, 0, 255)
    return pixels


class Inner:
    """An outliner that returns the middle of each box and records its calls."""

    def __init__(self) -> None:
        self.asked: list[Box] = []

    def outline(self, frame: NDArray[np.uint8], box: Box) -> Mask | None:
        self.asked.append(box)
        whole = np.zeros(frame.shape[:2], np.bool_)
        x, y, w, h = box.ints
        whole[y + h // 4 : y + 3 * h // 4, x + w // 4 : x + 3 * w // 4] = True
        return Mask.of(whole)


def test_outliner_provides_the_masks() -> None:
    inner = Inner()
    with Tracker(masks=inner, threads=1, precision="fp32") as tracker:
        track = tracker.start(frame(), box=(100, 80, 60, 60))
        assert track.mask is not None
        assert track.mask.box == (115, 95, 30, 30)
        for step in range(1, 5):
            track = tracker.update(frame(100 + 6 * step))
        assert track.box == inner.asked[-1]
        before, looks = track.mask, len(inner.asked)
        assert looks == 5
        track = tracker.update(frame(130), deadline_ms=0.001)
        assert track.basis == "coasted"
        assert len(inner.asked) == looks  # the last mask moves along
        assert before is not None
        assert track.mask is not None
        assert np.array_equal(track.mask.bits, before.bits)
        assert track.mask.x - before.x == pytest.approx(6, abs=3)
        while track.box is not None:
            track = tracker.update(np.full((240, 320, 3), 90, np.uint8))
        assert track.mask is None
        assert "mask" not in tracker.engine._graphs  # type: ignore[attr-defined]


def test_unsupported_segmenter_input_is_rejected() -> None:
    class OnGpu:
        def __dlpack_device__(self) -> tuple[int, int]:
            return 2, 0  # CUDA

    with Tracker(masks=Inner(), threads=1) as tracker:
        with pytest.raises(FrameError, match="which a segmenter cannot read"):
            tracker.start(OnGpu(), box=(1, 2, 30, 30))
        with pytest.raises(ConfigError, match="a segmenter starts from a box"):
            tracker.start(frame(), mask=np.ones((240, 320)))


def test_segmenter_is_declared_by_a_file(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[int8]'")
    pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
    from tiny_segmenter import write

    path = write(tmp_path)
    truth = np.zeros((240, 320), np.bool_)
    truth[80:140, 100:160] = True
    with Tracker(masks=path, threads=1) as tracker:
        mask = tracker.start(frame(), box=(96, 76, 68, 68)).mask
    assert mask is not None
    found = mask.dense()
    assert (found & truth).sum() / (found | truth).sum() > 0.85
    with pytest.raises(ConfigError, match=r"masks is .*expected True, False, or"):
        MultiTracker(masks=str(path))


@pytest.mark.parametrize("bad", ["yes", 1, None, object()])
def test_invalid_mask_options_are_rejected(bad: Any) -> None:
    with pytest.raises(ConfigError, match=r"masks is .*TOML file of a segmenter"):
        Tracker(masks=bad)


def test_mask_moves_with_its_box_and_is_clipped_to_the_frame() -> None:
    mask = Mask.of(np.pad(np.ones((4, 6), np.bool_), 2))
    assert mask is not None
    assert mask.size == (10, 8)
    at = Box(2, 2, 6, 4)
    for x, y, box in ((1, 1, (3, 3, 6, 4)), (-4, -3, (0, 0, 4, 3)), (5, 3, (7, 5, 3, 3))):
        now = moved(at, mask, Box(at.x + x, at.y + y, at.w, at.h), (10, 8))
        assert now is not None
        assert now.box == box
    assert moved(at, mask, Box(60, 2, 6, 4), (10, 8)) is None
    assert moved(at, mask, Box(-60, -60, 6, 4), (10, 8)) is None
    smaller = moved(at, mask, at, (5, 4))
    assert smaller is not None
    assert (smaller.box, smaller.size) == ((2, 2, 3, 2), (5, 4))
