"""NanoTrack as a teacher: features of crops, and tracks in videos (Apache-2.0, HonglinChu/SiamTrackers).

The networks and the decoding of their outputs are those of ``edgetrack.peers.nanotrack``. Three things differ on
purpose: the crops are those of training (a warp with a gray border, as the student sees), the settings are the official
ones of each version, and sizes are compared with sizes, without the peculiarities of OpenCV's implementation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from edgetrack.engines.session_graph import session_options
from edgetrack.errors import ConfigError
from edgetrack.peers.nanotrack import SEARCH, TEMPLATE, change, context_side, proposals
from edgetrack.peers.nanotrack.published import backbone, load
from edgetrack.training.data.synthetic.warps import GRAY, region_matrix, warp

Floats = NDArray[np.float32]
XYWH = tuple[float, float, float, float]
_SETTINGS = {
    "v2": (0.15, 0.455, 0.37),
    "v3": (0.138, 0.455, 0.348),
}  # penalty, window, rate: the official configs


class NanoTrack:
    """A tracker of version ``v2`` or ``v3``, from a folder with VERSION_backbone.onnx and VERSION_head.onnx.

    Raises:
        ConfigError: The files are missing.
    """

    def __init__(self, folder: str | Path, version: str = "v3") -> None:
        paths = [Path(folder) / f"{version}_{part}.onnx" for part in ("backbone", "head")]
        for path in paths:
            if not path.is_file():
                raise ConfigError(
                    f"teacher file {path} does not exist; expected the official NanoTrack ONNX pair: "
                    "set distill = 0 in the recipe to train without a teacher"
                )
        self._backbones = {side: _session(backbone(paths[0], side)) for side in (TEMPLATE, SEARCH)}
        self._head = _session(load(paths[1]))
        self._names = [tensor.name for tensor in self._head.get_inputs()]
        self._penalty, self._influence, self._rate = _SETTINGS[version]

    def features(self, pixels: NDArray[np.uint8]) -> Floats:
        """Return the features (C, S / 16, S / 16) of a BGR crop uint8 (S, S, 3)."""
        size = TEMPLATE if pixels.shape[0] < 200 else SEARCH
        if pixels.shape[0] != size:
            pixels = np.asarray(cv2.resize(pixels, (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)
        blob = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32)
        return np.asarray(self._backbones[size].run(None, {"input": blob})[0][0])

    def start(self, frame: NDArray[np.uint8], box: XYWH) -> None:
        """Start with the target in ``box`` of a frame uint8 (H, W, 3) BGR."""
        self._center = np.array([box[0] + box[2] / 2, box[1] + box[3] / 2])
        self._size = np.array(box[2:], np.float64)
        self._kernel = self.features(self._crop(frame, self._side(), TEMPLATE))[None]

    def update(self, frame: NDArray[np.uint8]) -> tuple[XYWH, float]:
        """Return box and score in the next frame (Li et al., SiamRPN, CVPR 2018, section 4.3)."""
        side = self._side() * SEARCH / TEMPLATE
        search = self.features(self._crop(frame, side, SEARCH))[None]
        logits, reach = self._head.run(None, dict(zip(self._names, (self._kernel, search), strict=True)))
        score, left, top, right, bottom = proposals(logits[0], reach[0])
        w, h = right - left, bottom - top
        before = self._size * SEARCH / side
        strain = change(context_side(w, h) / context_side(*before)) * change(
            (before[0] / before[1]) / (w / h)
        )
        rank = np.exp(-(strain - 1) * self._penalty) * score
        line = np.hanning(len(score))
        best = np.unravel_index(
            (rank * (1 - self._influence) + np.outer(line, line) * self._influence).argmax(), rank.shape
        )
        rate, scale = float(rank[best]) * self._rate, side / SEARCH
        self._center = self._center + scale * (
            np.array([(left + w / 2)[best], (top + h / 2)[best]]) - SEARCH // 2
        )
        self._size = self._size * (1 - rate) + scale * np.array([w[best], h[best]]) * rate
        height, width = frame.shape[:2]
        self._center = np.clip(self._center, 0, (width, height))
        self._size = np.clip(self._size, 6, (width, height))
        low = self._center - self._size / 2
        return (float(low[0]), float(low[1]), float(self._size[0]), float(self._size[1])), float(score[best])

    def _side(self) -> float:
        return float(context_side(*self._size))

    def _crop(self, frame: NDArray[np.uint8], side: float, size: int) -> NDArray[np.uint8]:
        center = (float(self._center[0]), float(self._center[1]))
        return warp(frame, region_matrix(center, side, size), (size, size), border=GRAY)


def _session(model: onnx.ModelProto) -> Any:
    """Open a session with one thread, because it runs in parallel to training."""
    return onnxruntime.InferenceSession(
        model.SerializeToString(), session_options(1), ["CPUExecutionProvider"]
    )
