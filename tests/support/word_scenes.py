"""Things in a row, and sentences about them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from phrase_cases import PARSED

from edgetrack._runtime import Query, parse_phrase

WIDTH, HEIGHT = 640.0, 480.0


MIRROR = {"left": "right", "right": "left"}


SENTENCES = sorted(PARSED)


def scores_of(query: Query, rows: dict[str, list[float]]) -> NDArray[np.float64]:
    return np.array([rows[phrase] for phrase, _ in query.parts])


def row(*centers: float, side: float = 60) -> NDArray[np.float64]:
    """Squares in the middle of the frame's height, at these abscissas."""
    return np.array([(x - side / 2, HEIGHT / 2 - side / 2, side, side) for x in centers])


def best(sentence: str, boxes: NDArray[np.float64], rows: dict[str, list[float]]) -> int:
    query = parse_phrase(sentence)
    return int(np.argmax(query.resolve(boxes, WIDTH, HEIGHT, scores_of(query, rows))))
