"""GStreamer pipelines, through its Python bindings or an OpenCV that was built with GStreamer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack import targets
from edgetrack.errors import SourceError
from edgetrack.io.live import Picture
from edgetrack.io.names import without_secrets
from edgetrack.io.reading import Reading
from edgetrack.io.states import Lost
from edgetrack.io.uri import Settings

READ_S = 5.0  # time without a frame after which the pipeline counts as dead
POLL_S = 0.2  # interval for checking a silent pipeline for errors
CSI = Settings((1280, 720), 30.0)  # default settings of a CSI camera
SINK = "videoconvert ! video/x-raw,format=BGR ! appsink"
MISSING = (
    "it needs GStreamer for Python: apt-get install python3-gi gir1.2-gst-plugins-base-1.0 and a virtual "
    "environment "
    "with --system-site-packages, or an OpenCV that was built with GStreamer, as JetPack's is"
)


def csi_pipeline(sensor: str, settings: Settings, source: str) -> str:
    """Return the pipeline of a CSI camera, from this board's file in ``targets/``.

    Raises:
        SourceError: this board has none, or the sensor is not a number.
    """
    if not sensor.isdecimal():
        raise SourceError(f"{source} is not the address of a CSI camera; expected csi://0 for the first one")
    if settings.code is not None:
        raise SourceError(f"format has no effect: {source} is a CSI camera; leave it out")
    board = targets.detect()
    if board.camera_pipeline is None:
        raise SourceError(
            f"{source} cannot be opened: {board.title} has no CSI camera that edgetrack can open; on a "
            "Jetson the "
            "pipeline is found automatically, on other boards give it: gst:PIPELINE"
        )
    width, height = settings.size or CSI.size or (0, 0)
    fps = round(settings.fps or CSI.fps or 0)
    return board.camera_pipeline.format(sensor=int(sensor), width=width, height=height, fps=fps)


def has_bindings() -> bool:
    """Return whether GStreamer's Python bindings can be imported."""
    return find_spec("gi") is not None


class Pipeline:
    """A running pipeline; see `edgetrack.io.live.Connection`.

    Args:
        description: as for ``gst-launch-1.0``; an ``appsink`` is added if it does not end with one.
        reading: where to report problems.

    Attributes:
        fps: frame rate as reported by the pipeline; None if unknown.

    Raises:
        Lost: the pipeline cannot be built, or does not start.
    """

    def __init__(self, description: str, reading: Reading) -> None:
        gi = import_module("gi")
        gi.require_version("Gst", "1.0")
        Gst: Any = import_module("gi.repository.Gst")

        self._gst, self._reading = Gst, reading
        self.fps: float | None = None
        Gst.init(None)
        whole = description if "appsink" in description else f"{description} ! {SINK}"
        try:
            self._pipeline = Gst.parse_launch(whole)
        except Exception as error:  # GLib.Error, which cannot be imported before
            raise Lost(
                "codec", f"GStreamer reports: {without_secrets(str(getattr(error, 'message', error)))}"
            ) from None
        self._sink = self._find_sink()
        for name, value in (("max-buffers", 1), ("drop", True), ("sync", False)):
            self._sink.set_property(name, value)
        self._pipeline.set_state(Gst.State.PLAYING)
        try:
            self._check()
        except Lost:
            self.close()
            raise

    def _find_sink(self) -> Any:
        elements = self._pipeline.iterate_sinks()
        while True:
            result, element = elements.next()
            if result != self._gst.IteratorResult.OK:
                raise Lost("codec", "the pipeline has no appsink at its end")
            if element.get_factory().get_name() == "appsink":
                return element

    def pictures(self) -> Iterator[Picture]:
        """Yield each frame as it arrives.

        Raises:
            Lost: the pipeline failed, ended or stopped sending frames.
        """
        silent_s = time.monotonic()
        while not self._reading.canceled:
            sample = self._sink.emit("try-pull-sample", round(POLL_S * 1e9))
            if sample is None:
                self._check()
                if time.monotonic() - silent_s > READ_S:
                    raise Lost("timeout", f"no image for {READ_S:.0f} s")
                continue
            buffer = sample.get_buffer()
            yield Picture(self._pixels(sample, buffer), self._captured_ns(buffer), self._pts_s(buffer))
            silent_s = time.monotonic()

    def _pixels(self, sample: Any, buffer: Any) -> NDArray[np.uint8]:
        structure = sample.get_caps().get_structure(0)
        if structure.get_value("format") != "BGR":
            raise Lost(
                "codec",
                f"the pipeline delivers {structure.get_value('format')}; expected BGR: end the pipeline with "
                f"{SINK}",
            )
        width, height = structure.get_value("width"), structure.get_value("height")
        good, numerator, denominator = structure.get_fraction("framerate")
        self.fps = numerator / denominator if good and denominator and numerator else None
        row = (3 * width + 3) // 4 * 4  # GStreamer pads rows to four bytes
        good, memory = buffer.map(self._gst.MapFlags.READ)
        try:
            rows = np.frombuffer(memory.data, np.uint8, row * height).reshape(height, row)
            return np.array(rows[:, : 3 * width].reshape(height, width, 3))
        finally:
            buffer.unmap(memory)

    def _pts_s(self, buffer: Any) -> float | None:
        return None if buffer.pts == self._gst.CLOCK_TIME_NONE else float(buffer.pts / 1e9)

    def _captured_ns(self, buffer: Any) -> int:
        """Return the capture time by the pipeline's clock, which timestamps the buffers of live sources."""
        now_ns, clock = time.monotonic_ns(), self._pipeline.get_clock()
        if clock is None or buffer.pts == self._gst.CLOCK_TIME_NONE:
            return now_ns
        age_ns = int(clock.get_time()) - int(self._pipeline.get_base_time()) - int(buffer.pts)
        return now_ns - age_ns if 0 <= age_ns < 2e9 else now_ns

    def _check(self) -> None:
        kinds = self._gst.MessageType
        message = self._pipeline.get_bus().pop_filtered(kinds.ERROR | kinds.EOS)
        if message is None:
            return
        if message.type == kinds.EOS:
            raise Lost("ended", "the pipeline has ended")
        error, _ = message.parse_error()
        raise Lost("device", f"GStreamer reports: {without_secrets(str(error.message))}")

    def close(self) -> None:
        """Stop the pipeline. May be called twice."""
        self._pipeline.set_state(self._gst.State.NULL)
