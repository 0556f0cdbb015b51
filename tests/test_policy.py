"""The thresholds of the state machine: the same numbers in Python and in C++."""

from __future__ import annotations

import re
from dataclasses import asdict, fields, replace

import pytest

from edgetrack._native import runtime
from edgetrack.errors import BundleError
from edgetrack.policy import Policy


def test_policy_has_the_defaults_of_cpp() -> None:
    numbers = runtime.policy({})
    assert asdict(Policy()) == numbers
    types = {field.name: {"float": float, "int": int}[str(field.type)] for field in fields(Policy)}
    assert {name: type(value) for name, value in numbers.items()} == types
    assert Policy.of({"refit_iou": 0.25, "max_uncertain_frames": 7}) == replace(
        Policy(), refit_iou=0.25, max_uncertain_frames=7
    )


@pytest.mark.parametrize(
    ("threshold", "says"),
    [
        ({"patience": 3}, "unknown threshold 'patience'; expected one of detect_threshold, "),
        ({"max_uncertain_frames": 2.5}, "max_uncertain_frames 2.5; expected a whole number of frames"),
        ({"max_uncertain_frames": -1}, "max_uncertain_frames -1; expected a whole number of frames"),
        ({"refit_iou": float("nan")}, "refit_iou nan; expected a finite number"),
    ],
)
def test_invalid_threshold_is_named(threshold: dict[str, float], says: str) -> None:
    with pytest.raises(BundleError, match=re.escape(says)):
        Policy.of(threshold)
