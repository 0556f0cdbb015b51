"""Images of pairs of sensors, and an engine for them without a network, which finds red.

How sure it is of what it has found is up to the test: ``sure`` of color, ``sure_of_x`` of the second sensor. The images
of the second sensor are greenish, so that the engine can tell which one the networks for color get.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from fake_engine import FakeEngine, FakeGraph, find_red
from numpy.typing import NDArray

from edgetrack.bundle import PAIRS, Bundle
from edgetrack.manifest import GraphSpec, TensorSpec

_RANDOM = np.random.default_rng(0)
BOX = (60.0, 50.0, 40.0, 30.0)  # of the target in picture() and second()
BLANK = np.zeros((160, 200, 3), np.uint8)
COLOR, X = ("color", "color"), ("x", "x")  # what a search looks at, and its template
TEMPLATES = ("none", "color", "x", "x by the graph for pairs")  # by the number in their memory


def shows_x(image: NDArray[np.float32]) -> bool:
    """Return whether an image (1, 3, S, S) RGB in -1..1 is one of the second sensor."""
    _, green, blue = image[0].mean(axis=(1, 2))
    return bool(green > blue + 0.2)


class PairGraph(FakeGraph):
    """``template_x`` or ``search_x``."""

    def __init__(self, role: str, engine: PairEngine) -> None:
        super().__init__(role.removesuffix("_x"), engine.calls)
        self._own, self._engine = role, engine
        side = self.inputs["image"].shape[-1]
        small = round(side * 0.75)
        more = {"x": (1, 3, small, small), "present": (1, 2)}
        self.inputs = {**self.inputs, **{name: TensorSpec("float32", shape) for name, shape in more.items()}}
        if role == "search_x":
            share = TensorSpec("float32", (1, 1, side // 16, side // 16))
            self.outputs = {**self.outputs, "share": share}

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        color, x = (bool(there) for there in feeds["present"][0])
        image = feeds["image"]
        if self._own == "template_x":
            assert (color, x) == (False, True), "the networks for color are used for the other templates"
            return {**super().run(feeds), "memory": self._engine.remember("x by the graph for pairs")}
        self._calls.append(self._own)
        self._engine.note(
            {(True, True): "pair", (True, False): "pair: color", (False, True): "pair: x"}[color, x], feeds
        )
        if not color or not find_red(image)["presence"].any():
            rows = np.arange(image.shape[-1]) * feeds["x"].shape[-1] // image.shape[-1]
            image = feeds["x"][:, :, rows][:, :, :, rows]
        share = np.full(self.outputs["share"].shape, 0.5 if color and x else float(x), np.float32)
        found = find_red(image)
        return {**found, "quality": found["quality"] * self._engine.sure_of_x, "share": share}


class NotedTemplate(FakeGraph):
    """``template``, of color or of the second sensor."""

    def __init__(self, engine: PairEngine) -> None:
        super().__init__("template", engine.calls)
        self._engine = engine

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        memory = self._engine.remember("x" if shows_x(feeds["image"]) else "color")
        return {**super().run(feeds), "memory": memory}


class NotedSearch(FakeGraph):
    """``search``, in color or in the second sensor alone."""

    def __init__(self, engine: PairEngine) -> None:
        super().__init__("search", engine.calls)
        self._engine = engine

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        by_x = shows_x(feeds["image"])
        self._engine.note("x" if by_x else "color", feeds)
        found = super().run(feeds)
        sure = self._engine.sure_of_x if by_x else self._engine.sure
        return {**found, "quality": found["quality"] * sure}


class NotedGround(FakeGraph):
    """``ground``, the full-frame search."""

    def __init__(self, engine: PairEngine) -> None:
        super().__init__("ground", engine.calls)
        self._engine = engine

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        time.sleep(self._engine.full_frame_s)
        self._engine.full_frame.append(TEMPLATES[int(feeds["memory"][0, 0, 0, 0])])
        found = super().run(feeds)
        return {**found, "quality": found["quality"] * self._engine.sure_of_frame}


class PairEngine(FakeEngine):
    """``searches`` lists what each search looked at and its template; ``templates`` what each template shows.

    ``full_frame`` lists the template of each full-frame search, read after it has taken ``full_frame_s`` seconds.
    """

    concurrent = False  # whether full-frame searches run in a thread of their own

    def __init__(self, *, graphs_for_pairs: bool = True) -> None:
        super().__init__()
        self.sure, self.sure_of_x = 0.3, 1.0  # color is in doubt: the second sensor is searched, too
        self.searches: list[tuple[str, str]] = []
        self.full_frame: list[str] = []
        self.full_frame_s, self.sure_of_frame = 0.0, 1.0
        self.templates: list[str] = []
        self.prompts = np.zeros(0, np.float32)  # of the last search
        tensors = {
            role: GraphSpec(self.graph(role).inputs, self.graph(role).outputs)
            for role in PAIRS * graphs_for_pairs
        }
        self.bundle = Bundle(self.bundle.folder, replace(self.bundle.manifest, tensors=tensors))

    def graph(self, role: str) -> FakeGraph:
        if role in PAIRS and role not in self._graphs:
            self._graphs[role] = PairGraph(role, self)
        if role == "template" and role not in self._graphs:
            self._graphs[role] = NotedTemplate(self)
        if role == "search" and role not in self._graphs:
            self._graphs[role] = NotedSearch(self)
        if role == "ground" and role not in self._graphs:
            self._graphs[role] = NotedGround(self)
        return super().graph(role)

    def remember(self, template: str) -> NDArray[np.float32]:
        self.templates.append(template)
        return np.full((1, 4, 64, 192), TEMPLATES.index(template), np.float32)

    def note(self, images: str, feeds: Mapping[str, NDArray[Any]]) -> None:
        self.prompts = feeds["prompts"].copy()
        self.searches.append((images, TEMPLATES[int(feeds["memory"][0, 0, 0, 0])]))


def picture(left: int = 60) -> np.ndarray:
    """Draw a red rectangle on noise that no other image has; there is none if ``left`` is outside."""
    pixels = _RANDOM.integers(90, 130, (160, 200, 3)).astype(np.uint8)
    pixels[50:80, left : left + 40] = (0, 0, 255)
    return pixels


def second(left: int = 60) -> np.ndarray:
    """Draw the same as the second sensor shows it."""
    pixels = picture(left)
    pixels[..., 1] += np.uint8(60) * (pixels[..., 1] > 0)
    return pixels


def faded() -> np.ndarray:
    """Draw the color image in smoke that lets a fifth of the light through."""
    return np.asarray(0.2 * picture() + 100, np.uint8)


def with_gaps(pixels: np.ndarray, value: int = 128) -> np.ndarray:
    """Draw every second patch of 16 x 16 pixels in one value."""
    pixels = pixels.copy()
    for top in range(0, 160, 16):
        for left in range(16 * (top // 16 % 2), 200, 32):
            pixels[top : top + 16, left : left + 16] = value
    return pixels
