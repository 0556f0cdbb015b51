"""UVLTrack (AAAI 2024) on ONNX Runtime: tracks a target given by sentence, box, or both, as published.

Every 20 frames, the prompts are updated from the frame with the highest score since the last update. The template is
not updated. Absence is not detected: every track is "tracking", with the network's confidence in the cell as its score.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgetrack.crop import check_packed
from edgetrack.errors import ConfigError, NotStartedError
from edgetrack.peers import Mode
from edgetrack.peers.bundle import COMPUTED
from edgetrack.peers.crops import box_in, cells_of, clipped, crop_square, whole_frame
from edgetrack.peers.uvltrack.runtime import NAME, PATCH, Encoded, Floats, Network
from edgetrack.types import Box, Track

__all__ = ["NAME", "PATCH", "Published", "UVLTracker"]
TEMPLATE_FACTOR = 2.0  # side of the template over sqrt(w * h) of the box
UPDATE_INTERVAL, UPDATE_SCORE = 20, 0.5  # frames; minimum score of a frame for updating the prompts


class Best(NamedTuple):
    """The frame with the highest score since the last update of the prompts."""

    score: float
    encoded: Encoded
    box: Floats  # x, y, w, h in units of the search image


class UVLTracker:
    """Tracks one target.

    Args:
        folder: folder written by ``edgetrack export uvltrack``.
        threads: number of threads of one network call.
        precision: precision of the graphs; for "bf16" and "int8-bf16", OpenVINO runs the graphs of each frame.
        interval: frames between updates of the prompts.
        least: minimum score of a frame for updating the prompts.
        name: name of the adapter that wrote the folder, for error messages.

    Raises:
        BundleError: a graph is missing or belongs to another tracker.
        EngineUnavailable, MissingExtra: bfloat16 is not supported, or OpenVINO is not installed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        threads: int | None = None,
        precision: str = "fp32",
        interval: int = UPDATE_INTERVAL,
        least: float = UPDATE_SCORE,
        name: str = NAME,
    ) -> None:
        self._network = Network(folder, threads=threads, precision=precision, name=name)
        self._interval, self._least = interval, least
        hann = np.hanning(self._network.search // PATCH)
        self._window = np.outer(hann, hann).reshape(-1)
        self._best: Best | None = None
        self._index, self._pending = -1, ""

    def start(self, frame: NDArray[np.uint8], *, text: str | None = None, box: Any = None) -> Track:
        """Set the target in ``frame``, uint8 (H, W, 3) BGR, by ``box`` or by ``text``.

        Raises:
            BoxError: the box is too large.
            ConfigError: neither text nor box is given.
            PromptError: the text has no word.
        """
        if text is None and box is None:
            raise ConfigError("nothing to track; give start() a text, a box (x, y, w, h), or both")
        pixels, self._index = check_packed(frame), -1  # if one of the following steps fails, no target is set
        network = self._network
        self._text = network.nothing if text is None else network.encode_text(text)
        found, score = (Box.of(box), 1.0) if box is not None else self._ground(pixels)
        self._learn(pixels, found)
        self._box, self._index, self._pending = found, 0, ""
        return Track(found, score, "tracking", 0)

    def update(self, frame: NDArray[np.uint8]) -> Track:
        """Find the target in the next frame, uint8 (H, W, 3) BGR.

        Raises:
            NotStartedError: no target is set.
        """
        if self._index < 0:
            raise NotStartedError("update() before start(); call start(frame, ...) first")
        index = self._index + 1
        if self._pending:
            track = self.start(frame, text=self._pending)
            self._index = index
            return Track(track.box, track.score, "tracking", index)
        score = self._follow(check_packed(frame))
        self._index = index
        return Track(self._box, score, "tracking", index)

    def set_text(self, text: str) -> None:
        """Set a new text, and search the whole next frame for it.

        Raises:
            PromptError: the text has no word.
        """
        self._network.ids(text)
        self._pending = text

    def _follow(self, pixels: NDArray[np.uint8]) -> float:
        network = self._network
        crop = crop_square(pixels, self._box, network.factor, network.search)
        seen = network.encode(crop.image, self._tokens, self._text)
        scores, likely, boxes = network.run("head", search_features=seen.search, prompts=self._prompts)
        sure = (scores * likely)[0]
        best = int((scores[0] * self._window * likely[0]).argmax())
        x, y, w, h = boxes[0, best] * np.float32(crop.side)
        left, top = (middle - crop.side / 2 for middle in self._box.center)
        box = Box(left + float(x - w / 2), top + float(y - h / 2), float(w), float(h))
        self._box = clipped(box, pixels.shape[:2])
        self._remember(Best(float(sure[best]), seen, _corner(boxes[0, best])))
        return float(sure[best])

    def _remember(self, found: Best) -> None:
        """Update the prompts from the best frame if they are due."""
        if self._best is None or found.score > self._best.score:
            self._best = found
        if (self._index + 1) % self._interval == 0 and self._best.score > self._least:
            self._prompt(self._best.encoded, self._best.box)
            self._best = None

    def _ground(self, pixels: NDArray[np.uint8]) -> tuple[Box, float]:
        """Return the box and score of the text in the whole frame."""
        network = self._network
        seen = network.encode(whole_frame(pixels, network.search), network.nothing, self._text)
        scores, boxes = network.run("ground", search_features=seen.search, token=seen.token)
        best, (height, width) = int(scores.argmax()), pixels.shape[:2]
        x, y, w, h = (float(v) for v in _corner(boxes[0, best]) * np.float32(max(height, width)))
        box = Box(x + min(0, (width - height) / 2), y + min(0, (height - width) / 2), w, h)
        return box, float(scores[0, best])

    def _learn(self, pixels: NDArray[np.uint8], box: Box) -> None:
        """Set the template and the prompts from a frame."""
        network = self._network
        template = crop_square(pixels, box, TEMPLATE_FACTOR, network.template)
        context = crop_square(pixels, box, network.factor, network.search)
        (self._tokens,) = network.run("template", image=template.image)
        self._mask = cells_of(box_in(template, box), network.template // PATCH)
        self._prompt(network.encode(context.image, self._tokens, self._text), box_in(context, box))
        self._best = None

    def _prompt(self, seen: Encoded, box: NDArray[np.floating]) -> None:
        cells = cells_of(box, self._network.search // PATCH)
        self._prompts = self._network.prompts(seen, np.concatenate([self._mask, cells]))


class Published:
    """Opens the published versions; requires no user code."""

    modes: tuple[Mode, ...] = ("nl", "bbox", "nlbbox")
    precisions = tuple(COMPUTED)

    def open(self, folder: Path, *, threads: int, precision: str = "fp32") -> UVLTracker:
        """Open the tracker with the graphs in ``folder``."""
        return UVLTracker(folder, threads=threads, precision=precision)


def _corner(box: Floats) -> Floats:
    """Convert center and size to x, y, w, h."""
    return np.concatenate([box[:2] - box[2:] / 2, box[2:]])
