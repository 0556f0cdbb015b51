"""Boxes, tracks and frames in user code: unpacked, in numpy, as JSON, in help()."""

from __future__ import annotations

import ast
import copy
import dataclasses
import inspect
import json
import pickle
import pydoc
import sys
from typing import Any

import numpy as np
import pytest

import edgetrack
from edgetrack.errors import BoxError
from edgetrack.timing import Timing
from edgetrack.types import Box, Candidate, Frame, Track

BOX = Box(10.4, 20.6, 30, 40)


def test_box_unpacks_to_four_numbers() -> None:
    x, y, w, h = BOX
    assert (x, y, w, h) == tuple(BOX) == BOX.xywh == (10.4, 20.6, 30.0, 40.0)
    assert (len(BOX), BOX[0], BOX[-1], BOX[2:]) == (4, 10.4, 40.0, (30.0, 40.0))
    assert BOX.xyxy == (10.4, 20.6, 40.4, 60.6)
    assert Box.from_xyxy(1, 2, 4, 8) == Box(1, 2, 3, 6)
    assert Box.of(Box.of(np.array([1, 2, 3, 4], np.int32))) == Box(1, 2, 3, 4)


def test_box_converts_to_an_array_of_floats() -> None:
    array = np.asarray(BOX)
    assert array.dtype == np.float64
    assert array.tolist() == list(BOX)
    assert np.array([BOX, BOX]).shape == (2, 4)
    assert np.asarray(BOX, np.float32).dtype == np.float32
    assert (np.array(BOX) * 2)[2] == 60
    array[0] = 7
    assert BOX.x == 10.4


@pytest.mark.parametrize(
    ("box", "ints"),
    [
        (BOX, (10, 21, 30, 40)),
        (Box(0.5, -0.5, 1, 1), (1, 0, 1, 1)),  # halves go one way, so that neighbors stay neighbors
        (Box(-3.6, 5, 0.2, 0.2), (-4, 5, 1, 1)),  # never empty
    ],
)
def test_box_in_whole_pixels(box: Box, ints: tuple[int, ...]) -> None:
    assert box.ints == ints
    assert all(type(v) is int for v in box.ints)


def test_box_of_any_number_type_holds_floats() -> None:
    box = Box(np.float32(1), np.int64(2), 3, 4.0)
    assert [type(v) for v in box] == [float] * 4
    assert json.loads(box.to_json()) == box.to_dict() == {"x": 1, "y": 2, "w": 3, "h": 4}
    assert Box(**box.to_dict()) == box


@pytest.mark.parametrize(
    "values",
    [
        ("1", "2", "3", "4"),
        (True, 2, 3, 4),
        (None, 2, 3, 4),
        (10**400, 2, 3, 4),
        (0, 0, 1e200, 1e200),
        (0, 0, 1e-200, 1e-200),
        (1e308, 0, 1e308, 1),
        (float("nan"), 0, 1, 1),
        (0, 0, -1, -1),
    ],
)
def test_invalid_box_is_one_sentence(values: Any) -> None:
    for make in (lambda: Box(*values), lambda: Box.of(values)):
        with pytest.raises(BoxError, match=r"^box .*expected \(x, y, w, h\)"):
            make()


def test_tiny_and_huge_boxes_can_be_compared() -> None:
    assert Box(0, 0, 1e150, 1e150).iou(Box(0, 0, 1e-150, 1e-150)) == pytest.approx(0)
    assert Box(0, 0, 1e-150, 1e-150).coverage(Box(0, 0, 1e-150, 1e-150)) == 1


def test_track_as_json() -> None:
    track = Track(BOX, 0.5, "tracking", 3, "network", 2, "red \u2028car", 1.5, (1.0, -2.0))
    said = json.loads(track.to_json())
    assert "\n" not in track.to_json()
    assert said == track.to_dict()
    assert set(said) == {field.name for field in dataclasses.fields(Track)} - {
        "candidates",
        "mask",
        "x_share",
        "modalities",
    }
    assert said["box"] == BOX.to_dict()
    assert (said["name"], said["time_s"], said["velocity"]) == ("red \u2028car", 1.5, [1.0, -2.0])
    pair = Track(BOX, 0.5, "tracking", 3, x_share=0.25, modalities=("color", "x")).to_dict()
    assert (pair["x_share"], pair["modalities"]) == (0.25, ["color", "x"])
    lost = Track(None, 0.0, "lost", 9).to_dict()
    assert lost["box"] is lost["time_s"] is lost["velocity"] is None


def test_repr_of_a_track_omits_its_candidates() -> None:
    crowd = tuple(Candidate(Box(n, 2, 3, 4), 0.5) for n in range(40))
    track = Track(Box(1, 2, 3, 4), 0.5, "tracking", 7, candidates=crowd)
    assert repr(track) == repr(dataclasses.replace(track, candidates=()))


def test_values_can_be_copied_pickled_and_compared() -> None:
    for value in (BOX, Track(BOX, 0.5, "tracking", 3), Timing(1, 2, 3)):
        assert pickle.loads(pickle.dumps(value)) == copy.deepcopy(value) == copy.copy(value) == value
    frame = Frame(np.zeros((2, 2, 3), np.uint8), 0, 0.0)
    assert frame == frame  # not the truth of an array
    assert frame != Frame(frame.pixels.copy(), 0, 0.0)


@pytest.mark.parametrize("kind", [Box, Frame, Track, Timing])
def test_each_field_has_a_description(kind: type) -> None:
    """help() shows the class's docstring, and editors show the string below a field."""
    shown = pydoc.plain(pydoc.render_doc(kind))
    (tree,) = [
        node
        for node in ast.parse(inspect.getsource(sys.modules[kind.__module__])).body
        if isinstance(node, ast.ClassDef) and node.name == kind.__name__
    ]
    for field in dataclasses.fields(kind):
        assert f" {field.name}: " in shown.partition("Attributes:")[2]
        at = next(
            i
            for i, node in enumerate(tree.body)
            if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == field.name
        )
        below = tree.body[at + 1]
        assert isinstance(below, ast.Expr), f"{kind.__name__}.{field.name} has no docstring"
        assert len(str(ast.literal_eval(below.value))) > 10


def test_every_error_is_exported() -> None:
    from edgetrack import errors

    names = [name for name, value in vars(errors).items() if isinstance(value, type)]
    assert len(names) > 15
    for name in names:
        assert getattr(edgetrack, name) is getattr(errors, name)
        assert name in edgetrack.__all__
