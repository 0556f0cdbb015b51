"""Pairing: the second sensor's frame nearest in time to a color frame, aligned with it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import ConfigError, EdgetrackError, SourceError
from edgetrack.io.opencv import load_cv2
from edgetrack.io.source import Source
from edgetrack.types import Frame
from edgetrack.zone_file import read_toml

WITHIN_MS = 40.0  # images that are further apart are not a pair
_KEPT = 8  # buffered frames of a live second sensor
_JOIN_S = 2.0
_EXAMPLE = "x_size = [640, 512], color_size = [1280, 720] and homography = [[2, 0, 0], [0, 2, 0], [0, 0, 1]]"
Pixels = NDArray[np.uint8]
Size = tuple[int, int]  # width, height


class SecondSensor:
    """Finds the second sensor's frame for each color frame; a context manager.

    For files, the time is that of the frames; for cameras, it is the capture time by one monotonic clock. The frame
    that is nearest in time is used if it is within the limit; otherwise it is missing.

    Args:
        source: The source of the second sensor; ``close`` closes it, too.
        color: The source of the color frames.
        homography: (3, 3), from pixels of the second sensor to those of color; None if they are the same.
        within_ms: The limit in milliseconds.

    Raises:
        ConfigError: One is live and the other a file, or the images differ in size and there is no homography.
    """

    def __init__(
        self,
        source: Source,
        color: Source,
        *,
        homography: NDArray[np.float64] | None = None,
        within_ms: float = WITHIN_MS,
    ) -> None:
        if source.live != color.live:
            kinds = ("live", "a file") if source.live else ("a file", "live")
            raise ConfigError(
                f"--x {source.name} is {kinds[0]} but {color.name} is {kinds[1]}; expected both live or both "
                "files, "
                "whose times can be compared (--realtime plays files like cameras)"
            )
        if homography is None and source.size != color.size:
            raise ConfigError(
                f"--x {source.name} has {_shown(source.size)} pixels but color has {_shown(color.size)}; "
                "expected the same "
                "size, or --x-homography FILE (edgetrack align writes one)"
            )
        self.source = source
        self._size, self._homography, self._within_s = color.size, homography, within_ms / 1000
        self._skews_ms: list[float] = []
        self._asked = 0
        self._problem: str | None = None
        self._recent = _Recent(source) if source.live else None
        self._frames = iter(source) if self._recent is None else iter(())
        self._before: Frame | None = None
        self._after: Frame | None = None

    def of(self, frame: Frame) -> Frame | None:
        """Return the frame that belongs to a color frame, aligned and with its size; None if there is none."""
        found = self.as_seen(frame)
        if found is None:
            return None
        size = (frame.pixels.shape[1], frame.pixels.shape[0])
        time_s = frame.time_s + _time_s(found) - _time_s(frame)
        return replace(found, pixels=self._aligned(found.pixels, size), time_s=time_s)

    def newest(self, *, since: Frame) -> Frame | None:
        """Return a frame of a live second sensor that is newer than ``since``, without color; None if there is none."""
        found = None if self._recent is None else self._recent.newest()
        if found is None or _time_s(found) <= _time_s(since):
            return None
        time_s = since.time_s + _time_s(found) - _time_s(since)
        x = replace(found, pixels=self._aligned(found.pixels, self._size), time_s=time_s)
        return replace(
            x, x=x, color=False, pts_s=None, epoch=since.epoch, sequence=since.sequence, lag_ms=None
        )

    def as_seen(self, frame: Frame) -> Frame | None:
        """Return the frame that belongs to a color frame, not aligned; None if there is none."""
        self._asked += 1
        found = self._nearest(frame) if self._recent is None else self._recent.nearest(frame)
        if found is None:
            return None
        skew_s = _time_s(found) - _time_s(frame)
        if abs(skew_s) > self._within_s:
            return None
        self._skews_ms.append(skew_s * 1000)
        return found

    def _nearest(self, frame: Frame) -> Frame | None:
        """Return the nearest frame of a file: read until one is later than ``frame``."""
        while self._after is None or self._after.time_s <= frame.time_s:
            self._before = self._after if self._after is not None else self._before
            self._after = self._next()
            if self._after is None:
                break
        near = [one for one in (self._before, self._after) if one is not None]
        return min(near, key=lambda one: abs(one.time_s - frame.time_s), default=None)

    def _next(self) -> Frame | None:
        try:
            following = next(self._frames, None)
        except SourceError as error:
            self._problem, self._frames = str(error), iter(())
            return None
        return None if following is None else replace(following, pixels=following.pixels.copy())

    def _aligned(self, pixels: Pixels, size: Size) -> Pixels:
        if self._homography is None:
            if (pixels.shape[1], pixels.shape[0]) != size:
                raise SourceError(
                    f"{self.source.name} now has {_shown((pixels.shape[1], pixels.shape[0]))} pixels, but "
                    "color has "
                    f"{_shown(size)}; expected both sizes to stay the same"
                )
            return pixels
        cv2 = load_cv2()
        return np.asarray(cv2.warpPerspective(pixels, self._homography, size), np.uint8)

    @property
    def summary(self) -> str:
        """Return how many frames had a partner, and how far apart in time they were."""
        paired = len(self._skews_ms)
        told = f"{self.source.name}: {paired} of {self._asked} frames have an image"
        if paired:
            skew = np.abs(self._skews_ms)
            told += f"; skew {np.mean(self._skews_ms):+.1f} ms, at most {skew.max():.1f} ms"
        problem = self._problem or (self._recent.problem if self._recent is not None else None)
        return told if problem is None else f"{told}; {problem}"

    def __enter__(self) -> SecondSensor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the source. May be called twice."""
        if self._recent is not None:
            self._recent.stop()
        self.source.close()


class _Recent:
    """Buffers the newest frames of a live source, read in a background thread, to find the nearest one."""

    def __init__(self, source: Source) -> None:
        self.problem: str | None = None
        self._source, self._kept = source, deque[Frame](maxlen=_KEPT)
        self._lock, self._stopped = threading.Lock(), False
        self._thread = threading.Thread(target=self._read, name=f"edgetrack x {source.name}", daemon=True)
        self._thread.start()

    def nearest(self, frame: Frame) -> Frame | None:
        with self._lock:
            kept = list(self._kept)
        return min(kept, key=lambda one: abs(_time_s(one) - _time_s(frame)), default=None)

    def newest(self) -> Frame | None:
        with self._lock:
            return self._kept[-1] if self._kept else None

    def stop(self) -> None:
        self._stopped = True
        self._source.close()  # ends the wait for its next frame
        self._thread.join(_JOIN_S)

    def _read(self) -> None:
        try:
            frames: Iterator[Frame] = iter(self._source)
            for frame in frames:
                kept = replace(frame, pixels=frame.pixels.copy())
                with self._lock:
                    self._kept.append(kept)
                if self._stopped:
                    return
        except EdgetrackError as error:
            self.problem = None if self._stopped else str(error)


def _time_s(frame: Frame) -> float:
    """Return the capture time on the clock that both sources share."""
    return frame.time_s if frame.captured_ns is None else frame.captured_ns / 1e9


def read_homography(path: Path, *, x_size: Size, color_size: Size) -> NDArray[np.float64]:
    """Return the homography (3, 3) in a TOML file, from pixels of the second sensor to those of color.

    The file has the image sizes that it is valid for, as width and height: ``x_size`` and ``color_size``.

    Raises:
        ConfigError: The file cannot be read, has other content, or is for images of other sizes.
    """
    _, content = read_toml(path, "homography", _EXAMPLE)
    if unknown := content.keys() - {"x_size", "color_size", "homography"}:
        raise ConfigError(
            f"{path}: {min(unknown)!r} is unknown; expected only x_size, color_size and homography"
        )
    for name, size in (("x_size", x_size), ("color_size", color_size)):
        if content.get(name) != list(size):
            raise ConfigError(
                f"{path}: {name} is {content.get(name)!r:.80} but the images have {list(size)}; expected the "
                "same "
                "size"
            )
    matrix = _matrix(content.get("homography"))
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-9:
        raise ConfigError(
            f"{path}: homography is {content.get('homography')!r:.80}; expected three rows of three numbers, "
            "an "
            f"invertible matrix, as in {_EXAMPLE}"
        )
    return matrix


def _matrix(rows: Any) -> NDArray[np.float64]:
    """Return rows of numbers as an array; an empty one if they are anything else."""
    lists = isinstance(rows, list) and all(isinstance(row, list) for row in rows)
    if not lists or any(type(value) not in (int, float) for row in rows for value in row):
        return np.empty(0)
    try:
        return np.array(rows, np.float64)
    except ValueError:  # rows of different lengths
        return np.empty(0)


def homography_text(matrix: NDArray[np.float64], *, x_size: Size, color_size: Size) -> str:
    """Return the content of a file for `read_homography`."""
    rows = ",\n".join("  [" + ", ".join(f"{value:.10g}" for value in row) + "]" for row in matrix)
    return (
        "# From pixels of the second sensor to those of color.\n"
        f"x_size = [{x_size[0]}, {x_size[1]}]\ncolor_size = [{color_size[0]}, {color_size[1]}]\n"
        f"homography = [\n{rows},\n]\n"
    )


def _shown(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
