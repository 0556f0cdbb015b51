"""The one door to OpenCV: imported late, and with an ear to its decoder."""

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
_silent = 0  # how many blocks want OpenCV to be silent now
_level_before: Any = None
_begun = False  # whether OpenCV has set up its FFmpeg


def load_cv2() -> Any:
    """The ``cv2`` module. Its log is left as the process has it; the command line sets it up, see `edgetrack.cli`.

    Raises:
        MissingExtra: OpenCV is not installed.
    """
    return require("cv2", extra="video")


def _listen(cv2: Any, change: int) -> bool:
    global _begun
    with silent(cv2):
        if not _begun:  # with its first video OpenCV puts a listener of its own in place
            cv2.VideoCapture("no such file", cv2.CAP_FFMPEG)
            _begun = True
    # Whoever has set these wants to see the messages; they are counted all the same.
    wanted = os.environ.get("OPENCV_FFMPEG_LOGLEVEL", "-8") != "-8" or "OPENCV_FFMPEG_DEBUG" in os.environ
    # The wheels of OpenCV bring their own FFmpeg along, beside the folder of the module.
    beside = str(Path(cv2.__file__).resolve().parent.parent / "opencv_")
    return runtime.listen_to_decoder(beside, 0 if wanted else change)


@contextmanager
def silent(cv2: Any) -> Iterator[None]:
    """Silences OpenCV's own log where each failure becomes an exception of ours; the level is restored."""
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
    """What FFmpeg complains of while OpenCV decodes, from now on until ``close``; none of it reaches the terminal.

    Its messages name no capture: those of several that decode at the same time are told apart only where the
    conversion speaks, which runs in the thread that asks for the picture.

    Attributes:
        count: how many complaints there were.
        first: the first of them; "" without any.
        warning: the last of what is less serious.
    """

    _REFUSED = "Cannot convert interlaced"  # libswscale, asked by an OpenCV that did not mark its output

    def __init__(self, cv2: Any) -> None:
        self._cv2 = cv2
        self._open = _listen(cv2, +1)
        self._since = runtime.decoder_messages(0)[0]
        self.count = 0
        self.first = self.warning = ""

    def close(self) -> None:
        """Lets messages pass again. May be called twice."""
        if self._open:
            self._open = False
            _listen(self._cv2, -1)

    def refused(self) -> bool:
        """Takes note of what is new; True where this thread's last picture could not be converted."""
        last, messages = runtime.decoder_messages(self._since)
        lost = last - self._since - len(messages)  # more than are kept
        self._since = last
        told = [(own, _plain(text)) for own, error, text in messages if error]
        self.count += len(told) + lost
        self.first = self.first or next((text for _, text in told), "")
        self.warning = next((_plain(text) for _, error, text in messages if not error), self.warning)
        return any(own and self._REFUSED in text for own, text in told)


def _plain(message: bytes) -> str:
    """``h264: no frame!`` of ``[h264 @ 0x5581] no frame!``, in one line."""
    text = " ".join(message.decode(errors="backslashreplace").split())
    return re.sub(r"\[(\S+) @ 0x[0-9a-f]+\] ?", r"\1: ", text)
