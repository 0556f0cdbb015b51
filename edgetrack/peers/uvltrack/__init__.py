"""UVLTrack (AAAI 2024) on ONNX Runtime: follows what a sentence, a box, or both name, as its published pipeline does.

Every 20 frames the prompts are made anew from the frame since then in which the target was clearest. The template
stays. There is no sign of absence: every track is "tracking", and its score says how sure the network is of the cell.
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
UPDATE_INTERVAL, UPDATE_SCORE = 20, 0.5  # frames; the least score of a frame that prompts are made of


class Best(NamedTuple):
    """The clearest frame since the prompts were made."""

    score: float
    encoded: Encoded
    box: Floats  # x, y, w, h in units of the search image


class UVLTracker:
    """Follows one target.

    Args:
        folder: what ``edgetrack export uvltrack`` wrote.
        threads: that one network call may use.
        precision: of the graphs; for "bf16" and "int8-bf16" OpenVINO computes those that run in each frame.
        interval: frames after which the prompts are made anew.
        least: score of a frame that they may be made of.
        name: of the adapter that wrote the folder, for messages.

    Raises:
        BundleError: a graph is missing or is another tracker's.
        EngineUnavailable, MissingExtra: there is no bfloat16 here, or no OpenVINO.
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
        """Learns the target in ``frame``, uint8 (H, W, 3) BGR: in ``box``, or where ``text`` says.

        Raises:
            BoxError: the box is as large as no frame.
            ConfigError: neither text nor box.
            PromptError: a text without a word.
        """
        if text is None and box is None:
            raise ConfigError("nothing to track; give start() a text, a box (x, y, w, h), or both")
        pixels, self._index = check_packed(frame), -1  # what fails below leaves no target
        network = self._network
        self._text = network.nothing if text is None else network.encode_text(text)
        found, score = (Box.of(box), 1.0) if box is not None else self._ground(pixels)
        self._learn(pixels, found)
        self._box, self._index, self._pending = found, 0, ""
        return Track(found, score, "tracking", 0)

    def update(self, frame: NDArray[np.uint8]) -> Track:
        """Finds the target in the next frame, uint8 (H, W, 3) BGR.

        Raises:
            NotStartedError: there is no target yet.
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
        """Looks for what ``text`` says in the whole of the next frame.

        Raises:
            PromptError: a text without a word.
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
        """Make the prompts anew from the clearest frame where they are due."""
        if self._best is None or found.score > self._best.score:
            self._best = found
        if (self._index + 1) % self._interval == 0 and self._best.score > self._least:
            self._prompt(self._best.encoded, self._best.box)
            self._best = None

    def _ground(self, pixels: NDArray[np.uint8]) -> tuple[Box, float]:
        """Where the text says, in the whole frame; and how sure."""
        network = self._network
        seen = network.encode(whole_frame(pixels, network.search), network.nothing, self._text)
        scores, boxes = network.run("ground", search_features=seen.search, token=seen.token)
        best, (height, width) = int(scores.argmax()), pixels.shape[:2]
        x, y, w, h = (float(v) for v in _corner(boxes[0, best]) * np.float32(max(height, width)))
        box = Box(x + min(0, (width - height) / 2), y + min(0, (height - width) / 2), w, h)
        return box, float(scores[0, best])

    def _learn(self, pixels: NDArray[np.uint8], box: Box) -> None:
        """Take the template, and make the prompts of this frame."""
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
    """Opens the published versions; needs no code of the user's."""

    modes: tuple[Mode, ...] = ("nl", "bbox", "nlbbox")
    precisions = tuple(COMPUTED)

    def open(self, folder: Path, *, threads: int, precision: str = "fp32") -> UVLTracker:
        """The tracker on the graphs in ``folder``."""
        return UVLTracker(folder, threads=threads, precision=precision)


def _corner(box: Floats) -> Floats:
    """x, y, w, h of a center and a size."""
    return np.concatenate([box[:2] - box[2:] / 2, box[2:]])
