"""Non-finite numbers are rejected wherever numbers are accepted, from Python and from foreign files."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgetrack
from edgetrack import ConfigError, SourceError
from edgetrack.errors import MALFORMED, BundleError, FrameError
from edgetrack.finite import is_finite
from edgetrack.manifest import Manifest
from edgetrack.mask import Mask, check_mask
from edgetrack.opened import check_deadline, parts_of
from edgetrack.query import checked_rules
from edgetrack.watching import conditions as c
from edgetrack.watching.subject import Subject

HUGE = 10**400


def test_which_values_are_finite() -> None:
    for good in (0, -3, 2.5, np.float32(1), np.int64(3), Fraction(1, 3), 1e308):
        assert is_finite(good)
    for bad in (math.nan, math.inf, -math.inf, HUGE, -HUGE, True, "3", None, 1j, [1], np.float32("nan")):
        assert not is_finite(bad)


@pytest.mark.parametrize("value", [HUGE, math.nan, math.inf, "3", True])
@pytest.mark.parametrize(
    "take",
    [
        check_deadline,
        lambda value: parts_of(np.zeros((2, 2, 3), np.uint8), None, value),
        lambda value: checked_rules(8, (3, 5), interval_s=value),
        lambda value: checked_rules(8, (3, 5), keep_s=value),
        lambda value: edgetrack.open_source(".", fps=value),
        lambda value: edgetrack.open_source(".", give_up_s=value),
        lambda value: edgetrack.open_source(".", levels=(0, value)),
        lambda value: edgetrack.Zone("a", ((0, 0), (1, 0), (1, 1)), dwell_s=value),
        lambda value: c.Present(Subject("car"), value),
    ],
)
def test_non_finite_value_is_rejected(take: Callable[[Any], object], value: Any) -> None:
    if value == "3" or value is True:
        value = [value]  # what is no number at all
    with pytest.raises((ConfigError, SourceError)):
        take(value)


def test_manifest_with_a_non_finite_number_is_rejected() -> None:
    shipped = json.loads((Path(edgetrack.__file__).parent / "models/edgetrack-256/manifest.json").read_text())
    shipped["mean"] = [HUGE, 0, 0]
    with pytest.raises(BundleError, match="here"):
        Manifest.from_json(json.dumps(shipped), origin="here")


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a": 1e999, "b": ' + "9" * 400 + "}", '{"a": ' + "9" * 5000]
)
def test_all_exceptions_of_foreign_values_are_handled(text: str) -> None:
    with pytest.raises(MALFORMED):
        float(json.loads(text)["b"])


def test_mask_of_an_invalid_frame_size_is_rejected() -> None:
    sizes: list[list[Any]] = [[math.inf, 3], [3, "a"], [HUGE, 1], [[[]]]]
    for size in sizes:
        with pytest.raises(FrameError, match="not a mask"):
            Mask.from_rle({"size": size, "counts": "04"})


def test_mask_must_be_boolean() -> None:
    """Probabilities and NaN are not zero: the whole frame would be the target."""
    for value in (math.nan, 0.5, -1.0, math.inf):
        pixels = np.zeros((4, 6))
        pixels[1, 2] = value
        with pytest.raises(FrameError, match=r"expected only 0 and 1, as from mask > 0\.5"):
            check_mask(pixels)
    assert check_mask(np.eye(3, dtype=np.float32)).sum() == 3
    assert check_mask(255 * np.eye(3, dtype=np.uint8)).sum() == 3
