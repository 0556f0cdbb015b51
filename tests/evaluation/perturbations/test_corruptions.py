"""The corruption suite: every corruption does what its row of the table says, and is reproducible."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrack.datasets import Sequence
from edgetrack.errors import ConfigError
from edgetrack.evaluation.perturbations.base import Perturbation
from edgetrack.evaluation.perturbations.corruptions import EFFECTS
from edgetrack.evaluation.perturbations.registry import CORRUPTIONS, SEVERITIES, conditions, open_perturbation
from edgetrack.evaluation.types import Condition
from edgetrack.types import Box, Track

cv2 = pytest.importorskip("cv2", reason="the video extra is not installed")
BLACK = [np.zeros((120, 160, 3), np.uint8)] * 150
CLIP = Sequence("clip", BLACK, np.tile(np.array([[50.0, 40, 60, 30]]), (150, 1)), "x")


def picture(seed: int = 0) -> np.ndarray:
    """Make an image of smooth shades with edges, which blur, noise and compression all change."""
    rng = np.random.default_rng(seed)
    out = cv2.resize(
        rng.integers(40, 200, (6, 8, 3)).astype(np.uint8), (160, 120), interpolation=cv2.INTER_CUBIC
    )
    out[30:60, 40:90] = 230
    return out


def opened(name: str, severity: int = 1, *, seed: int = 0, corrupt_init: bool = False) -> Perturbation:
    return open_perturbation(
        Condition(name, severity), CLIP, clips=[CLIP], seed=seed, corrupt_init=corrupt_init
    )


@pytest.mark.parametrize("name", EFFECTS)
def test_images_degrade_with_severity_and_are_reproducible(name: str) -> None:
    clean, errors = picture(), []
    for severity in SEVERITIES:
        stream, twin = opened(name, severity), opened(name, severity)
        assert stream.step(clean, 0).pixels is clean, "the first frame stays as it is"
        twin.step(clean, 0)
        outs = [stream.step(clean, i).pixels for i in range(1, 4)]
        for i, out in enumerate(outs, 1):
            assert (out.dtype, out.shape) == (np.uint8, clean.shape)
            assert out.flags.c_contiguous
            assert np.array_equal(out, twin.step(clean, i).pixels)
        errors.append(float(np.mean([(o.astype(float) - clean) ** 2 for o in outs])))
    assert errors[0] < errors[1] < errors[2], errors
    assert np.array_equal(clean, picture()), "the frames of the source were written to"


@pytest.mark.parametrize("name", EFFECTS)
def test_corrupt_start_applies_from_the_first_frame(name: str) -> None:
    clean = picture()
    assert not np.array_equal(opened(name, 3, corrupt_init=True).step(clean, 0).pixels, clean)


def test_parameters_match_the_table() -> None:
    gray = np.full((240, 320, 3), 128, np.uint8)
    for level, sigma in enumerate((0.08, 0.14, 0.20), 1):
        noise = opened("gaussian-noise", level).step(gray, 1).pixels.astype(float) / 255
        assert noise.std() == pytest.approx(sigma, rel=0.03)
    for level, photons in enumerate((60, 25, 12), 1):
        noise = opened("shot-noise", level).step(gray, 1).pixels.astype(float) / 255
        assert noise.std() == pytest.approx((128 / 255 / photons) ** 0.5, rel=0.06)
    for level, share in enumerate((0.03, 0.07, 0.12), 1):
        hit = opened("impulse-noise", level).step(gray, 1).pixels
        assert (hit != 128).all(2).mean() == pytest.approx(share, rel=0.1)
    for level, share in enumerate((0.6, 0.4, 0.25), 1):
        out = opened("low-contrast", level).step(picture(), 1).pixels
        assert out.std() / picture().std() == pytest.approx(share, rel=0.02)
    assert (opened("over-exposure", 1).step(gray, 1).pixels == 192).all()
    for level, through in enumerate((0.75, 0.55, 0.40), 1):
        seen = opened("fog", level).step(picture(), 1).pixels
        assert seen.std() / picture().std() == pytest.approx(through, abs=0.15)
    for level, gain in enumerate((0.25, 0.10), 1):
        dark = opened("low-light", level).step(gray, 1).pixels.astype(float) / 255
        assert (dark**2.2).mean() == pytest.approx((128 / 255) ** 2.2 * gain, rel=0.08)


@pytest.mark.parametrize("name", ["low-light", "shot-noise", "gaussian-noise", "impulse-noise"])
def test_noise_differs_in_each_frame(name: str) -> None:
    gray, stream = np.full((240, 320, 3), 128, np.uint8), opened(name, 2)
    first, second = (stream.step(gray, i).pixels.astype(float) for i in (1, 2))
    assert first.std() > 1
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(first[:, :-1, 0].ravel(), first[:, 1:, 0].ravel())[0, 1]) < 0.02


def test_zoom_blur_grows_with_the_distance_from_the_center() -> None:
    points = np.zeros((241, 241, 3), np.uint8)
    points[120, 120] = points[120, 180] = 255
    for level, factor in enumerate((1.06, 1.12, 1.20), 1):
        row = opened("zoom-blur", level).step(points, 1).pixels[120, :, 0].astype(float)
        assert row[119:122].sum() > 200, "the center stays"
        assert row[:110].sum() == 0
        smeared = np.flatnonzero(row[130:]) + 130
        assert smeared[0] in (179, 180)
        assert smeared[-1] == pytest.approx(120 + 60 * factor, abs=1)


def test_motion_blur_turns_slowly() -> None:
    point = np.zeros((481, 481, 3), np.uint8)
    point[240, 240] = 255
    stream, angles = opened("motion-blur", 3), []
    for index in range(1, 20):
        y, x = np.nonzero(stream.step(point, index).pixels[..., 0])
        assert max(np.ptp(x), np.ptp(y)) <= 25
        vector = np.linalg.eigh(np.cov(np.stack([x, y])))[1][:, 1]
        angles.append(np.degrees(np.arctan2(vector[1], vector[0])) % 180)
    turn = np.abs(np.diff(angles))
    assert np.minimum(turn, 180 - turn).max() < 9  # 5 degrees, and the error of the measurement on pixels
    assert len(set(angles)) > 3


def test_frame_drop_removes_frames() -> None:
    frame = picture()
    for severity, every in enumerate((2, 3, 5), 1):
        steps = [opened("frame-drop", severity).step(frame, i) for i in range(30)]
        assert [i for i, s in enumerate(steps) if s.called] == list(range(0, 30, every))
        assert all(s.called == s.scored for s in steps)
    for severity, lost in enumerate((0.2, 0.4, 0.6), 1):
        stream = opened("random-drop", severity)
        steps = [stream.step(frame, i) for i in range(2000)]
        assert steps[0].called
        assert all(s.scored for s in steps)
        assert 1 - np.mean([s.called for s in steps]) == pytest.approx(lost, abs=0.04)


@pytest.mark.parametrize(("severity", "length"), [(1, 10), (2, 20), (3, 40)])
def test_freeze_repeats_an_image(severity: int, length: int) -> None:
    stream = opened("freeze", severity)
    shown = [int(stream.step(np.full((8, 8, 3), i, np.uint8), i).pixels[0, 0, 0]) for i in range(220)]
    frozen = [i for i, value in enumerate(shown) if value != i]
    begin = frozen[0] - 1
    assert 10 <= begin <= 20
    expected = {b + k for b in (begin, begin + 100, begin + 200) for k in range(1, length) if b + k < 220}
    assert set(frozen) == expected


@given(st.integers(0, 10_000), st.sampled_from(SEVERITIES))
def test_jittered_box_stays_near(seed: int, severity: int) -> None:
    true = Box(50, 40, 60, 30)
    moved = opened("init-jitter", severity, seed=seed).box(true, np.zeros((120, 160, 3), np.uint8))
    dx, dy = (b - a for a, b in zip(true.center, moved.center, strict=True))
    assert abs(dx) <= 6 * severity + 1e-9
    assert abs(dy) <= 3 * severity + 1e-9
    assert np.exp(-severity / 10) - 1e-9 <= moved.w / true.w <= np.exp(severity / 10) + 1e-9
    assert moved.w / moved.h == pytest.approx(2)


@given(st.integers(0, 500), st.floats(-9, 159), st.floats(-9, 119))
def test_jittered_box_keeps_its_center_in_the_frame(seed: int, x: float, y: float) -> None:
    """A target at the border must not end an evaluation."""
    moved = opened("init-jitter", 3, seed=seed).box(Box(x, y, 20, 20), np.zeros((120, 160, 3), np.uint8))
    assert 0 <= moved.center[0] < 160
    assert 0 <= moved.center[1] < 120


def simulated(fps: int, milliseconds: float, frames: int) -> tuple[list[int], list[int | None]]:
    """Return the frames for which a tracker of constant speed is called, and whose result counts for each frame."""
    stream, called, answers = opened("real-time", fps), [], []
    latest = Track(None, 0.0, "searching", 0)
    for index in range(frames):
        if stream.step(picture(), index).called:
            called.append(index)
            latest = Track(Box(index + 1, 1, 2, 2), 1.0, "tracking", index)
        found = stream.result(latest, index, milliseconds=milliseconds if called[-1] == index else 0.0)
        answers.append(None if found.box is None else found.index)
    return called, answers


def test_real_time_schedule_by_hand() -> None:
    """At 10 frames per second, a tracker of 30 ms is one frame behind; one of 150 ms misses every second frame."""
    assert simulated(10, 30, 5) == ([0, 1, 2, 3, 4], [None, 0, 1, 2, 3])
    assert simulated(10, 150, 7) == ([0, 2, 4, 6], [None, None, 0, 0, 2, 2, 4])
    assert simulated(10, 100, 4) == ([0, 1, 2, 3], [None, 0, 1, 2])


@given(st.integers(1, 60), st.floats(0.1, 500), st.integers(1, 60))
def test_real_time_results_never_come_from_the_future(fps: int, milliseconds: float, frames: int) -> None:
    called, answers = simulated(fps, milliseconds, frames)
    assert called[0] == 0
    for index, answer in enumerate(answers):
        if answer is not None:
            assert answer in called
            assert answer * 1e3 / fps + milliseconds <= index * 1e3 / fps + 1e-6
    assert all((b - a) * 1e3 / fps >= milliseconds - 1e-6 for a, b in pairwise(called))


def test_which_conditions_can_be_requested() -> None:
    assert [c.label for c in conditions(real_time=[30, 10, 30])] == ["clean", "real-time-30", "real-time-10"]
    assert len(conditions(occlusion=True, corruptions=CORRUPTIONS)) == 1 + 3 * 20 + 3 * 10
    jitter = conditions(corruptions=["init-jitter"])[1:]
    assert [c.label for c in jitter[:2]] == ["init-jitter-1", "init-jitter-1-draw-1"]
    given = Box(50, 40, 60, 30)
    moved = {
        open_perturbation(c, CLIP, clips=[CLIP], seed=0).box(given, np.zeros((120, 160, 3), np.uint8))
        for c in jitter
    }
    assert len(moved) == 30, "each draw moves the box to a place of its own"
    assert [c.label for c in conditions(corruptions=["fog", "fog"])] == ["clean", "fog-1", "fog-2", "fog-3"]
    some = conditions(occlusion=True, corruptions=["init-jitter"], severities=[3, 1, 3], draws=2)
    expected = [
        "occlusion-1",
        "occlusion-3",
        *(f"init-jitter-{s}" for s in ("1", "1-draw-1", "3", "3-draw-1")),
    ]
    assert [c.label for c in some] == ["clean", *expected]
    with pytest.raises(ConfigError, match="corruption 'smog' is unknown; expected one of low-light, "):
        conditions(corruptions=["smog"])


def test_composite_applies_its_parts_in_turn() -> None:
    blur, dark, both = opened("motion-blur", 2), opened("low-light", 2), opened("low-light+motion-blur", 2)
    for i in range(3):
        expected = dark.step(blur.step(picture(), i).pixels, i).pixels
        assert np.array_equal(both.step(picture(), i).pixels, expected)
        assert np.array_equal(expected, picture()) == (i == 0)


def test_composite_with_occlusion_covers_the_target() -> None:
    other = Sequence("other", [np.full((120, 160, 3), 200, np.uint8)] * 150, CLIP.boxes, "y")
    condition = Condition("occlusion+low-light+noise", 1)
    stream = open_perturbation(condition, CLIP, clips=[CLIP, other], seed=0)
    [burst, *_] = stream.bursts
    shown = [stream.step(BLACK[i], i).pixels for i in range(burst.hidden + 1)]
    x, y, w, h = CLIP.boxes[0].astype(int)
    assert (
        shown[burst.begin - 1][y : y + h, x : x + w].mean()
        < 60
        < shown[burst.hidden][y : y + h, x : x + w].mean()
    )
