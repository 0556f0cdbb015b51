"""Estimates the homography from the pixels of a second sensor to those of color, from pairs of images.

Both images show edges, regardless of their sign: the magnitude of the gradient, with locally normalized strength. The
edges are aligned by the enhanced correlation coefficient (Evangelidis and Psarakis, TPAMI 2008), from coarse to fine
and from several starting points. Each pair has one vote, and the number of pairs that agree verifies the result. The
number of starting points of one pair that agree does not, because they may converge to the same wrong optimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import ConfigError
from edgetrack.io.opencv import load_cv2

Pixels = NDArray[np.uint8]
Matrix = NDArray[np.float64]
SIDE = 384  # pixels of the longer side of the compared images
AGREE = 0.015  # largest distance of corners of estimates that agree, as a fraction of color's diagonal
LEAST_PAIRS = 3  # minimum number of pairs that agree
_LEAST_SHARE = 1 / 3  # minimum fraction of pairs that agree
_COARSE, _MIDDLE = 4, 2  # downscaling factors of the first two levels
_STARTS = tuple(
    product((0.85, 1.0, 1.18), (-0.08, 0.0, 0.08), (-0.08, 0.0, 0.08))
)  # scale, and shifts as fractions of the size
_LEAST = 16  # minimum pixels along the shorter side of an image


@dataclass(frozen=True, slots=True)
class Alignment:
    """The estimated alignment of a pair of cameras."""

    homography: Matrix  # (3, 3), from pixels of the second sensor to those of color
    agreeing: int  # pairs whose own estimates agree with it
    pairs: int
    spread: float  # pixels of color: median distance of the corners of pairs that agree

    @property
    def trusted(self) -> bool:
        """Whether enough of the pairs agree."""
        return self.agreeing >= max(LEAST_PAIRS, _LEAST_SHARE * self.pairs)


def estimate_alignment(pairs: Sequence[tuple[Pixels, Pixels]]) -> Alignment:
    """Estimate one homography from pairs (color, second sensor) of two cameras that are fixed relative to each other.

    It is exact for a plane, and for objects that are far away compared with the distance between the cameras.

    Args:
        pairs: Images uint8 (H, W, 3) BGR, taken at the same moments, of different scenes, because the same scene would
            confirm a wrong estimate. All color images have one size, and so do the others.

    Raises:
        ConfigError: There are too few pairs, sizes differ, an image is too small, or no estimate converges.
    """
    if len(pairs) < LEAST_PAIRS:
        raise ConfigError(
            f"got {len(pairs)} pairs of images; expected at least {LEAST_PAIRS}, of different scenes"
        )
    sizes = {(one.shape[:2], two.shape[:2]) for one, two in pairs}
    if len(sizes) > 1:
        raise ConfigError("the images of one sensor differ in size; expected one size per sensor")
    ((color_size, x_size),) = sizes
    if min(*color_size, *x_size) < _LEAST:
        raise ConfigError(
            f"an image is less than {_LEAST} pixels high or wide, too small to align; use larger images"
        )
    found = [matrix for color, x in pairs if (matrix := _estimate(color, x)) is not None]
    if not found:
        raise ConfigError("no pair could be aligned; expected images of the same scene, with edges in both")
    return _voted(found, len(pairs), color_size, x_size)


def _estimate(color: Pixels, x: Pixels) -> Matrix | None:
    """Return the homography from pixels of x to those of color that fits this pair best; None if none converges."""
    shrink = [SIDE / max(picture.shape[:2]) for picture in (color, x)]
    small = [_edges(picture, factor) for picture, factor in zip((color, x), shrink, strict=True)]
    started: list[tuple[float, Matrix]] = []
    for scale, right, down in _STARTS:
        refined = _refined(_coarser(small, _COARSE), _start(small, scale, right, down), _COARSE, affine=True)
        if refined is not None:
            started.append(refined)
    best = max(started, key=lambda one: one[0], default=None)
    for level in (_MIDDLE, 1):
        best = None if best is None else _refined(_coarser(small, level), best[1], level, affine=False)
    if best is None:
        return None
    to_x = np.diag([1 / shrink[1], 1 / shrink[1], 1]) @ best[1] @ np.diag([shrink[0], shrink[0], 1])
    from_x = np.linalg.inv(to_x)
    return np.asarray(from_x / from_x[2, 2], np.float64)


def _edges(picture: Pixels, factor: float) -> NDArray[np.float32]:
    cv2 = load_cv2()
    gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    gray = cv2.resize(
        gray, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    )
    gray = cv2.GaussianBlur(gray, (0, 0), 1.5)
    strength = np.hypot(cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1))
    return np.asarray(strength / (cv2.GaussianBlur(strength, (0, 0), 12) + 4.0), np.float32)


def _coarser(pictures: Sequence[NDArray[np.float32]], level: int) -> list[NDArray[np.float32]]:
    cv2 = load_cv2()
    return [cv2.resize(p, None, fx=1 / level, fy=1 / level, interpolation=cv2.INTER_AREA) for p in pictures]


def _start(pictures: Sequence[NDArray[np.float32]], scale: float, right: float, down: float) -> Matrix:
    """Return a start from pixels of color to those of x: scaled about the centers, and shifted."""
    (height, width), (x_height, x_width) = (picture.shape for picture in pictures)
    factor = scale * max(x_width / width, x_height / height)
    return np.array(
        [
            [factor, 0, x_width / 2 - factor * width / 2 + right * x_width],
            [0, factor, x_height / 2 - factor * height / 2 + down * x_height],
            [0, 0, 1],
        ]
    )


def _refined(
    pictures: Sequence[NDArray[np.float32]], warp: Matrix, level: int, *, affine: bool
) -> tuple[float, Matrix] | None:
    """Return the correlation and the warp, in pixels of level 1, after optimization; None if it fails."""
    cv2 = load_cv2()
    scale = np.diag([1 / level, 1 / level, 1])
    at_level = (scale @ warp @ np.linalg.inv(scale)).astype(np.float32)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-5)
    kind = cv2.MOTION_AFFINE if affine else cv2.MOTION_HOMOGRAPHY
    try:
        found, moved = cv2.findTransformECC(
            pictures[0], pictures[1], at_level[:2].copy() if affine else at_level, kind, stop, None, 5
        )
    except cv2.error:  # it diverged
        return None
    whole = np.vstack((moved, (0, 0, 1))) if affine else moved
    back = np.linalg.inv(scale) @ whole.astype(np.float64) @ scale
    sane = (
        np.isfinite(back).all() and 0.2 < abs(np.linalg.det(back[:2, :2])) / np.linalg.det(warp[:2, :2]) < 5
    )
    return (float(found), back) if sane else None


def _voted(
    found: Sequence[Matrix], pairs: int, color_size: tuple[int, int], x_size: tuple[int, int]
) -> Alignment:
    """Return the median of the corners over all estimates that agree with the one that has the most votes."""
    height, width = x_size
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    placed = np.array([moved(corners, matrix) for matrix in found])
    apart = np.linalg.norm(placed[:, None] - placed[None], axis=-1).max(-1)
    agrees = apart <= AGREE * float(np.hypot(*color_size))
    best = int(agrees.sum(1).argmax())
    mine = placed[agrees[best]]
    middle = np.median(mine, axis=0)
    matrix = load_cv2().getPerspectiveTransform(corners.astype(np.float32), middle.astype(np.float32))
    spread = float(np.median(np.linalg.norm(mine - middle, axis=-1)))
    return Alignment(np.asarray(matrix, np.float64), len(mine), pairs, spread)


def moved(points: Matrix, homography: Matrix) -> Matrix:
    """Return points (N, 2) mapped by a homography."""
    through = np.column_stack((points, np.ones(len(points)))) @ homography.T
    return np.asarray(through[:, :2] / through[:, 2:], np.float64)


def overlaid(color: Pixels, x: Pixels, homography: Matrix) -> Pixels:
    """Return the color image with the edges of the second sensor's in green, uint8 (H, W, 3) BGR."""
    cv2 = load_cv2()
    seen = cv2.warpPerspective(_shown_edges(x), homography, (color.shape[1], color.shape[0]))
    out: Pixels = (color // 2 + 40).astype(np.uint8)
    out[seen > 127] = (80, 255, 80)
    return out


def _shown_edges(picture: Pixels) -> Pixels:
    strength = _edges(picture, 1.0)
    return np.where(strength > np.percentile(strength, 93), 255, 0).astype(np.uint8)
