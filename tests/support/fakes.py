"""Stand-ins for the parts that need a model. As a script: the command with a fake tracker inside."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.arrays import check_pixels
from edgetrack.engines.info import EngineInfo
from edgetrack.errors import BoxError
from edgetrack.translation import Translation
from edgetrack.types import Basis, Box, Frame, Track

STATUS_OF_TEN = ("searching",) * 2 + ("tracking",) * 6 + ("uncertain", "lost")


class FakeTracker:
    """A tracker that goes through all states every ten frames; its box follows the brightest part of the image."""

    def __init__(
        self,
        bundle: object = None,
        *,
        engine: str = "auto",
        precision: str = "auto",
        threads: int = 2,
        static_check: bool = False,
        on_ambiguous: str = "best",
        words: object = None,
        strict: bool = False,
        masks: bool = False,
        grounder: object = None,
        delay_s: float = 0.0,
    ) -> None:
        manifest = SimpleNamespace(
            name="fake", version="0", digest="0", parameters=0, license="none", files={}
        )
        self.engine = SimpleNamespace(
            name="fake",
            precision="fp32",
            info=EngineInfo(backend="fake", precision="fp32", precision_reason="test"),
            bundle=SimpleNamespace(manifest=manifest, folder=Path("fake")),
        )
        self.reader = SimpleNamespace(translation=Translation.of(words), read=lambda text: text)
        self.calls: list[tuple[str, Any, Any]] = []
        self._delay_s = delay_s
        self._static_check = static_check

    def start(
        self, frame: NDArray[np.uint8] | Frame, *, text: str | None = None, box: Box | None = None
    ) -> Track:
        frame = frame.pixels if isinstance(frame, Frame) else frame
        if box is not None and (box.x >= frame.shape[1] or box.y >= frame.shape[0]):
            raise BoxError(f"box {box.xywh} lies outside the frame")
        self.calls.append(("start", text, box))
        return self._track(frame)

    def update(self, frame: NDArray[np.uint8] | Frame, *, deadline_ms: float | None = None) -> Track:
        frame = frame.pixels if isinstance(frame, Frame) else frame
        self.calls.append(("update", None, None))
        track = self._track(frame)
        basis: Basis = "coasted" if deadline_ms else "reused" if self._static_check else "network"
        return track if track.box is None else replace(track, basis=basis)

    def set_text(self, text: str) -> None:
        self.calls.append(("set_text", text, None))

    def _track(self, frame: NDArray[np.uint8]) -> Track:
        check_pixels(frame)
        time.sleep(self._delay_s)
        index = len(self.calls) - 1
        status: Any = STATUS_OF_TEN[index % 10]
        if status in ("searching", "lost"):
            return Track(None, 0.1, status, index)
        height, width = frame.shape[:2]
        y, x = np.unravel_index(int(frame.sum(axis=2).argmax()), (height, width))
        return Track(Box(float(x), float(y), width / 4, height / 4), 0.87, status, index)


def install(*, delay_s: float = 0.0) -> None:
    """Replace ``edgetrack.tracker`` by the fake."""

    class Tracker(FakeTracker):
        def __init__(self, bundle: object = None, **options: Any) -> None:
            super().__init__(bundle, delay_s=delay_s, **options)

    module = ModuleType("edgetrack.tracker")
    module.Tracker = Tracker  # type: ignore[attr-defined]
    sys.modules["edgetrack.tracker"] = module


if __name__ == "__main__":
    from edgetrack.cli import main

    install(delay_s=0.005)
    main()
