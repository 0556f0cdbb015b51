"""How much of the frame a tracker searches, and with how many pixels: what makes a preset fast."""

from __future__ import annotations

from typing import NamedTuple


class SearchRegion(NamedTuple):
    """The square in which the next box is looked for."""

    side: int = 256  # pixels of the network's image
    factor: float = 4.0  # side of the region over sqrt(w * h) of the box
