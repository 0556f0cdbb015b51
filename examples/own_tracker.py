"""Your own PyTorch tracker in edgetrack's tools, as a minimal example: correlation of learned features.

edgetrack export examples/own_tracker.py:Matcher --weights matcher.pt --output matcher --int8 --calibration drive.mp4
edgetrack run --model matcher --trust --source drive.mp4 --box 120,80,64,48
edgetrack eval folder SEQUENCES --tracker edgetrack --tracker edgetrack:matcher --trust

The bundle contains a copy of this file, so it must not depend on your other files. INT8 is calibrated on the inputs of
the onnxruntime sessions, and must pass the same gate as edgetrack's own models; then `open` gets the folder with the
INT8 graphs. In Python: edgetrack.open_tracker("matcher", trust=True).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from edgetrack import Box, Track
from edgetrack.crop import crop_into

TEMPLATE, SEARCH, STRIDE = 37, 101, 2  # sides of the crops and of a cell, in pixels
GRAY = {"mean": (127.5,) * 3, "std": (127.5,) * 3, "fill": (127.5,) * 3}


Pixels = npt.NDArray[np.uint8]  # (H, W, 3), BGR


class Matcher:
    """An ``edgetrack.peers.Adapter``; only ``graphs`` needs torch."""

    modes = ("bbox",)

    def graphs(self, weights: Sequence[Path]) -> Mapping[str, Any]:
        import torch

        from edgetrack.export.adapters import torch_graph

        class Correlation(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.features = torch.nn.Conv2d(3, 8, 5, stride=STRIDE, bias=False)

            def forward(self, template: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
                kernel = self.features(template)
                return torch.nn.functional.conv2d(self.features(image), kernel / kernel.norm())

        network = Correlation()
        network.load_state_dict(torch.load(weights[0], weights_only=True))
        shapes = {"template": (1, 3, TEMPLATE, TEMPLATE), "image": (1, 3, SEARCH, SEARCH)}
        return {"search": torch_graph(network, inputs=shapes, outputs=["score"])}

    def open(self, folder: Path, *, threads: int) -> MatcherTracker:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        return MatcherTracker(onnxruntime.InferenceSession(str(folder / "search.onnx"), options))


class MatcherTracker:
    """An ``edgetrack.peers.FrameTracker``: start() and update() take uint8 (H, W, 3) BGR frames."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.crops = {"template": np.empty((1, 3, TEMPLATE, TEMPLATE), np.float32)}
        self.crops["image"] = np.empty((1, 3, SEARCH, SEARCH), np.float32)

    def start(self, frame: Pixels, *, text: str | None = None, box: Box | None = None) -> Track:
        assert box is not None  # guaranteed by Matcher.modes
        self.box, self.index = box, 0
        self.pixel = max(box.w, box.h) / TEMPLATE  # size of a crop's pixel in pixels of the frame
        self._crop(frame, "template")
        return Track(box, 1.0, "tracking", 0)

    def update(self, frame: Pixels) -> Track:
        self._crop(frame, "image")
        (score,) = self.session.run(None, self.crops)
        row, column = np.unravel_index(score[0, 0].argmax(), score.shape[2:])
        (x, y), middle, step = self.box.center, score.shape[2] // 2, STRIDE * self.pixel
        center = x + (column - middle) * step, y + (row - middle) * step
        self.box = Box(center[0] - self.box.w / 2, center[1] - self.box.h / 2, self.box.w, self.box.h)
        self.index += 1
        return Track(self.box, 1.0, "tracking", self.index)

    def set_text(self, text: str) -> None:
        raise NotImplementedError

    def _crop(self, frame: Pixels, name: str) -> None:
        out = self.crops[name]
        (x, y), side = self.box.center, out.shape[2] * self.pixel
        crop_into(frame, (x - side / 2, y - side / 2, side, side), out, **GRAY)
