"""Access to OpenCV, which is imported late, and to the log of its decoder."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgetrack._imports import require
from edgetrack._native import runtime

_lock = threading.Lock()
_silent = 0  # number of active blocks that silence OpenCV
_level_before: Any = None
_begun = False  # whether OpenCV has initialized its FFmpeg


def load_cv2() -> Any:
    """Return the ``cv2`` module. Its log level stays as it is; the command line sets it, see `edgetrack.cli`.

    Raises:
        MissingExtra: OpenCV is not installed.
    """
    return require("cv2", extra="video")


def _listen(cv2: Any, change: int) -> bool:
    global _begun
    with silent(cv2):
        if not _begun:  # OpenCV installs its own log callback with its first video
            cv2.VideoCapture("no such file", cv2.CAP_FFMPEG)
            _begun = True
    # If these are set, the user wants to see the messages; they are counted nevertheless.
    wanted = os.environ.get("OPENCV_FFMPEG_LOGLEVEL", "-8") != "-8" or "OPENCV_FFMPEG_DEBUG" in os.environ
    # OpenCV's wheels contain their own FFmpeg, next to the folder of the module.
    beside = str(Path(cv2.__file__).resolve().parent.parent / "opencv_")
    return runtime.listen_to_decoder(beside, 0 if wanted else change)


@contextmanager
def silent(cv2: Any) -> Iterator[None]:
    """Silence OpenCV's own log in a block in which each failure becomes an exception; restore the level afterwards."""
    global _silent, _level_before
    logging = getattr(getattr(cv2, "utils", None), "logging", None)
    if logging is None:  # builds without its Python submodules
        yield
        return
    with _lock:
        _silent += 1
        if _silent == 1:
            _level_before = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        with _lock:
            _silent -= 1
            if _silent == 0:
                logging.setLogLevel(_level_before)


class DecoderLog:
    """Collects FFmpeg's messages while OpenCV decodes, until ``close``, and keeps them off the terminal.

    The messages do not tell which capture they belong to. If several decode at the same time, only messages of the
    conversion can be assigned, because it runs in the thread that reads the frame.

    Attributes:
        count: number of errors.
        first: the first error; "" if there was none.
        warning: the last warning.
    """

    _REFUSED = "Cannot convert interlaced"  # libswscale, called by an OpenCV that did not mark its output as interlaced

    def __init__(self, cv2: Any) -> None:
        self._cv2 = cv2
        self._open = _listen(cv2, +1)
        self._since = runtime.decoder_messages(0)[0]
        self.count = 0
        self.first = self.warning = ""

    def close(self) -> None:
        """Stop collecting messages. May be called twice."""
        if self._open:
            self._open = False
            _listen(self._cv2, -1)

    def refused(self) -> bool:
        """Process new messages; return whether this thread's last frame could not be converted."""
        last, messages = runtime.decoder_messages(self._since)
        lost = last - self._since - len(messages)  # messages that were not kept
        self._since = last
        told = [(own, _plain(text)) for own, error, text in messages if error]
        self.count += len(told) + lost
        self.first = self.first or next((text for _, text in told), "")
        self.warning = next((_plain(text) for _, error, text in messages if not error), self.warning)
        return any(own and self._REFUSED in text for own, text in told)


def _plain(message: bytes) -> str:
    """Shorten ``[h264 @ 0x5581] no frame!`` to ``h264: no frame!``, on one line."""
    text = " ".join(message.decode(errors="backslashreplace").split())
    return re.sub(r"\[(\S+) @ 0x[0-9a-f]+\] ?", r"\1: ", text)
