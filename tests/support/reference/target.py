"""What the network knows of a target: picture and sentence, encoded once, kept in the engine's input arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetrack._native import runtime
from edgetrack.crop import crop_into
from edgetrack.engines.base import Engine
from edgetrack.types import Box
from reference.geometry import Region, letterbox, region_around, target_share

Array = NDArray[np.float32]
_RIVAL = 0.25  # share of the best score from which another place is a distractor


class Target:
    """The arrays that ``search`` and ``ground`` take besides the image.

    Owned by one tracker; the engine only reads them. A target named by neither picture nor sentence is all zeros.

    Attributes:
        feeds: everything that is known.
        words: the sentence alone, whatever picture there is.
        contrast: the template's, which search images that have lost theirs get back.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._manifest = engine.bundle.manifest
        inputs = engine.graph("search").inputs
        self.feeds: dict[str, NDArray[np.float32]] = {
            name: np.zeros(spec.shape, np.float32) for name, spec in inputs.items() if name != "image"
        }
        self.words = {name: array.copy() for name, array in self.feeds.items()}
        self._tokens = self.feeds["anchor"].shape[1]  # template tokens come first in the memory
        self._first = self.feeds["prompts"].copy()  # the template's own
        self.contrast = runtime.Contrast()
        self._seen: NDArray[np.float32] | None = None  # target and background as they looked of late

    def picture(self) -> dict[str, NDArray[np.float32]]:
        """Return the features of the template alone, ignoring the text."""
        mask, prototypes = self.feeds["memory_mask"].copy(), self.feeds["prototypes"].copy()
        mask[:, self._tokens :], prototypes[:, 1] = 0.0, 0.0
        return {
            **self.feeds,
            "memory_mask": mask,
            "prototypes": prototypes,
            "film": np.zeros_like(self.feeds["film"]),
        }

    def set_text(self, ids: NDArray[np.int64], mask: NDArray[np.float32]) -> None:
        """Encode the tokens of a text, both (1, T)."""
        tokens = self._engine.graph("text").run({"ids": ids, "mask": mask})["tokens"]
        prompt = self._engine.graph("prompt").run({"tokens": tokens, "mask": mask})
        for feeds in (self.feeds, self.words):
            feeds["memory"][:, :, self._tokens :] = prompt["memory"]
            feeds["memory_mask"][:, self._tokens :] = mask
            feeds["film"][:] = prompt["film"]
            feeds["prototypes"][:, 1] = prompt["prototype"]

    def set_template(self, pixels: NDArray[np.uint8], box: Box) -> None:
        """Encode the image of the target in ``box`` of a frame, uint8 (H, W, 3) BGR."""
        manifest = self._manifest
        region = region_around(box, manifest.factors["template"])
        image, template = self._encoded(pixels, box, region)
        self.contrast.learn(image, pixels, region, manifest.mean, manifest.std, manifest.fill)
        everywhere = letterbox(pixels.shape[1], pixels.shape[0])
        crop_into(pixels, everywhere, image, mean=manifest.mean, std=manifest.std, fill=manifest.fill)
        self.contrast.learn_everywhere(image, pixels, everywhere, manifest.mean, manifest.std, manifest.fill)
        self._encoding = {name: template[name].copy() for name in ("memory", "anchor")}
        self.feeds["memory"][:, :, : self._tokens] = template["memory"]
        self.feeds["memory_mask"][:, : self._tokens] = 1.0
        self.feeds["anchor"][:] = template["anchor"]
        self.feeds["prompts"][:] = self._first = template["prompts"].copy()
        self._seen = None
        self.feeds["prototypes"][:, 0] = template["prototype"]

    def _encoded(self, pixels: NDArray[np.uint8], box: Box, region: Region) -> tuple[Array, dict[str, Array]]:
        manifest = self._manifest
        size = manifest.sizes["template"]
        image = np.empty((1, 3, size, size), np.float32)
        crop_into(pixels, region, image, mean=manifest.mean, std=manifest.std, fill=manifest.fill)
        share = target_share(box, region, size // 16)[None, None]
        return image, self._engine.graph("template").run({"image": image, "target": share})

    def blend(self, pixels: NDArray[np.uint8], box: Box, weight: float) -> None:
        """Mix the first template with what the target looks like now."""
        now = self._encoded(pixels, box, region_around(box, self._manifest.factors["template"]))[1]
        one, two = np.float32(1) - np.float32(weight), np.float32(weight)
        first = self._encoding
        self.feeds["memory"][:, :, : self._tokens] = one * first["memory"] + two * now["memory"]
        self.feeds["anchor"][:] = _unit(one * first["anchor"] + two * now["anchor"])

    def unblend(self) -> None:
        """Return to the first template."""
        self.feeds["memory"][:, :, : self._tokens] = self._encoding["memory"]
        self.feeds["anchor"][:] = self._encoding["anchor"]

    def refresh(
        self,
        embedding: NDArray[np.float32],
        score: NDArray[np.float32],
        share: NDArray[np.float32],
        *,
        rate: float,
    ) -> None:
        """Renews the prompts from a frame in which the target was surely found.

        Target and background drift towards what is seen now, yet never further than half-way from the template's;
        what else scores high is the distractor (UVLTrack, section 3.4).

        Args:
            embedding: (1, N, 64) unit tokens of the search region.
            score: (S, S) of the same cells, 0..1.
            share: (S, S) of each cell that the target's box covers.
            rate: of the drift, 0..1.
        """
        tokens, inside = embedding[0], share.reshape(-1)
        outside = 1.0 - np.minimum(inside * 1e3, 1.0)
        seen = np.zeros((2, tokens.shape[1]), np.float32)
        for row, weights in enumerate((inside * (inside >= min(0.5, inside.max())), outside)):
            for n in np.flatnonzero(weights):  # in order: a matrix product would add in an order of its own
                seen[row] += weights[n] * tokens[n]
        seen = _unit(seen)
        self._seen = seen if self._seen is None else self._seen * (1 - rate) + seen * rate
        prompts = self.feeds["prompts"][0]
        prompts[:2] = _unit(self._first[0, :2] + _unit(self._seen))
        rival = score.reshape(-1) * outside
        best = int(rival.argmax())
        if rival[best] >= _RIVAL * score.max():
            prompts[2] = _unit(tokens[best] + 0.3 * seen[1])
        else:
            prompts[2] = 0.0


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows of unit length; the squares are summed in order, in float64."""
    squares = np.cumsum(vectors.astype(np.float64) ** 2, axis=-1)[..., -1:]
    return vectors / np.maximum(np.sqrt(squares).astype(np.float32), np.float32(1e-6))
