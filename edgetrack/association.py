"""Association of detections and tracks: motion, overlap of boxes, and appearance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgetrack._imports import require
from edgetrack.types import Box

Floats = NDArray[np.float64]

BUFFER = 0.3  # fraction of its size by which a box grows on each side, for the overlap of fast objects
MEASURED = 0.05  # standard deviation of a detected edge, in sizes of the box
SUDDEN = 1.5  # ratio of two widths or heights above which they cannot belong to the same object in two passes
DRIVEN = 0.015  # standard deviation of the acceleration, in sizes of the box and thirtieths of a second
LEAST_SIDE = 2.0  # pixels
BORDER = 2.0  # pixels from an edge of the frame within which a detection counts as cut off by it


class Motion:
    """A Kalman filter of the box with constant velocity (Kalman, 1960; for boxes: SORT, Bewley et al., 2016).

    The center moves; width and height keep their last detected values. If they had a velocity, a single wrong box
    could make them shrink to nothing while the object is not found (ByteTrack, Zhang et al., 2022, stops them for
    this reason). All errors are in sizes of the box, so that one covariance (position and velocity) is used for all
    four.

    A detection that is suddenly much wider or narrower than the object includes something else, or only a part of it,
    so its edges and its center are wrong. Along that axis, it only constrains the position of the object: within the
    detection, or around it. A size that the next detection confirms is accepted.

    An object that the edge of the frame cuts off is measured at the opposite edge of its box: as it enters, the center
    of the visible part moves at half of its speed while that part grows. It has at least the largest size seen so far,
    the rest being outside of the frame, and its visible part ends at the edge of the frame until it is seen elsewhere.

    Args:
        box: the initial box.
        frame: width and height of its frame in pixels.
    """

    def __init__(self, box: Box, frame: tuple[int, int]) -> None:
        self._at, self._speed = _state(box), np.zeros(2)
        self._frame = np.array(frame, np.float64)
        self._cut = _cut_off(self._at, self._frame)
        self._seen = self._at[2:].copy()  # width and height of the last detection, accepted or not
        self._covariance = np.diag([MEASURED**2, (4 * MEASURED) ** 2])

    def copy(self) -> Motion:
        """Return a copy."""
        other = object.__new__(Motion)
        other._frame, other._cut = self._frame, self._cut
        other._at, other._speed, other._seen = self._at.copy(), self._speed.copy(), self._seen.copy()
        other._covariance = self._covariance.copy()
        return other

    def step(self, ticks: float) -> None:
        """Predict the state after a number of thirtieths of a second."""
        self._at[:2] += ticks * self._speed
        move = np.array([[1.0, ticks], [0.0, 1.0]])
        driven = DRIVEN * ticks * np.array([ticks / 2, 1.0])
        self._covariance = move @ self._covariance @ move.T + np.outer(driven, driven)

    def correct(self, box: Box, frame: tuple[int, int]) -> None:
        """Correct the state by a detection in a frame of this width and height."""
        position, both = self._covariance[0, 0], self._covariance[0, 1]
        total = position + MEASURED**2
        gain = np.array([position, both]) / total
        error = self._error(self._whole(_state(box), frame))
        self._at += gain[0] * error
        self._speed += gain[1] * error[:2]
        self._covariance = self._covariance - np.outer(gain, self._covariance[0])

    def _whole(self, found: Floats, frame: tuple[int, int]) -> Floats:
        """Return a detection with what the edge of the frame cuts off; let the state grow to its size there."""
        self._frame = np.array(frame, np.float64)
        cut = _cut_off(found, self._frame)
        wrong = (cut != self._cut) & (found[2:] > SUDDEN * self._at[2:])  # it was not cut off before
        self._cut = np.where(wrong, 0.0, cut)
        size = np.where(self._cut != 0, np.maximum(found[2:], self._at[2:]), found[2:])
        grown = np.where(self._cut != 0, size - self._at[2:], 0.0)
        self._at += np.concatenate([self._cut * grown / 2, grown])  # the edge that is seen stays where it is
        return np.concatenate([found[:2] + self._cut * (size - found[2:]) / 2, size])

    def _error(self, found: Floats) -> Floats:
        """Return the difference of a detection from the prediction, as far as it can be trusted."""
        error, size = found - self._at, found[2:]
        sudden = _differ(size, self._at[2:]) & _differ(size, self._seen)
        self._seen = size
        # How far the center of the smaller one can move within the larger.
        slack = np.where(sudden, np.abs(error[2:]) / 2, 0.0)
        error[:2] = np.sign(error[:2]) * np.maximum(np.abs(error[:2]) - slack, 0.0)
        error[2:] = np.where(sudden, 0.0, error[2:])
        return error

    @property
    def box(self) -> Box:
        """The predicted box; of an object that the edge of the frame cuts off, the visible part."""
        half = np.maximum(self._at[2:], LEAST_SIDE) / 2
        low, high = self._at[:2] - half, self._at[:2] + half
        low = np.where(self._cut < 0, np.minimum(0.0, high - LEAST_SIDE), low)
        high = np.where(self._cut > 0, np.maximum(self._frame, low + LEAST_SIDE), high)
        return Box.from_xyxy(*low.tolist(), *high.tolist())

    @property
    def velocity(self) -> tuple[float, float]:
        """Velocity of the center, right and down, in pixels per thirtieth of a second."""
        return float(self._speed[0]), float(self._speed[1])


def _state(box: Box) -> Floats:
    return np.array([*box.center, box.w, box.h])


def _cut_off(found: Floats, frame: Floats) -> Floats:
    """Return for each axis at which end the frame cuts off a box: -1, 1, or 0 for none or both."""
    low = found[:2] - found[2:] / 2 <= BORDER
    high = found[:2] + found[2:] / 2 >= frame - BORDER
    cut: Floats = high.astype(np.float64) - low
    return cut


def _differ(size: Floats, other: Floats) -> NDArray[np.bool_]:
    """Return, for width and height each, whether they are too different for the same object."""
    result: NDArray[np.bool_] = np.maximum(size, other) > SUDDEN * np.minimum(size, other)
    return result


def overlaps(ours: Sequence[Box], theirs: Sequence[Box], buffer: float = 0.0) -> Floats:
    """Return the IoU of each of ``ours`` with each of ``theirs``: (n, m).

    With a ``buffer``, boxes grow by this fraction of their size on each side (buffered IoU, Yang et al., 2023).
    """
    a, b = _corners(ours, buffer), _corners(theirs, buffer)
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.prod(np.maximum(high - low, 0.0), axis=-1)
    areas = [np.prod(corners[:, 2:] - corners[:, :2], axis=-1) for corners in (a, b)]
    result: Floats = common / (areas[0][:, None] + areas[1][None, :] - common)
    return result


def _corners(boxes: Sequence[Box], buffer: float) -> Floats:
    corners = np.array([box.xyxy for box in boxes], np.float64).reshape(-1, 4)
    grown = buffer * (corners[:, 2:] - corners[:, :2])
    return np.concatenate([corners[:, :2] - grown, corners[:, 2:] + grown], axis=1)


def alike(ours: Sequence[Floats], theirs: Sequence[Floats]) -> Floats:
    """Return the cosine of each pair of appearance vectors of unit length: (n, m)."""
    if not ours or not theirs:
        return np.zeros((len(ours), len(theirs)))
    cosines: Floats = np.stack(ours) @ np.stack(theirs).T
    return cosines


def assign(cost: Floats, most: float) -> list[tuple[int, int]]:
    """Return the pairs of rows and columns with the minimum sum of costs (Kuhn, 1955), all with a cost below ``most``.

    Raises:
        MissingExtra: SciPy is not installed; the message has the command.
    """
    solve = require("scipy.optimize", "every").linear_sum_assignment
    rows, columns = solve(np.minimum(cost, most))
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if cost[i, j] < most]
