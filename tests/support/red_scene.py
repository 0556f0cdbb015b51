"""A scene for the engine that finds red, and a tokenizer for it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetrack._native import runtime
from edgetrack.errors import PromptError


def scene(box: tuple[int, int, int, int] | None, *, width: int = 640, height: int = 480) -> NDArray[np.uint8]:
    """Draw a gray frame with a red rectangle (BGR)."""
    frame = np.full((height, width, 3), 128, np.uint8)
    if box is not None:
        x, y, w, h = box
        frame[y : y + h, x : x + w] = (0, 0, 255)
    return frame


class FakeTokenizer:
    def __init__(self, _: object) -> None: ...

    def encode(self, text: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        if not isinstance(text, str) or not text.strip():
            raise PromptError("text is empty")
        return np.ones((1, 24), np.int64), np.ones((1, 24), np.float32)

    def text(self, text: str) -> runtime.Text:
        return runtime.Text(*self.encode(text))
