"""CUDA graphs: the work that a run queues on the stream is captured once and then launched as one unit."""

from __future__ import annotations

import logging
import os
import weakref
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any

from edgetrack.engines.tensorrt.cuda import Cuda, Stream
from edgetrack.errors import ConfigError, EngineUnavailable

_SWITCH = "EDGETRACK_CUDA_GRAPHS"
_log = logging.getLogger(__name__)


class CudaGraphs:
    """Whether an engine uses CUDA graphs, and if not, why; ``EDGETRACK_CUDA_GRAPHS=0`` turns them off.

    Raises:
        ConfigError: The environment variable is neither 0 nor 1.
    """

    def __init__(self) -> None:
        switch = os.environ.get(_SWITCH, "1")
        if switch not in ("0", "1"):
            raise ConfigError(f"{_SWITCH} is {switch!r}; expected 1 (replay runs as CUDA graphs) or 0")
        self.on = switch == "1"
        self.state = "runs replayed as CUDA graphs" if self.on else f"CUDA graphs off ({_SWITCH}=0)"

    def fail(self, role: str, error: EngineUnavailable) -> None:
        """Disable CUDA graphs for all graphs of the engine, and log it once."""
        why = str(error).partition("; ")[0].removeprefix("engine 'tensorrt': ")
        self.on = False
        self.state = f"CUDA graphs off, capture failed ({why})"
        _log.warning(
            "graph %r cannot be captured as a CUDA graph (%s): TensorRT continues without it, more slowly; "
            "to skip the capture: %s=0",
            role,
            why,
            _SWITCH,
        )


class Captures:
    """The CUDA graphs of one network on one stream, by key. The caller must serialize runs."""

    def __init__(self, role: str, cuda: Cuda, stream: Stream, mode: CudaGraphs) -> None:
        self._role, self._cuda, self._stream, self._mode = role, cuda, stream, mode
        self._captured: dict[Hashable, _Executable] = {}

    def run(self, key: Hashable, queue: Callable[[], None]) -> None:
        """Queue a run on the stream without waiting for it.

        Args:
            key: Identifies the run; runs with the same key do the same work at the same addresses.
            queue: Queues the work on the stream piece by piece. The first run of a key uses it directly, because
                TensorRT then finishes its setup for the new addresses, which is not allowed during capture.
        """
        executable = self._captured.get(key) if self._mode.on else None
        if executable is not None:
            executable.launch()
            return
        queue()
        if self._mode.on:
            try:
                self._captured[key] = self._capture(queue)
            except EngineUnavailable as error:
                self._mode.fail(self._role, error)

    def forget(self) -> None:
        """Discard all captures, because an address has changed; the next runs are captured again."""
        self._captured.clear()

    def _capture(self, queue: Callable[[], None]) -> _Executable:
        self._cuda.begin_capture(self._stream)
        try:
            queue()
        except BaseException:
            with suppress(EngineUnavailable):  # always end the capture, even if it failed
                self._cuda.call(
                    "cudaGraphDestroy", self._cuda.call("cudaStreamEndCapture", self._stream.handle)
                )
            raise
        graph = self._cuda.call("cudaStreamEndCapture", self._stream.handle)
        try:
            return _Executable(self._cuda, self._stream, self._cuda.call("cudaGraphInstantiate", graph, 0))
        finally:
            self._cuda.call("cudaGraphDestroy", graph)


class _Executable:
    """A captured run, which is destroyed together with this object."""

    def __init__(self, cuda: Cuda, stream: Stream, handle: Any) -> None:
        self._cuda, self._stream, self._handle = cuda, stream, handle
        weakref.finalize(self, cuda.call, "cudaGraphExecDestroy", handle)

    def launch(self) -> None:
        self._cuda.call("cudaGraphLaunch", self._handle, self._stream.handle)
