"""Draw how a model weights a pair of sensors in each cell: one image with the gate's maps in three situations.

python benchmarks/sensor_gates.py MODEL FOLDER NAME OUT.png [--dataset folder] [--x-model infrared] [--frame 12]

MODEL accepts pairs (``edgetrack export --sensor``). The template comes from the first frame, with both sensors intact;
then one later frame is searched as it is, with color at night, and with the second sensor failing. Each row shows the
search region in color and in x, and color overlaid with the share of x in each cell of 16 pixels: blue is 0, color
alone, red is 1, x alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgetrack.bundle import Bundle
from edgetrack.crop import crop_into
from edgetrack.datasets import Sequence as Clip
from edgetrack.datasets.derived import MODELS, with_x
from edgetrack.engines.ort import OrtEngine
from edgetrack.evaluation.execution.dataset import load_sequences, select
from edgetrack.evaluation.perturbations.registry import open_perturbation
from edgetrack.evaluation.types import Condition
from edgetrack.types import Box

Pixels = NDArray[np.uint8]
Region = tuple[float, float, float, float]
SITUATIONS = {
    "both as they are": None,
    "color at night": Condition("color-night", 3),
    "x black": Condition("x-blank", 1),
    "x shifted by 32 pixels": Condition("x-shift", 3),
}
_LABEL = 26  # height in pixels of the label above each row


class Gate:
    """The graphs for pairs, run directly, to get the share of each cell."""

    def __init__(self, bundle: Bundle) -> None:
        self._manifest, engine = bundle.manifest, OrtEngine(bundle, threads=1)
        self._template, self._search = engine.graph("template_x"), engine.graph("search_x")
        self._known: dict[str, NDArray[Any]] = {}

    def learn(self, color: Pixels, x: Pixels, box: Box) -> None:
        """Compute the template of the target in ``box`` of a pair."""
        region = self.region(box, "template")
        cells = self._template.inputs["target"].shape[-1]
        edges = [np.linspace(start, start + side, cells + 1) for start, side in (region[0::2], region[1::2])]
        across, down = (
            np.clip(np.minimum(e[1:], end) - np.maximum(e[:-1], start), 0, None) / (e[1] - e[0])
            for e, start, end in ((edges[0], box.x, box.x + box.w), (edges[1], box.y, box.y + box.h))
        )
        target = np.outer(down, across).astype(np.float32)[None, None]
        found = self._template.run({**self._pair("template", color, x, region), "target": target})
        inputs = self._search.inputs
        known = {name: np.zeros(inputs[name].shape, np.float32) for name in ("memory", "film", "prototypes")}
        known["memory_mask"] = np.zeros(inputs["memory_mask"].shape, np.float32)
        tokens = found["memory"].shape[2]
        known["memory"][:, :, :tokens], known["memory_mask"][:, :tokens] = found["memory"], 1
        known["prototypes"][:, 0] = found["prototype"]
        self._known = {**known, "anchor": found["anchor"], "prompts": found["prompts"]}

    def shares(self, color: Pixels, x: Pixels, box: Box) -> NDArray[np.float32]:
        """Return the share of x (cells, cells) in the region around ``box``."""
        pair = self._pair("search", color, x, self.region(box, "search"))
        return np.asarray(self._search.run({**pair, **self._known})["share"][0, 0], np.float32)

    def region(self, box: Box, name: str) -> Region:
        """Return the square around a box that the template or the search processes."""
        side = self._manifest.factors[name] * float(np.sqrt(box.w * box.h))
        return (box.center[0] - side / 2, box.center[1] - side / 2, side, side)

    def _pair(self, name: str, color: Pixels, x: Pixels, region: Region) -> dict[str, NDArray[Any]]:
        graph = self._template if name == "template" else self._search
        feeds: dict[str, NDArray[Any]] = {"present": np.ones((1, 2), np.float32)}
        manifest = self._manifest
        for role, pixels in (("image", color), ("x", x)):
            feeds[role] = np.empty(graph.inputs[role].shape, np.float32)
            crop_into(pixels, region, feeds[role], mean=manifest.mean, std=manifest.std, fill=manifest.fill)
        return feeds


def draw(gate: Gate, clip: Clip, index: int) -> Pixels:
    """Return the image, uint8 (H, W, 3), BGR."""
    assert clip.x is not None
    first, box = (clip.frames[0], clip.x[0]), Box.of(clip.boxes[index])
    gate.learn(*first, Box.of(clip.boxes[0]))
    rows = []
    for label, condition in SITUATIONS.items():
        color, x = clip.frames[index], clip.x[index]
        if condition is not None:
            failure = open_perturbation(condition, clip, clips=[clip], seed=0)
            failure.pair(*first, 0)
            seen, other = failure.pair(color, x, index)
            assert seen is not None
            assert other is not None
            color, x = seen, other
        shares = gate.shares(color, x, box)
        rows.append(_row(label, [_cut(p, gate.region(box, "search")) for p in (color, x)], shares))
    return np.vstack(rows)


def _cut(pixels: Pixels, region: Region, side: int = 256) -> Pixels:
    x, y, w, _ = region
    matrix = np.array([[side / w, 0, -x * side / w], [0, side / w, -y * side / w]])
    return np.asarray(cv2.warpAffine(pixels, matrix, (side, side), borderValue=(127, 127, 127)), np.uint8)


def _row(label: str, pair: list[Pixels], shares: NDArray[np.float32]) -> Pixels:
    side = pair[0].shape[0]
    map_ = cv2.resize((shares * 255).astype(np.uint8), (side, side), interpolation=cv2.INTER_NEAREST)
    shown = cv2.addWeighted(pair[0], 0.4, cv2.applyColorMap(map_, cv2.COLORMAP_JET), 0.6, 0)
    row = np.hstack([*pair, shown])
    head = np.full((_LABEL, row.shape[1], 3), 255, np.uint8)
    words = f"{label}: share of x {shares.mean():.2f}, {shares.min():.2f} to {shares.max():.2f}"
    cv2.putText(head, words, (6, _LABEL - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack((head, row))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("folder", type=Path)
    parser.add_argument("name")
    parser.add_argument("output", type=Path)
    parser.add_argument("--dataset", default="folder")
    parser.add_argument("--x-model", choices=MODELS)
    parser.add_argument("--frame", type=int, default=12)
    asked = parser.parse_args()
    [clip] = select(load_sequences(asked.dataset, asked.folder), [asked.name])
    clip = with_x(clip, asked.x_model) if asked.x_model else clip
    if clip.x is None:
        raise SystemExit(f"{asked.name} has no second sensor; give --x-model to simulate it")
    picture = draw(Gate(Bundle.open(asked.model)), clip, asked.frame)
    if not cv2.imwrite(str(asked.output), picture):
        raise SystemExit(f"{asked.output} cannot be written")


if __name__ == "__main__":
    main()
