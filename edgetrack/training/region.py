"""Training samples for a tracker with a smaller search region."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from edgetrack.network.region import SearchRegion
from edgetrack.training.data.synthetic.crops import SEARCH_FACTOR
from edgetrack.training.data.synthetic.warps import SEARCH


def narrowed(arrays: dict[str, Any], region: SearchRegion) -> dict[str, Any]:
    """Convert tracking samples to a search region ``region``: the center of each search image, rescaled.

    This changes ``search`` uint8 (B, 256, 256, 3), ``box`` (B, 4) xywh in its pixels, and ``present`` (B,); a target
    whose center is then outside becomes absent.
    """
    if region == SearchRegion():
        return arrays
    cut = round(SEARCH * region.factor / SEARCH_FACTOR)
    low = (SEARCH - cut) // 2
    middle = arrays["search"][:, low : low + cut, low : low + cut]
    search = np.stack(
        [cv2.resize(image, (region.side, region.side), interpolation=cv2.INTER_AREA) for image in middle]
    )
    box = np.asarray(arrays["box"], np.float32).copy()
    box[:, :2] -= low
    center = box[:, :2] + box[:, 2:] / 2
    inside = ((center >= 0) & (center < cut)).all(1)  # false without a box
    present = np.asarray(arrays["present"], np.float32) * inside
    return {**arrays, "search": search, "box": box * (region.side / cut), "present": present}
