"""Background subtraction with a running mean of the view at reduced resolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.io.opencv import load_cv2
from edgetrack.types import Box

Pixels = NDArray[np.uint8]

WIDTH = 160  # pixels of the reduced picture; its height follows from the frame
MAX_HEIGHT = 640  # largest height of the reduced picture, for frames that are very narrow
SETTLE_S = 10.0  # time constant of the background
ABSORB_S = 180.0  # time after which a still object becomes background
NOISE_S = 30.0  # time constant of the noise of a pixel
MIN_DIFFERENCE = 18  # smallest difference of foreground, in gray levels
NOISE_FACTOR = (
    4.0  # smallest difference of foreground, in multiples of the pixel's noise (leaves, water, shaking)
)
MIN_AREA = 8  # pixels of the reduced picture
MAX_SHARE = 0.6  # fraction of the picture; more is a change of light or of the view, not an object
MAX_BLOBS = 32  # number of largest patches that are kept


@dataclass(frozen=True, slots=True)
class Blob:
    """A connected patch of foreground.

    Attributes:
        box: its bounding box in pixels of the frame.
        color: mean of its pixels, (B, G, R), 0..255.
    """

    box: Box
    color: tuple[float, float, float]


class Foreground:
    """Finds the patches of a view that differ from its background.

    The background and the noise of each pixel are exponentially weighted means (Wren et al., "Pfinder", 1997, with
    absolute instead of squared differences). Foreground pixels are excluded from the background, and become
    background at once after `ABSORB_S`, so that objects that leave earlier leave no ghost.
    """

    def __init__(self) -> None:
        self._cv2 = load_cv2()
        self._kernel = np.ones((3, 3), np.uint8)
        self.background: NDArray[np.float32] | None = None  # (h, w, 3) BGR
        self.noise: NDArray[np.float32] | None = None  # (h, w), gray levels
        self.seconds = 0.0  # seconds since the background was initialized
        self._covered_s: NDArray[np.float32] = np.zeros(
            (0, 0), np.float32
        )  # (h, w), seconds of uninterrupted foreground

    def find(self, pixels: Pixels, step_s: float) -> list[Blob]:
        """Return the patches of a frame, largest first, and update the background.

        Args:
            pixels: uint8 (H, W, 3) BGR.
            step_s: seconds since the previous frame, at least 0.
        """
        cv2, small = self._cv2, self._reduce(pixels)
        if self.background is None or self.noise is None or self.background.shape != small.shape:
            self._begin(small)
            return []
        channels = cv2.split(cv2.absdiff(small, cv2.convertScaleAbs(self.background)))
        difference = cv2.max(cv2.max(channels[0], channels[1]), channels[2])
        limit = cv2.max(cv2.convertScaleAbs(self.noise, alpha=NOISE_FACTOR), MIN_DIFFERENCE)
        mask = cv2.medianBlur(cv2.compare(difference, limit, cv2.CMP_GT), 3)
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, self._kernel)
        if cv2.countNonZero(mask) > MAX_SHARE * mask.size:
            self._begin(small)
            return []
        self._follow(small, difference, mask, step_s)
        return self._blobs(small, mask, pixels.shape[1] / small.shape[1], pixels.shape[0] / small.shape[0])

    def _reduce(self, pixels: Pixels) -> Pixels:
        height, width = pixels.shape[:2]
        stride = max(
            1, width // (3 * WIDTH)
        )  # skips pixels of large frames, whose mean would take longer than everything else
        size = (WIDTH, min(max(round(WIDTH * height / width), 8), MAX_HEIGHT))
        thin = np.ascontiguousarray(pixels[::stride, ::stride])
        small: Pixels = self._cv2.resize(thin, size, interpolation=self._cv2.INTER_AREA)
        return small

    def _begin(self, small: Pixels) -> None:
        self.background = small.astype(np.float32)
        self.noise = np.zeros(small.shape[:2], np.float32)
        self.seconds = 0.0
        self._covered_s = np.zeros(small.shape[:2], np.float32)

    def _follow(self, small: Pixels, difference: Pixels, mask: Pixels, step_s: float) -> None:
        self.seconds += step_s
        free = self._cv2.bitwise_not(mask)
        # A mean of all frames at first, so that objects in the first frame disappear soon.
        share = _weight(step_s, min(SETTLE_S, max(self.seconds, 1.0)))
        self._cv2.accumulateWeighted(small, self.background, share, mask=free)
        if self.seconds < SETTLE_S:
            self._cv2.accumulateWeighted(small, self.background, share, mask=mask)
        covered = self._cv2.add(self._covered_s, step_s, mask=mask)  # 0 where the background is visible
        if float(covered.max()) > ABSORB_S:
            self._cv2.accumulateWeighted(
                small, self.background, 1.0, mask=(covered > ABSORB_S).view(np.uint8)
            )
        self._covered_s = covered
        self._cv2.accumulateWeighted(difference, self.noise, _weight(step_s, NOISE_S), mask=free)

    def _blobs(self, small: Pixels, mask: Pixels, scale_x: float, scale_y: float) -> list[Blob]:
        count, labels, stats, _ = self._cv2.connectedComponentsWithStats(mask, connectivity=8)
        order = sorted(range(1, count), key=lambda i: (-int(stats[i, 4]), i))
        blobs = []
        for label in order[:MAX_BLOBS]:
            x, y, w, h, area = (int(v) for v in stats[label])
            if area < MIN_AREA:
                break
            inside = (labels[y : y + h, x : x + w] == label).astype(np.uint8)
            blue, green, red, _ = self._cv2.mean(small[y : y + h, x : x + w], inside)
            box = Box(x * scale_x, y * scale_y, w * scale_x, h * scale_y)
            blobs.append(Blob(box, (float(blue), float(green), float(red))))
        return blobs


def mean_color(pixels: Any, box: Box) -> tuple[float, float, float]:
    """Return the mean (B, G, R), 0..255, of the middle of a box, from at most about 16 x 16 pixels."""
    height, width = pixels.shape[:2]
    x1, x2 = (int(np.clip(box.x + share * box.w, 0, width - 1)) for share in (0.25, 0.75))
    y1, y2 = (int(np.clip(box.y + share * box.h, 0, height - 1)) for share in (0.25, 0.75))
    patch = pixels[y1 : y2 + 1 : max(1, (y2 - y1) // 16), x1 : x2 + 1 : max(1, (x2 - x1) // 16)]
    blue, green, red = patch.reshape(-1, 3).mean(axis=0)
    return float(blue), float(green), float(red)


def _weight(step_s: float, constant_s: float) -> float:
    """Return the weight of the newest value in an exponentially weighted mean."""
    return float(1 - np.exp(-step_s / constant_s))
