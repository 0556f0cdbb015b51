"""Capture of CUDA streams without a GPU: enqueued calls are recorded, and executed at each launch."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

Work = list[Callable[[], Any]]


class FakeGraphs:
    """The part of ``FakeCuda`` for capture and launch; the stream is 77."""

    cudaError_t: Any

    class cudaStreamCaptureMode(enum.IntEnum):
        cudaStreamCaptureModeGlobal = 0
        cudaStreamCaptureModeThreadLocal = 1

    def prepare_graphs(self) -> None:
        self.captures = True  # False: the driver refuses to capture
        self.capture: Work | None = None  # what the stream records instead of doing it
        self.valid = True  # False: a forbidden call has spoilt the capture
        self.graphs: dict[int, Work] = {}
        self.executables: dict[int, Work] = {}
        self.launches: list[int] = []
        self._handles = 1000

    def do(self, work: Callable[[], Any]) -> Any:
        """Run the work at once, or, if the stream is being captured, when the graph is launched."""
        if self.capture is None:
            return work()
        self.capture.append(work)
        return self.cudaError_t.cudaSuccess

    def cudaStreamBeginCapture(self, stream: int, mode: Any) -> tuple[Any]:
        if not self.captures or stream != 77 or self.capture is not None:
            return (self.cudaError_t.cudaErrorStreamCaptureUnsupported,)
        assert mode == self.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self.capture, self.valid = [], True
        return (self.cudaError_t.cudaSuccess,)

    def cudaStreamEndCapture(self, stream: int) -> tuple[Any, int]:
        work, self.capture = self.capture, None
        if work is None or not self.valid:
            return self.cudaError_t.cudaErrorStreamCaptureInvalidated, 0
        return self.cudaError_t.cudaSuccess, self._keep(self.graphs, work)

    def cudaGraphInstantiate(self, graph: int, flags: int) -> tuple[Any, int]:
        return self.cudaError_t.cudaSuccess, self._keep(self.executables, list(self.graphs[graph]))

    def _keep(self, where: dict[int, Any], work: Work) -> int:
        self._handles += 1
        where[self._handles] = work
        return self._handles

    def cudaGraphDestroy(self, graph: int) -> tuple[Any]:
        return self._release(graph, self.graphs)

    def cudaGraphExecDestroy(self, executable: int) -> tuple[Any]:
        return self._release(executable, self.executables)

    def cudaGraphLaunch(self, executable: int, stream: int) -> tuple[Any]:
        if executable not in self.executables or stream != 77:
            return (self.cudaError_t.cudaErrorInvalidValue,)
        self.launches.append(executable)
        for work in self.executables[executable]:
            work()
        return (self.cudaError_t.cudaSuccess,)

    def _release(self, handle: int, where: dict[int, Any]) -> tuple[Any]:
        raise NotImplementedError
