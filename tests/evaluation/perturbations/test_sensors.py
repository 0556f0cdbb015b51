"""Every failure of a sensor does what its row of the table says, to the named sensor, and is reproducible."""

from __future__ import annotations

import numpy as np
import pytest

from edgetrack.datasets import Sequence
from edgetrack.errors import ConfigError
from edgetrack.evaluation.perturbations.base import Pair, Perturbation
from edgetrack.evaluation.perturbations.registry import conditions, open_perturbation
from edgetrack.evaluation.types import FAILURES, PROTOCOL, Condition, fails

pytest.importorskip("cv2", reason="the video extra is not installed")

COUNT = 220
CLIP = Sequence(
    "clip", [np.zeros((4, 4, 3), np.uint8)] * COUNT, np.tile(np.array([[1.0, 1, 2, 2]]), (COUNT, 1))
)
RANDOM = np.random.default_rng(0)
COLOR, X = (RANDOM.integers(60, 200, (COUNT, 64, 96, 3)).astype(np.uint8) for _ in range(2))


def opened(name: str, severity: int = 1, *, corrupt_init: bool = False) -> Perturbation:
    return open_perturbation(Condition(name, severity), CLIP, clips=[CLIP], seed=0, corrupt_init=corrupt_init)


def seen(name: str, severity: int = 1, count: int = COUNT) -> list[Pair]:
    failure = opened(name, severity)
    return [failure.pair(COLOR[i], X[i], i) for i in range(count)]


def lost(pairs: list[Pair], side: int) -> list[int]:
    return [i for i, pair in enumerate(pairs) if pair[side] is None]


def same(one: Pair, two: Pair) -> bool:
    return all((a is b is None) or np.array_equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize("name", FAILURES)
def test_failure_spares_the_other_sensor_and_the_first_frame_and_is_reproducible(name: str) -> None:
    pairs, again = seen(name, count=40), seen(name, count=40)
    assert all(map(same, pairs, again))
    assert same(pairs[0], (COLOR[0], X[0]))
    assert not all(same(pair, (COLOR[i], X[i])) for i, pair in enumerate(pairs)), "nothing has failed"
    failing = fails(Condition(name, 1))
    for i, pair in enumerate(pairs):
        for side, picture in (("color", COLOR[i]), ("x", X[i])):
            if side not in failing:
                assert pair[side == "x"] is picture or np.array_equal(pair[side == "x"], picture)


@pytest.mark.parametrize("name", ["alternating", "drops", "bursts"])
def test_one_of_the_two_sensors_is_always_present(name: str) -> None:
    pairs = seen(name, len(FAILURES[name]))
    assert not set(lost(pairs, 0)) & set(lost(pairs, 1))
    assert lost(pairs, 0)
    assert lost(pairs, 1)
    if name == "alternating":
        assert len(lost(pairs, 0)) + len(lost(pairs, 1)) == COUNT - 1


def test_drops_and_bursts_last_as_long_as_specified() -> None:
    for severity, (rate, length) in enumerate(zip(FAILURES["x-drops"], FAILURES["x-bursts"], strict=True), 1):
        assert len(lost(seen("x-drops", severity), 1)) / COUNT == pytest.approx(rate, abs=0.08)
        burst = lost(seen("x-bursts", severity), 1)
        assert burst[: int(length)] == list(range(burst[0], burst[0] + int(length)))
        assert burst[int(length)] == burst[0] + 100


def test_frozen_image_is_the_one_before_the_freeze() -> None:
    pairs = [pair[1] for pair in seen("x-frozen", 2)]
    frozen = [i for i in range(200) if not np.array_equal(pairs[i], X[i])]
    assert len(frozen) == 2 * 19, "20 frames in every 100, the first of them as it is"
    assert all(np.array_equal(pairs[i], X[frozen[0] - 1]) for i in frozen[:19])


def test_lag_shows_an_earlier_image() -> None:
    for severity, frames in enumerate((1, 3, 5), 1):
        pairs = seen("x-lag", severity, 12)
        assert all(np.array_equal(pairs[i][1], X[max(i - frames, 0)]) for i in range(12))


def test_complementary_patches_are_gray_in_one_image_only() -> None:
    for severity, part in enumerate((0.3, 0.5, 0.7), 1):
        color, x = map(np.asarray, seen("patches", severity, 4)[3])
        gray = [(picture == 128).all(-1) for picture in (color, x)]
        assert not (gray[0] & gray[1]).any()
        assert (gray[0] | gray[1]).mean() == pytest.approx(part, abs=0.25)
        assert gray[0].any()
        assert gray[1].any()


@pytest.mark.parametrize("name", ["color-night", "color-smoke"])
def test_night_and_smoke_reduce_contrast_with_severity(name: str) -> None:
    contrast = [
        float(np.std(np.asarray(seen(name, severity, 3)[2][0], float).mean(-1))) for severity in (1, 2, 3)
    ]
    assert contrast[0] > contrast[1] > contrast[2] > 0
    assert contrast[2] < 0.5 * float(np.std(COLOR[2].astype(float).mean(-1)))


def test_corrupt_start_fails_from_the_first_frame() -> None:
    assert opened("x-missing", corrupt_init=True).pair(COLOR[0], X[0], 0)[1] is None
    assert not np.array_equal(opened("color-night", corrupt_init=True).pair(COLOR[0], X[0], 0)[0], COLOR[0])


def test_groups_expand_to_failures_and_a_single_level_serves_every_severity() -> None:
    names = [c.name for c in conditions(failures=["x"], severities=[2])[1:]]
    assert names == [name for name in FAILURES if name.startswith("x-")]
    assert len(names) == 9
    assert {c.name for c in conditions(failures=["protocol", "x-lag"])[1:]} == set(PROTOCOL)
    assert conditions(failures=["x-missing"], severities=[3])[1:] == [Condition("x-missing", 1)]
    with pytest.raises(ConfigError, match="failure 'x-rain' is unknown; expected one of protocol"):
        conditions(failures=["x-rain"])
