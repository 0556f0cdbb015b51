"""Size and resolution of a tracker's search region, which determine how fast a model is."""

from __future__ import annotations

from typing import NamedTuple


class SearchRegion(NamedTuple):
    """The square that is searched for the next box."""

    side: int = 256  # side of the network's input in pixels
    factor: float = 4.0  # side of the region divided by sqrt(w * h) of the box
