"""SUTrack (AAAI 2025) on ONNX Runtime: tracks a box in color, with or without X, as its published pipeline does.

X is an aligned image of another sensor: thermal or event images unchanged, depth images converted by
``depth_picture``. Without it, color is used twice, as published. A sentence may describe the target in addition to its
box, but cannot replace the box. Absence is not detected: every track is "tracking", with the network's confidence as
its score.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack._imports import require
from edgetrack.errors import BundleError, ConfigError, FrameError, NotStartedError, PromptError
from edgetrack.peers import Mode
from edgetrack.peers.crops import Crop
from edgetrack.peers.pairs import (
    SEARCH_FACTOR,
    TEMPLATE_FACTOR,
    box_in_frame,
    crop_pair,
    hann_window,
)
from edgetrack.peers.sessions import open_session, run
from edgetrack.prompt import check_unicode
from edgetrack.types import Box, Track

NAME = "sutrack"
PATCH = 16  # side in pixels
UPDATE_INTERVAL, UPDATE_SCORE = 25, 0.7  # frames; minimum score for replacing the second template
Floats = NDArray[np.float32]


class SUTracker:
    """Tracks one target given by a box, or by a box and a text.

    Args:
        folder: folder written by ``edgetrack export sutrack``.
        threads: number of threads of one network call.
        interval: frames after which the second template of a network with two templates may be replaced.
        least: minimum score for that.

    Raises:
        BundleError: a graph is missing or belongs to another tracker.
        MissingExtra: the bundle takes texts, but the package tokenizers is not installed.
    """

    takes_x = True

    def __init__(
        self,
        folder: Path,
        *,
        threads: int | None = None,
        interval: int = UPDATE_INTERVAL,
        least: float = UPDATE_SCORE,
    ) -> None:
        self._learn, self._look = (
            open_session(folder / f"{n}.onnx", threads, NAME) for n in ("template", "search")
        )
        shapes = [tuple(value.shape) for graph in (self._learn, self._look) for value in graph.get_inputs()]
        if [len(shape) for shape in shapes] != [4, 2, 4, 3] or any(shapes[n][:2] != (1, 6) for n in (0, 2)):
            raise BundleError(
                f"{folder} contains another tracker; expected what 'edgetrack export {NAME}' writes"
            )
        self._template, self._search = int(shapes[0][3]), int(shapes[2][3])
        self._count = (shapes[3][1] - 1) // shapes[1][1]  # number of templates
        self._window = hann_window(self._search // PATCH)
        self._interval, self._least = interval, least
        text = folder / "text.onnx"
        self._text = Sentences(text, threads) if text.exists() else None
        self._index = -1

    def start(
        self,
        frame: NDArray[np.uint8],
        *,
        text: str | None = None,
        box: Any = None,
        x: NDArray[np.uint8] | None = None,
    ) -> Track:
        """Set the target to ``box`` in ``frame``, and in ``x`` if it is given, both uint8 (H, W, 3) BGR.

        Raises:
            BoxError: the box is too large.
            ConfigError: no box is given, or a text for a bundle without a tokenizer.
            FrameError: ``x`` has another size.
            PromptError: the text has no word.
        """
        if box is None:
            raise ConfigError(f"{NAME} starts from a box; call start(frame, box=...)")
        if text is not None and self._text is None:
            raise ConfigError(
                f"this bundle of {NAME} takes no text; export it with --weights tokenizer.json, or give a box only"
            )
        self._index, self._box = -1, Box.of(box)  # if one of the following steps fails, no target is set
        tokens = self._tokens(frame, x)
        self._templates = [tokens[:, :-1]] * self._count
        self._sentence = tokens[:, -1:] if text is None or self._text is None else self._text.token(text)
        self._index, self._paired = 0, x is not None
        return Track(self._box, 1.0, "tracking", 0)

    def update(self, frame: NDArray[np.uint8], *, x: NDArray[np.uint8] | None = None) -> Track:
        """Find the target in the next frame or pair, uint8 (H, W, 3) BGR.

        Raises:
            FrameError: ``x`` has another size, or is given although it was not given to ``start``, or vice versa.
            NotStartedError: no target is set.
        """
        if self._index < 0:
            raise NotStartedError("update() before start(); call start(frame, box=...) first")
        if self._paired != (x is not None):
            with_x, without = ("start()", "update()") if self._paired else ("update()", "start()")
            raise FrameError(f"{with_x} got x, but {without} did not; give x with every frame, or with none")
        crop = self._crop(frame, x, SEARCH_FACTOR, self._search)
        target = np.concatenate([*self._templates, self._sentence], 1)
        scores, boxes = run(self._look, pair=crop.image, target=target)
        response = scores[0] * self._window
        best = int(response.argmax())
        self._box = box_in_frame(boxes[0, best], crop.side, self._box, frame.shape[:2])
        self._index += 1
        if self._count > 1 and self._index % self._interval == 0 and response[best] > self._least:
            self._templates[1:] = [*self._templates[2:], self._tokens(frame, x)[:, :-1]]
        return Track(self._box, float(response[best]), "tracking", self._index)

    def set_text(self, text: str) -> None:
        """Raise ConfigError, because a text alone is not supported."""
        raise ConfigError(f"{NAME} takes a text only together with a box: start(frame, box=..., text=...)")

    def _tokens(self, frame: NDArray[np.uint8], x: NDArray[np.uint8] | None) -> Floats:
        """Return the tokens of a template around the box, and of an empty sentence, (1, Z + 1, D)."""
        crop = self._crop(frame, x, TEMPLATE_FACTOR, self._template)
        inside = inside_of(self._box, crop.side, self._template)
        tokens: Floats = run(self._learn, pair=crop.image, inside=inside[None])[0]
        return tokens

    def _crop(self, frame: NDArray[np.uint8], x: NDArray[np.uint8] | None, factor: float, size: int) -> Crop:
        return crop_pair(frame, frame if x is None else x, self._box, factor=factor, size=size)


class Sentences:
    """Encodes sentences to tokens.

    Args:
        path: path of the graph ``text``.
        threads: number of threads.

    Raises:
        BundleError: the file is damaged or belongs to another tracker.
        MissingExtra: the package tokenizers is not installed.
    """

    def __init__(self, path: Path, threads: int | None) -> None:
        require("tokenizers", extra="hf")
        self._session = open_session(path, threads, NAME)
        try:
            known = self._session.get_modelmeta().custom_metadata_map
            self._tokenizer = tokenizer_of(known["tokenizer"])
            self._tokenizer.enable_truncation(int(known["length"]))
        except Exception as error:  # tokenizers' errors have no common base class except Exception
            raise BundleError(
                f"{path} belongs to another tracker ({type(error).__name__}: {error}); expected what 'edgetrack export "
                f"{NAME}' writes"
            ) from error

    def token(self, text: str) -> Floats:
        """Return the token of ``text``, (1, 1, D).

        Raises:
            PromptError: the text has no word.
        """
        if not check_unicode(text).strip():
            raise PromptError(f"text {text!r:.80} contains no word; expected a text such as 'red car'")
        ids = np.array([self._tokenizer.encode(text).ids], np.int64)
        token: Floats = run(self._session, ids=ids)[0]
        return token


class Published:
    """Opens the published versions; requires no user code."""

    modes: tuple[Mode, ...] = ("bbox", "nlbbox")

    def open(self, folder: Path, *, threads: int) -> SUTracker:
        """Open the tracker with the graphs in ``folder``."""
        return SUTracker(folder, threads=threads)


def tokenizer_of(content: str) -> Any:
    """Return CLIP's tokenizer, of the package tokenizers, from the content of ``tokenizer.json``."""
    tokenizer = require("tokenizers", extra="hf").Tokenizer.from_str(content)
    tokenizer.no_padding()
    return tokenizer


def inside_of(box: Box, side: int, size: int) -> Floats:
    """Return the fraction of each cell of a template that is inside the box, 0..1, (Z,), as published.

    Args:
        box: box around which the template was cut, in pixels of the frame.
        side: side of the template in pixels of the frame.
        size: side of the template's image in pixels.
    """
    masks = []
    for length in (np.float32(box.w), np.float32(box.h)):
        extent = length * np.float32(size / side)
        corner = np.float32((size - 1) / 2) - np.float32(0.5) * extent
        first, pixels = (value / np.float32(size - 1) * np.float32(size) for value in (corner, extent))
        places = np.arange(size, dtype=np.float32)
        masks.append(((places >= first) & (places < first + pixels)).astype(np.float32))
    across, down = (mask.reshape(-1, PATCH).mean(1) for mask in masks)
    inside: Floats = np.outer(down, across).reshape(-1)
    return inside
