"""NVIDIA TensorRT 10.3 or later: float32, float16 and the portable INT8 files. Not tested on a GPU yet."""

from __future__ import annotations

import hashlib
import logging
import platform
import re
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

from edgetrack._imports import require
from edgetrack._native import library
from edgetrack.bundle import Bundle
from edgetrack.engines.base import LazyEngine
from edgetrack.engines.info import EngineInfo
from edgetrack.engines.tensorrt.build import TimingCache, build_plan, make_log
from edgetrack.engines.tensorrt.capture import CudaGraphs
from edgetrack.engines.tensorrt.cuda import Cuda, Stream
from edgetrack.engines.tensorrt.frames import GpuFrames
from edgetrack.engines.tensorrt.graph import TensorRtGraph
from edgetrack.engines.tensorrt.plans import PlanCache
from edgetrack.engines.tensorrt.rewrite import REVISION
from edgetrack.errors import EngineUnavailable, MissingExtra
from edgetrack.targets import Target

__all__ = ["Plan", "TensorRtEngine"]

OLDEST = (10, 3)  # the version in JetPack 6.1, with IPluginV3, strongly typed networks and int64
_log = logging.getLogger(__name__)  # without a configuration, Python writes warnings to stderr


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a graph in the cache."""

    role: str
    precision: str  # also "fp32" for a graph that the INT8 bundle keeps in float32
    path: Path
    size: int  # bytes
    seconds: float  # time to build the plan, or to read it if it was in the cache
    built: bool  # True if it was built by this call; False if it was in the cache


class TensorRtEngine(LazyEngine):
    """All graphs of a bundle on TensorRT. The plan of a graph is built when it is first needed, and kept on disk.

    Args:
        precision: "fp32", "fp16" or "int8" (the remaining nodes run in float32).
        target: Target device of this machine; its memory budget limits TensorRT's workspace.
        why: Why this precision was chosen, for ``info``.
        cache: Cache of plans.

    Raises:
        MissingExtra: The package tensorrt or cuda-python is not installed.
        EngineUnavailable: There is no GPU, TensorRT is too old, or the precision is not supported.
    """

    name = "tensorrt"

    def __init__(
        self,
        bundle: Bundle,
        target: Target,
        *,
        precision: str = "fp32",
        why: str = "asked for",
        cache: PlanCache | None = None,
    ) -> None:
        super().__init__(bundle)
        if precision not in ("fp32", "fp16", "int8"):
            raise EngineUnavailable(
                f"engine 'tensorrt' cannot run precision {precision!r}; expected fp32, fp16 or int8"
            )
        self._trt = trt = _tensorrt()
        self._cuda = Cuda()
        self._gpu = gpu = self._cuda.gpu()
        self.precision = precision
        self._half = precision == "fp16" and precision not in bundle.manifest.precisions  # converted at load
        self._errors = make_log(trt)
        self._workspace_mb = target.memory_budget_mb
        self.plans = PlanCache() if cache is None else cache
        self._plugin, selection = self._load_plugin()
        self._runtime = trt.Runtime(self._errors)
        self._stream, self._turn = Stream(self._cuda), Lock()
        self._frames = GpuFrames(self._cuda, gpu, self._stream, self._turn)
        self.lend = self._frames.lend
        self._replay = CudaGraphs()
        capability = ".".join(str(number) for number in gpu.capability)
        self._info = EngineInfo(
            backend="TensorRT",
            version=trt.__version__,
            device=f"{gpu.name} (compute capability {capability})",
            precision=precision,
            precision_reason=why,
            token_selection=selection,
        )

    @property
    def info(self) -> EngineInfo:
        """What the engine runs on and why, and how its runs are launched."""
        return replace(self._info, details=(self._replay.state,))

    def missing(self) -> list[str]:
        """Return the graphs without an intact plan in the cache; TensorRT may still reject the other plans on load."""
        return [role for role in self.bundle.graphs if not self.plans.holds(self._place(role))]

    def build(self, role: str) -> Plan:
        """Make sure, ahead of time, that the plan of a graph is in the cache.

        Raises:
            BundleError, EngineUnavailable: TensorRT cannot read or build the graph, or the cache cannot be written.
        """
        began_s, place = time.perf_counter(), self._place(role)
        built = self._cached(place)[0] is None and self._built(role, logging.INFO)[1]
        if not place.is_file():
            raise EngineUnavailable(
                f"the plan of graph {role!r} was built but cannot be stored in {place.parent}; "
                "set EDGETRACK_CACHE to a writable folder"
            )
        size, seconds = place.stat().st_size, time.perf_counter() - began_s
        return Plan(role, self._precision_of(role), place, size, seconds, built)

    def _open(self, role: str) -> TensorRtGraph:
        engine = self._cached(self._place(role))[0]
        if engine is None:
            engine = self._built(role, logging.WARNING)[0]
        cuda, stream = self._cuda, self._stream
        return TensorRtGraph(role, self._trt, engine, cuda, stream, self._turn, self._frames, self._replay)

    def _cached(self, place: Path) -> tuple[Any, str | None]:
        """Return the engine of a plan on disk, or None if there is no usable plan, and why the plan is unusable."""
        try:
            plan = self.plans.read(place)
            return (None if plan is None else self._load(plan)), None
        except (OSError, ValueError) as error:
            return None, str(error)

    def _built(self, role: str, level: int) -> tuple[Any, bool]:
        """Return the engine of a new plan, and whether this call built it: another process may have been faster.

        The start of a build is logged at ``level``.
        """
        place = self._place(role)
        with ExitStack() as stack:
            with suppress(OSError):  # a plan that cannot be stored is reported below
                stack.enter_context(self.plans.building())
            engine, problem = self._cached(place)
            if engine is not None:
                return engine, False
            if problem is not None:
                _log.warning("%s cannot be used (%s): the plan is built again", place, problem)
            text = "TensorRT builds graph %r in %s for %s, once: this may take minutes"
            _log.log(level, text, role, self._precision_of(role), self._gpu.name)
            plan = self._plan(role)
            try:
                engine = self._load(plan)
            except ValueError as error:
                raise EngineUnavailable(
                    f"TensorRT cannot load the plan of graph {role!r} that was just built ({error}); "
                    "use engine='ort'"
                ) from error
            try:
                self.plans.write(place, plan)
            except OSError as error:
                _log.warning("%s cannot be written (%s): the next start builds again", place, error)
            return engine, True

    def _plan(self, role: str) -> bytes:
        timing = self.plans.path("timing", self._machine(), suffix=".cache")
        return build_plan(
            self._trt,
            self._errors,
            self.bundle.graph(role, self.precision),
            precision=self._precision_of(role),
            half=self._half,
            plugin=self._plugin is not None,
            workspace_mb=self._workspace_mb,
            timing=TimingCache(self.plans, timing),
        )

    def _load(self, plan: bytes) -> Any:
        """Return the engine of a plan.

        Raises:
            ValueError: TensorRT rejects the plan; the message is TensorRT's.
        """
        self._errors.errors.clear()
        engine = self._runtime.deserialize_cuda_engine(plan)
        if engine is None:
            raise ValueError(self._errors.last())
        return engine

    def _precision_of(self, role: str) -> str:
        """Return the precision of a graph: an INT8 bundle keeps some graphs in float32, with float32 plans."""
        own = self.bundle.manifest.precisions.get(self.precision)
        return self.precision if own is None or role in own.graphs else "fp32"

    def _place(self, role: str) -> Path:
        """Return the path of a graph's plan, which depends on everything that determines the plan."""
        precision = self._precision_of(role)
        built_from = (
            *self.bundle.digests(self.bundle.graph(role, self.precision)),
            *self._machine(),
            precision,
            str(REVISION),
            "halved" if self._half else "as it is",
            self._plugin or "no plugin",
        )
        return self.plans.path(f"{role}-{precision}", (*built_from, str(self._workspace_mb)))

    def _machine(self) -> tuple[str, ...]:
        """Return the facts about this machine that determine how fast a layer runs."""
        return (str(self._trt.__version__), self._gpu.name, *(str(n) for n in self._gpu.capability))

    def _load_plugin(self) -> tuple[str | None, str]:
        """Return the digest of the plugin library, None if not built, and a description of what selects tokens."""
        try:
            path = library("plugins")
        except EngineUnavailable:
            return None, "standard operators (libedgetrack_plugins.so was not built)"
        if not self._trt.get_plugin_registry().load_library(str(path)):
            raise EngineUnavailable(
                f"TensorRT {self._trt.__version__} cannot load {path}, which was built for another version; "
                "run: EDGETRACK_TENSORRT=ON pip install --force-reinstall ."
            )
        return hashlib.sha256(path.read_bytes()).hexdigest(), "the plugin"


def _tensorrt() -> Any:
    """Return the module tensorrt; raise if its version is too old."""
    try:
        trt = require("tensorrt", extra="tensorrt")
    except MissingExtra as error:
        if platform.machine() != "aarch64":
            raise
        raise MissingExtra(
            f"{error}; on a Jetson TensorRT comes with JetPack, not from PyPI: "
            "sudo apt install python3-libnvinfer, and make the environment with --system-site-packages"
        ) from error
    version = str(trt.__version__)
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if numbers < OLDEST:
        raise EngineUnavailable(
            f"engine 'tensorrt' needs TensorRT {OLDEST[0]}.{OLDEST[1]} or later, but {version} is installed; "
            "on a Jetson install JetPack 6.1 or later, elsewhere run: pip install -U tensorrt"
        )
    return trt
