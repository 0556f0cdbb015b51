"""UVLTrack (AAAI 2024) on ONNX Runtime: follows what a sentence, a box, or both name, as its published pipeline does.

Every 20 frames the prompts are made anew from the frame since then in which the target was clearest. The template
stays. There is no sign of absence: every track is "tracking", and its score says how sure the network is of the cell.
"""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgetrack.crop import check_packed
from edgetrack.errors import BundleError, ConfigError, NotStartedError
from edgetrack.peers import Mode
from edgetrack.peers.crops import box_in, cells_of, clipped, crop_square, whole_frame
from edgetrack.peers.sessions import Bf16Session, open_session, run
from edgetrack.prompt import Tokenizer
from edgetrack.types import Box, Track

NAME = "uvltrack"
PATCH = 16  # pixels, a side
TEXT_LENGTH = 40  # tokens, [CLS] and [SEP] included; the rest of a sentence is cut off
TEMPLATE_FACTOR = 2.0  # side of the template over sqrt(w * h) of the box
GRAPHS = ("text", "template", "encode", "head", "ground", "prompt")
UPDATE_INTERVAL, UPDATE_SCORE = 20, 0.5  # frames; the least score of a frame that prompts are made of
Floats = NDArray[np.float32]


class Encoded(NamedTuple):
    """What the network made of a frame."""

    search: Floats  # (1, S, D)
    template: Floats  # (1, 1 + Z, D), or (1, 0, D) by text alone; the first token stands for the image
    text: Floats  # (1, T, D), or (1, 0, D) without a text; the first token stands for the sentence

    @property
    def token(self) -> Floats:
        """What stands for the target, (1, 1, D): the image's token, the sentence's, or their mean."""
        tokens = [part[:, :1] for part in (self.template, self.text) if part.shape[1]]
        mean: Floats = np.mean(tokens, axis=0, dtype=np.float32)
        return mean


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
        precision: "fp32", or "bf16": then OpenVINO computes ``encode``, nearly all of the work.
        interval: frames after which the prompts are made anew.
        least: score of a frame that they may be made of.

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
    ) -> None:
        self._sessions: dict[str, Any] = {}
        for name in GRAPHS:
            opened = Bf16Session if (name, precision) == ("encode", "bf16") else open_session
            self._sessions[name] = opened(folder / f"{name}.onnx", threads, NAME)
        self._interval, self._least = interval, least
        try:
            known = self._sessions["text"].get_modelmeta().custom_metadata_map
            self._factor = float(known["search_factor"])
            self._tokenizer = _tokenizer(known["tokenizer"])
            (self._search, self._width), self._template = _sizes(self._sessions)
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise BundleError(
                f"{folder} holds another tracker ({type(error).__name__}: {error}); expected what 'edgetrack export "
                f"{NAME}' writes"
            ) from error
        hann = np.hanning(self._search // PATCH)
        self._window = np.outer(hann, hann).reshape(-1)
        self._nothing = np.zeros((1, 0, self._width), np.float32)
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
        self._text = self._nothing if text is None else self._encode_text(text)
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
        self._ids(text)
        self._pending = text

    def _follow(self, pixels: NDArray[np.uint8]) -> float:
        crop = crop_square(pixels, self._box, self._factor, self._search)
        seen = self._encode(crop.image, self._tokens, self._text)
        scores, likely, boxes = self._run("head", search_features=seen.search, prompts=self._prompts)
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
        seen = self._encode(whole_frame(pixels, self._search), self._nothing, self._text)
        scores, boxes = self._run("ground", search_features=seen.search, token=seen.token)
        best, (height, width) = int(scores.argmax()), pixels.shape[:2]
        x, y, w, h = (float(v) for v in _corner(boxes[0, best]) * np.float32(max(height, width)))
        box = Box(x + min(0, (width - height) / 2), y + min(0, (height - width) / 2), w, h)
        return box, float(scores[0, best])

    def _learn(self, pixels: NDArray[np.uint8], box: Box) -> None:
        """Take the template, and make the prompts of this frame."""
        template = crop_square(pixels, box, TEMPLATE_FACTOR, self._template)
        context = crop_square(pixels, box, self._factor, self._search)
        (self._tokens,) = self._run("template", image=template.image)
        self._mask = cells_of(box_in(template, box), self._template // PATCH)
        self._prompt(self._encode(context.image, self._tokens, self._text), box_in(context, box))
        self._best = None

    def _prompt(self, seen: Encoded, box: NDArray[np.floating]) -> None:
        target = np.concatenate([self._mask, cells_of(box, self._search // PATCH)])[None].astype(np.float32)
        features = np.concatenate([seen.template[:, 1:], seen.search], 1)
        (self._prompts,) = self._run("prompt", token=seen.token, features=features, target=target)

    def _ids(self, text: str) -> NDArray[np.int64]:
        ids = self._tokenizer.tokens(text)
        return np.array([[*ids[: TEXT_LENGTH - 1], *ids[TEXT_LENGTH - 1 :][-1:]]], np.int64)

    def _encode_text(self, text: str) -> Floats:
        tokens: Floats = self._run("text", ids=self._ids(text))[0]
        return tokens

    def _encode(self, image: Floats, template: Floats, text: Floats) -> Encoded:
        return Encoded(*self._run("encode", image=image, template=template, text=text))

    def _run(self, name: str, **feeds: NDArray[Any]) -> list[Any]:
        return run(self._sessions[name], **feeds)


class Published:
    """Opens the published versions; needs no code of the user's."""

    modes: tuple[Mode, ...] = ("nl", "bbox", "nlbbox")
    precisions = ("bf16",)

    def open(self, folder: Path, *, threads: int, precision: str = "fp32") -> UVLTracker:
        """The tracker on the graphs in ``folder``."""
        return UVLTracker(folder, threads=threads, precision=precision)


def _corner(box: Floats) -> Floats:
    """x, y, w, h of a center and a size."""
    return np.concatenate([box[:2] - box[2:] / 2, box[2:]])


def _sizes(sessions: dict[str, Any]) -> tuple[tuple[int, int], int]:
    """Side of the search image, channels of a token, side of the template."""
    _, cells, width = sessions["head"].get_inputs()[0].shape
    return (PATCH * math.isqrt(cells), int(width)), int(sessions["template"].get_inputs()[0].shape[3])


def _tokenizer(content: str) -> Tokenizer:
    json.loads(content)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        path.write_text(content, encoding="utf-8")
        return Tokenizer.from_file(path, length=TEXT_LENGTH)
