"""Runs the graphs of a UVLTrack bundle on arrays."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import BundleError
from edgetrack.peers.sessions import open_graph, run
from edgetrack.peers.uvltrack.vocabulary import WordPieces

NAME = "uvltrack"
PATCH = 16  # side in pixels
GRAPHS = ("text", "template", "encode", "head", "ground", "prompt")
EACH_FRAME = ("encode", "head")
Floats = NDArray[np.float32]


class Encoded(NamedTuple):
    """The features of a frame."""

    search: Floats  # (1, S, D)
    template: Floats  # (1, 1 + Z, D), or (1, 0, D) in text mode; the first token represents the image
    text: Floats  # (1, T, D), or (1, 0, D) without a text; the first token represents the sentence

    @property
    def token(self) -> Floats:
        """Return the token of the target, (1, 1, D): that of the image, of the sentence, or their mean."""
        tokens = [part[:, :1] for part in (self.template, self.text) if part.shape[1]]
        mean: Floats = np.mean(tokens, axis=0, dtype=np.float32)
        return mean


class Network:
    """The network of a bundle.

    Attributes:
        search: side of the search image in pixels.
        template: side of the template's image in pixels.
        factor: side of the search region over sqrt(w * h) of the box.
        nothing: empty tokens in place of template or text, (1, 0, D).

    Args:
        folder: folder written by ``edgetrack export uvltrack``.
        threads: number of threads of one call.
        precision: precision of the graphs; for "bf16" and "int8-bf16", OpenVINO runs ``EACH_FRAME``.
        name: name of the adapter that wrote it, for error messages.

    Raises:
        BundleError: a graph is missing or belongs to another tracker.
        EngineUnavailable, MissingExtra: bfloat16 is not supported, or OpenVINO is not installed.
    """

    def __init__(
        self, folder: Path, *, threads: int | None = None, precision: str = "fp32", name: str = NAME
    ) -> None:
        self._sessions: dict[str, Any] = {}
        for graph in GRAPHS:
            own = precision if graph in EACH_FRAME else "fp32"
            self._sessions[graph] = open_graph(folder / f"{graph}.onnx", threads, name, precision=own)
        try:
            known = self._sessions["text"].get_modelmeta().custom_metadata_map
            self.factor = float(known["search_factor"])
            self._pieces = WordPieces(known["tokenizer"])
            (self.search, width), self.template = _sizes(self._sessions)
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise BundleError(
                f"{folder} contains another tracker ({type(error).__name__}: {error}); expected what 'edgetrack export "
                f"{name}' writes"
            ) from error
        self.nothing = np.zeros((1, 0, width), np.float32)

    def ids(self, text: str) -> NDArray[np.int64]:
        """Return the word pieces of a text, (1, T).

        Raises:
            PromptError: the text has no word.
        """
        return self._pieces.ids(text)

    def encode_text(self, text: str) -> Floats:
        """Return the tokens of a text, (1, T, D).

        Raises:
            PromptError: the text has no word.
        """
        tokens: Floats = self.run("text", ids=self.ids(text))[0]
        return tokens

    def encode(self, image: Floats, template: Floats, text: Floats) -> Encoded:
        """Encode a search image (1, 3, S, S) with template and text tokens, one of which may be ``nothing``."""
        return Encoded(*self.run("encode", image=image, template=template, text=text))

    def prompts(self, seen: Encoded, target: NDArray[np.bool_]) -> Floats:
        """Return the prompts (1, 3, D) after a frame, given the cells (Z + S,) that show the target."""
        features = np.concatenate([seen.template[:, 1:], seen.search], 1)
        prompts: Floats = self.run(
            "prompt", token=seen.token, features=features, target=target[None].astype(np.float32)
        )[0]
        return prompts

    def run(self, name: str, **feeds: NDArray[Any]) -> list[Any]:
        """Return all outputs of a graph; see ``edgetrack.peers.uvltrack.graphs``."""
        return run(self._sessions[name], **feeds)


def _sizes(sessions: dict[str, Any]) -> tuple[tuple[int, int], int]:
    """Return (side of the search image, channels of a token) and the side of the template."""
    _, cells, width = sessions["head"].get_inputs()[0].shape
    return (PATCH * math.isqrt(cells), int(width)), int(sessions["template"].get_inputs()[0].shape[3])
