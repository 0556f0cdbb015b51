"""The contrast of a search image that smoke, fog or darkness has faded is restored; other images are unchanged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import edgetrack
from edgetrack.bundle import Bundle

cv2 = pytest.importorskip("cv2", reason="a film is drawn with OpenCV")

Picture = NDArray[np.uint8]
SIDE, STEPS = 48, 8


def smooth(random: np.random.Generator, height: int, width: int) -> Picture:
    coarse = random.integers(0, 256, (height // 12, width // 12, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def film(fade: float, level: float, tops: tuple[int, ...] = (90,)) -> list[Picture]:
    """Render patches that move right; all frames but the first are multiplied by ``fade``, with ``level`` added."""
    random = np.random.default_rng(4)
    ground, patches = smooth(random, 240, 320), [smooth(random, SIDE, SIDE) for _ in tops]
    frames = []
    for step in range(STEPS):
        frame = ground.copy()
        for top, patch in zip(tops, patches, strict=True):
            frame[top : top + SIDE, left(step) : left(step) + SIDE] = patch
        if step:
            faded = frame * fade + level + random.normal(0, 1, frame.shape) * (fade < 1)
            frame = np.clip(faded, 0, 255).astype(np.uint8)
        frames.append(frame)
    return frames


def left(step: int) -> int:
    return 120 + 6 * step


def truth(top: int = 90, step: int = STEPS - 1) -> edgetrack.Box:
    return edgetrack.Box(left(step), top, SIDE, SIDE)


def followed(
    frames: list[Picture], model: str = "edgetrack-256", x: list[Any] | None = None
) -> edgetrack.Track:
    more: list[dict[str, Any]] = [{} if x is None else {"x": picture} for picture in x or frames]
    with edgetrack.Tracker(model, precision="fp32", threads=1) as tracker:
        track = tracker.start(frames[0], box=truth(step=0), **more[0])
        for frame, seen in zip(frames[1:], more[1:], strict=True):
            track = tracker.update(frame, **seen)
    return track


@pytest.mark.parametrize(("fade", "level"), [(0.04, 170), (0.04, 2)], ids=["smoke", "darkness"])
def test_target_is_followed_in_smoke_and_darkness(fade: float, level: float) -> None:
    track = followed(film(fade, level))
    assert track.status == "tracking"
    assert track.box is not None
    assert track.box.iou(truth()) > 0.6


def test_target_of_a_pair_is_followed_in_smoke_with_a_blank_second_sensor() -> None:
    frames = film(0.04, 170)
    x: list[Any] = [np.zeros_like(frame) for frame in frames]
    x[0] = 255 - frames[0]
    track = followed(frames, "edgetrack-256-x", x)
    assert track.box is not None
    assert track.box.iou(truth()) > 0.6


def test_target_of_a_pair_is_followed_in_the_second_sensor_in_darkness() -> None:
    frames = [film(1.0, 0)[0], *film(0.04, 2, ())[1:]]  # in color, the target has gone
    track = followed(frames, "edgetrack-256-x", seen_in_heat())
    assert track.modalities == ("x",)
    assert track.box is not None
    assert track.box.iou(truth()) > 0.6


def seen_in_heat() -> list[Any]:
    return [255 - cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in film(1.0, 0)]


def test_graph_for_pairs_gets_color_as_it_is() -> None:
    """It has learned to doubt a faded image; one whose contrast is restored shows mostly noise, and looks intact."""
    pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")
    from edgetrack.engines.ort import OrtEngine
    from edgetrack.export.subject import Recorder

    spreads = dict[str, list[float]]()

    def keep(role: str, feeds: Any) -> None:
        spreads.setdefault(role, []).append(float(feeds["image"].std()))

    engine = Recorder(OrtEngine(Bundle.open("edgetrack-256-x"), threads=1), keep, ("search", "search_x"))
    with edgetrack.Tracker(engine=engine) as tracker:
        tracker.start(film(1.0, 0)[0], box=truth(step=0))  # the graph for pairs runs, as only color is known
        for frame, seen in zip(film(0.04, 2, ())[1:], seen_in_heat()[1:], strict=True):
            tracker.update(frame, x=seen)
    assert min(spreads["search"]) > 10 * min(spreads["search_x"])


def test_several_targets_are_followed_in_smoke() -> None:
    """The targets are searched in one batch, whose images are restored one by one."""
    tops = {"upper": 40, "lower": 140}
    frames = film(0.04, 170, tuple(tops.values()))
    with edgetrack.MultiTracker("edgetrack-256", precision="fp32", threads=1) as tracker:
        tracks = tracker.start(frames[0], {name: truth(top, 0) for name, top in tops.items()})
        for frame in frames[1:]:
            tracks = tracker.update(frame)
    for name, top in tops.items():
        box = tracks[name].box
        assert box is not None
        assert box.iou(truth(top)) > 0.6


def test_noise_is_not_mistaken_for_a_faded_target() -> None:
    random = np.random.default_rng(7)
    first = film(1.0, 0)[0]
    with edgetrack.Tracker("edgetrack-256", precision="fp32", threads=1) as tracker:
        tracker.start(first, box=truth(step=0))
        for _ in range(100):
            noise = random.integers(0, 256, first.shape, dtype=np.uint8)
            track = tracker.update(noise)
    assert track.status == "lost"
