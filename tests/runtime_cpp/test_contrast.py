"""The contrast of an image that smoke, fog or darkness has faded is restored; other images are unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import edgetrack
from edgetrack._native import runtime
from edgetrack.bundle import Bundle
from edgetrack.crop import crop_into

cv2 = pytest.importorskip("cv2", reason="a film is drawn with OpenCV")

Picture = NDArray[np.uint8]
SIDE, STEPS = 48, 8
COLORS = ((127.5,) * 3, (127.5,) * 3, (127.5,) * 3)  # mean, std, fill


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


@pytest.mark.parametrize("name", ["OTB_Car4", "DAVIS_cows", "TLD_pedestrian3"])
def test_lost_target_is_found_again_in_darkness(name: str, shared_data: Path) -> None:
    folder = shared_data / "devset"
    truth = edgetrack.Box(*np.loadtxt(folder / f"{name}.txt", delimiter=",", max_rows=1))
    with edgetrack.open_source(folder / f"{name}.mp4") as source:
        frame = next(iter(source)).pixels
    random = np.random.default_rng(4)
    with edgetrack.Tracker("edgetrack-256", precision="fp32", threads=1) as tracker:
        tracker.start(frame, box=truth)
        while tracker.update(np.zeros_like(frame)).status != "lost":
            pass
        for _ in range(6):
            noise = random.normal(0, 1, frame.shape)
            track = tracker.update(np.clip(frame * 0.06 + noise, 0, 255).astype(np.uint8))
    assert track.status == "tracking"
    assert track.box is not None
    assert track.box.iou(truth) > 0.7


def test_small_target_on_an_even_background_does_not_make_a_frame_faded() -> None:
    """Most of a template shows its target, but most of a frame may show the sky: that is no loss of contrast."""
    contrast = runtime.Contrast()
    frame = np.full((320, 320, 3), 100, np.uint8)
    frame[150:160, 150:170] = 255
    around, everywhere = (140.0, 135.0, 40.0, 40.0), (0.0, 0.0, 320.0, 320.0)
    contrast.learn(cropped(frame, around, 128), frame, around, *COLORS)
    contrast.learn_everywhere(cropped(frame, everywhere, 128), frame, everywhere, *COLORS)
    image = cropped(frame, everywhere, 320)
    assert not contrast.restore_everywhere(image, frame, everywhere, *COLORS)
    assert np.array_equal(image, cropped(frame, everywhere, 320))


@pytest.mark.parametrize("side", [128, 320])
def test_faded_frame_is_restored_at_any_resolution(side: int) -> None:
    contrast = runtime.Contrast()
    everywhere = (0.0, 0.0, 320.0, 320.0)
    frame = smooth(np.random.default_rng(3), 320, 320)
    faded = np.asarray(frame * 0.06 + 100, np.uint8)
    image = cropped(faded, everywhere, side)
    assert not contrast.restore_everywhere(image, faded, everywhere, *COLORS)  # nothing is known yet
    contrast.learn_everywhere(cropped(frame, everywhere, 128), frame, everywhere, *COLORS)
    assert contrast.restore_everywhere(image, faded, everywhere, *COLORS)
    intact = cropped(frame, everywhere, side)
    assert abs(image - intact).mean() < 0.15 * abs(cropped(faded, everywhere, side) - intact).mean()


def cropped(frame: Picture, region: tuple[float, float, float, float], side: int) -> NDArray[np.float32]:
    image = np.empty((1, 3, side, side), np.float32)
    crop_into(frame, region, image, mean=COLORS[0], std=COLORS[1], fill=COLORS[2])
    return image
