"""A bundle of UVLTrack as functions of arrays: what its graphs compute, and what they are made for."""

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
PATCH = 16  # pixels, a side
GRAPHS = ("text", "template", "encode", "head", "ground", "prompt")
EACH_FRAME = ("encode", "head")
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


class Network:
    """The network of a bundle.

    Attributes:
        search: side of the search image, in pixels.
        template: side of the template's image, in pixels.
        factor: side of the search region over sqrt(w * h) of the box.
        nothing: the tokens of no template and of no text, (1, 0, D).

    Args:
        folder: what ``edgetrack export uvltrack`` wrote.
        threads: that one call may use.
        precision: of the graphs; for "bf16" and "int8-bf16" OpenVINO computes ``EACH_FRAME``.
        name: of the adapter that wrote it, for messages.

    Raises:
        BundleError: a graph is missing or is another tracker's.
        EngineUnavailable, MissingExtra: there is no bfloat16 here, or no OpenVINO.
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
                f"{folder} holds another tracker ({type(error).__name__}: {error}); expected what 'edgetrack export "
                f"{name}' writes"
            ) from error
        self.nothing = np.zeros((1, 0, width), np.float32)

    def ids(self, text: str) -> NDArray[np.int64]:
        """The word pieces of a text, (1, T).

        Raises:
            PromptError: a text without a word.
        """
        return self._pieces.ids(text)

    def encode_text(self, text: str) -> Floats:
        """The tokens of a text, (1, T, D).

        Raises:
            PromptError: a text without a word.
        """
        tokens: Floats = self.run("text", ids=self.ids(text))[0]
        return tokens

    def encode(self, image: Floats, template: Floats, text: Floats) -> Encoded:
        """A search image (1, 3, S, S) beside a template's tokens and a text's, of which one may be ``nothing``."""
        return Encoded(*self.run("encode", image=image, template=template, text=text))

    def prompts(self, seen: Encoded, target: NDArray[np.bool_]) -> Floats:
        """The prompts (1, 3, D) after a frame, with the cells (Z + S,) of template and frame that show the target."""
        features = np.concatenate([seen.template[:, 1:], seen.search], 1)
        prompts: Floats = self.run(
            "prompt", token=seen.token, features=features, target=target[None].astype(np.float32)
        )[0]
        return prompts

    def run(self, name: str, **feeds: NDArray[Any]) -> list[Any]:
        """All outputs of a graph; see ``edgetrack.peers.uvltrack.graphs``."""
        return run(self._sessions[name], **feeds)


def _sizes(sessions: dict[str, Any]) -> tuple[tuple[int, int], int]:
    """Side of the search image, channels of a token, side of the template."""
    _, cells, width = sessions["head"].get_inputs()[0].shape
    return (PATCH * math.isqrt(cells), int(width)), int(sessions["template"].get_inputs()[0].shape[3])
