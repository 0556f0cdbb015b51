"""The one door to OpenCV: imported late, and without its own chatter on stderr."""

from __future__ import annotations

import os
from typing import Any

from edgetrack._imports import require


def load_cv2() -> Any:
    """The ``cv2`` module.

    Every failure that its log would mention becomes an exception here, so the log is silent unless the user
    has asked for it. Both variables are read once: by ``import cv2`` and by the first video.

    Raises:
        MissingExtra: OpenCV is not installed.
    """
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    return require("cv2", extra="video")
