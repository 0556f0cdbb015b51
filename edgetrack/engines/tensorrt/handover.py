"""Start without waiting for TensorRT: ONNX Runtime serves until another process has built the plans."""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from threading import Event, Lock, Thread, current_thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.arrays import GpuFrame, Pixels
from edgetrack.bundle import GRAPHS
from edgetrack.crop import check_packed
from edgetrack.engines.base import Engine, Graph
from edgetrack.engines.binding import Arrays, bind
from edgetrack.engines.info import EngineInfo
from edgetrack.engines.ort import OrtEngine, saturates
from edgetrack.engines.tensorrt import TensorRtEngine
from edgetrack.engines.tensorrt.process import BuildProcess
from edgetrack.errors import EngineUnavailable
from edgetrack.manifest import TensorSpec

LOADING_S = 10.0  # longest wait for plans that are being loaded when the engine is closed
POLL_S = 0.1  # interval at which wait() checks whether the engine was closed
_log = logging.getLogger(__name__)


def hand_over(tensorrt: TensorRtEngine, *, threads: int) -> Engine:
    """Return the engine itself if all of its plans are cached; otherwise one that starts on ONNX Runtime."""
    if not tensorrt.missing():
        return tensorrt
    fits = tensorrt.precision == "int8" and not saturates()
    why = (
        "until then"
        if fits or tensorrt.precision == "fp32"
        else f"instead of {tensorrt.precision}, until then"
    )
    meanwhile = OrtEngine(tensorrt.bundle, precision="int8" if fits else "fp32", threads=threads, why=why)
    return HandOver(tensorrt, meanwhile)


class HandOver:
    """Two engines with the same tensors, one of which serves; ``info`` says which, and since when.

    The build starts when the first graph is requested. If it fails, a warning is logged once and ``meanwhile`` keeps
    serving. The state machine uses the thresholds of TensorRT's precision from the start.

    Args:
        tensorrt: Engine with missing plans; serves from the first run after they are built.
        meanwhile: Engine that serves until then.
    """

    name = "tensorrt"

    def __init__(self, tensorrt: TensorRtEngine, meanwhile: Engine) -> None:
        self.bundle, self.precision = tensorrt.bundle, tensorrt.precision
        self._tensorrt, self._meanwhile = tensorrt, meanwhile
        self.serving: Engine = meanwhile
        self._since = self._problem = ""
        self._lock = Lock()
        self._build: BuildProcess | None = None
        self._settled = Event()

    @property
    def info(self) -> EngineInfo:
        """The engine that currently serves, and why."""
        own, meanwhile = self._tensorrt.info, self._meanwhile.info
        if self.serving is self._tensorrt:
            before = f"since {self._since}, until then {meanwhile.machine} in {meanwhile.precision}"
            return replace(own, details=(*own.details, before))
        if self._problem:
            return replace(
                meanwhile,
                stand_in="ONNX Runtime is used, because TensorRT's plans could not be built "
                f"({self._problem})",
            )
        return replace(
            meanwhile,
            stand_in=f"ONNX Runtime is used until {own.machine} has built its plans (build them ahead of "
            "time with: edgetrack build)",
        )

    def graph(self, role: str) -> Graph:
        """Return the graph of a role; each run goes to the engine that serves at that moment."""
        with self._lock:
            if self._build is None and not self._settled.is_set():
                self._begin()
        return _Graph(self, role)

    def lend(self, frame: Pixels) -> AbstractContextManager[NDArray[np.uint8] | GpuFrame]:
        """Accept frames in GPU memory once TensorRT serves; see ``TensorRtEngine``."""
        return (
            self._tensorrt.lend(frame) if self.serving is self._tensorrt else nullcontext(check_packed(frame))
        )

    def wait(self) -> None:
        """Wait until TensorRT serves.

        Raises:
            EngineUnavailable: The plans could not be built, or the engine was closed.
        """
        self.graph(GRAPHS[0])
        while not self._settled.wait(POLL_S):
            with self._lock:
                if self._build is None and not self._settled.is_set():
                    raise EngineUnavailable(
                        "the engine was closed while TensorRT built its plans; open another one"
                    )
        if self._problem:
            raise EngineUnavailable(self._problem)

    def close(self) -> None:
        """Stop a running build, and release all loaded graphs; a later call of ``graph`` starts again."""
        with self._lock:
            building, self._build = self._build is not None, None
        if building:
            self._end()
        self._meanwhile.close()
        self._tensorrt.close()

    def _begin(self) -> None:
        missing = self._tensorrt.missing()
        _log.warning(
            "%s builds the plans of %s in the background, which may take minutes; ONNX Runtime is used until then",
            self._tensorrt.info.machine,
            ", ".join(missing),
        )
        build = BuildProcess(self.bundle, self.precision, missing, self._tensorrt.plans)
        thread = Thread(target=_watch, args=(weakref.ref(self), build), name="edgetrack-build", daemon=True)
        self._build = build
        self._end = weakref.finalize(self, _end, build, thread)  # at program exit at the latest
        thread.start()

    def built(self, build: BuildProcess, problem: str | None) -> None:
        """Switch to TensorRT, or record why that failed; called by the thread that waited for ``build``."""
        began_s = time.perf_counter()
        try:
            if problem is None and (missing := self._tensorrt.missing()):
                problem = f"edgetrack build succeeded, but wrote no plan for {', '.join(missing)}"
            if problem is None:
                _warm(self._tensorrt)
        except Exception as error:  # in a background thread, it would otherwise go unnoticed
            problem = str(error)
        with self._lock:
            if self._build is not build or build.stopped:
                self._tensorrt.close()
                return
            if problem is not None:
                self._problem = problem
                _log.warning(
                    "TensorRT's plans could not be built, so ONNX Runtime is still used: %s", problem
                )
            else:
                self._since = f"{datetime.now():%H:%M:%S}"
                self.serving = self._tensorrt
                _log.warning(
                    "TensorRT is used from now on: built in %.0f s, loaded in %.1f s",
                    build.seconds,
                    time.perf_counter() - began_s,
                )
                self._meanwhile.close()  # runs still bound to it keep it alive until they are rebound
            self._build = None
            self._settled.set()


def _watch(owner: weakref.ref[HandOver], build: BuildProcess) -> None:
    """Wait for a build and report it to the engine, unless the engine has been released by then."""
    problem = build.result()
    engine = owner()
    if engine is not None:
        engine.built(build, problem)


def _end(build: BuildProcess, thread: Thread) -> None:
    """Stop a build and join its thread, which may be loading plans: CUDA must not be shut down during that."""
    build.stop()
    if thread is not current_thread():  # the thread itself may hold the last reference
        thread.join(LOADING_S)


def _warm(engine: Engine) -> None:
    """Load all graphs and run each once, because the first run loads kernels and would delay a frame."""
    for role in engine.bundle.graphs:
        graph = engine.graph(role)
        graph.run({name: np.zeros(spec.shape, spec.dtype) for name, spec in graph.inputs.items()})


class _Graph:
    """A graph that runs on whichever engine serves."""

    def __init__(self, owner: HandOver, role: str) -> None:
        self._owner, self._role = owner, role
        graph = owner.serving.graph(role)
        self.inputs: Mapping[str, TensorSpec] = graph.inputs
        self.outputs: Mapping[str, TensorSpec] = graph.outputs

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return self._owner.serving.graph(self._role).run(feeds)

    def bind(self, inputs: Arrays, outputs: Arrays) -> Callable[..., None]:
        """See ``edgetrack.engines.binding.bind``; the arrays stay the same, whichever engine serves."""
        return _Bound(self._owner, self._role, inputs, outputs)


class _Bound:
    """A run bound to the engine that serves; it is rebound between two runs when the engine changes."""

    def __init__(self, owner: HandOver, role: str, inputs: Arrays, outputs: Arrays) -> None:
        self._owner, self._role, self._arrays = owner, role, (inputs, outputs)
        self._bind(owner.serving)

    def __call__(self, *view: int) -> None:
        serving = self._owner.serving
        if serving is not self._to:
            self._bind(serving)
        self._run(*view)

    def _bind(self, engine: Engine) -> None:
        self._run = bind(engine.graph(self._role), *self._arrays)
        self._to = engine
