"""A window that shows the track live."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import SinkError
from edgetrack.io.opencv import load_cv2
from edgetrack.io.video import DrawingSink
from edgetrack.types import Frame
from edgetrack.zones import Zones

GUI_HINT = "pip install 'edgetrack[gui]'"


class WindowSink(DrawingSink):
    """Shows the track live; ``q``, Escape or closing the window ends the run."""

    def __init__(
        self, *, title: str = "edgetrack", text: str | None = None, zones: Zones | None = None
    ) -> None:
        super().__init__(text, zones)
        self._cv2 = load_cv2()
        self._title = title
        if re.search(r"GUI:\s+NONE", self._cv2.getBuildInformation()):
            raise SinkError(f"this OpenCV was built without support for windows; for --show: {GUI_HINT}")
        # Without a display, some builds of OpenCV terminate the process instead of raising.
        displays = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        if sys.platform.startswith("linux") and not displays:
            raise SinkError(
                "there is no display for --show (DISPLAY is not set); use --output OUT.mp4 instead"
            )
        try:
            self._cv2.namedWindow(title, self._cv2.WINDOW_NORMAL | self._cv2.WINDOW_KEEPRATIO)
        except self._cv2.error as error:
            raise SinkError(f"no window can be opened ({error.err}); for --show: {GUI_HINT}") from error

    def _show(self, frame: Frame, paint: Callable[[NDArray[np.uint8]], None]) -> None:
        picture = frame.pixels.copy()
        paint(picture)
        self._cv2.imshow(self._title, picture)
        key = self._cv2.waitKey(1) & 0xFF
        visible = self._cv2.getWindowProperty(self._title, self._cv2.WND_PROP_VISIBLE) >= 1
        self.done = key in (ord("q"), 27) or not visible

    def close(self) -> None:
        with suppress(self._cv2.error):  # the user may have closed it
            self._cv2.destroyWindow(self._title)
