"""NVIDIA TensorRT 10.3 or later on the GPU: float32, float16 and the portable INT8 files. Untried on a GPU."""

from __future__ import annotations

import hashlib
import logging
import platform
import re
from pathlib import Path
from threading import Lock
from typing import Any

from edgetrack._imports import require
from edgetrack._native import library
from edgetrack.bundle import Bundle
from edgetrack.engines.base import LazyEngine
from edgetrack.engines.tensorrt.build import build_plan, make_log
from edgetrack.engines.tensorrt.cuda import Cuda, Stream
from edgetrack.engines.tensorrt.frames import GpuFrames
from edgetrack.engines.tensorrt.graph import TensorRtGraph
from edgetrack.engines.tensorrt.plans import PlanCache
from edgetrack.engines.tensorrt.rewrite import REVISION
from edgetrack.errors import EngineUnavailable, MissingExtra
from edgetrack.targets import Target

__all__ = ["TensorRtEngine"]

OLDEST = (10, 3)  # what JetPack 6.1 has: IPluginV3, strongly typed networks, int64
_log = logging.getLogger(__name__)  # without a configuration, Python writes warnings to stderr


class TensorRtEngine(LazyEngine):
    """All graphs of a bundle on TensorRT. A graph's plan is built when it is first needed, and kept on disk.

    Args:
        precision: "fp32", "fp16" or "int8" (with the rest in float32).
        target: this machine; its memory budget bounds TensorRT's workspace.
        why: this precision was taken, for ``reason``.
        cache: of plans.

    Raises:
        MissingExtra: tensorrt or cuda-python is not installed.
        EngineUnavailable: no GPU, a TensorRT that is too old, or another precision.
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
        self._half = precision == "fp16" and precision not in bundle.manifest.precisions  # rewritten at load
        self._errors = make_log(trt)
        self._workspace_mb = target.memory_budget_mb
        self._plans = PlanCache() if cache is None else cache
        self._plugin, selection = self._load_plugin()
        self._runtime = trt.Runtime(self._errors)
        self._stream, self._turn = Stream(self._cuda), Lock()
        self._frames = GpuFrames(self._cuda, gpu, self._stream, self._turn)
        self.lend = self._frames.lend
        capability = ".".join(str(number) for number in gpu.capability)
        self.reason = (
            f"TensorRT {trt.__version__} on {gpu.name} (compute capability {capability}), token selection by "
            f"{selection}; {precision}: {why}"
        )

    def _open(self, role: str) -> TensorRtGraph:
        path = self.bundle.graph(role, self.precision)
        place = self._plans.path(f"{role}-{self.precision}", self._built_from(path))
        engine = self._cached(place)
        if engine is None:
            engine = self._build(role, path, place)
        return TensorRtGraph(role, self._trt, engine, self._cuda, self._stream, self._turn, self._frames)

    def _cached(self, place: Path) -> Any:
        """The engine of a plan on disk; None where there is none, or one that is of no use, which is said."""
        try:
            plan = self._plans.read(place)
            engine = None if plan is None else self._load(plan)
        except (OSError, ValueError) as error:
            _log.warning("%s cannot be used (%s): it is built again", place, error)
            return None
        return engine

    def _build(self, role: str, path: Path, place: Path) -> Any:
        _log.warning(
            "TensorRT builds graph %r in %s for %s, once: this may take minutes",
            role,
            self.precision,
            self._gpu.name,
        )
        plan = build_plan(
            self._trt,
            self._errors,
            path,
            precision=self.precision,
            half=self._half,
            plugin=self._plugin is not None,
            workspace_mb=self._workspace_mb,
        )
        try:
            engine = self._load(plan)
        except ValueError as error:
            raise EngineUnavailable(
                f"TensorRT cannot load the plan of graph {role!r} that it has just built ({error}); use engine='ort'"
            ) from error
        try:
            self._plans.write(place, plan)
        except OSError as error:
            _log.warning("%s cannot be written (%s): the next start builds again", place, error)
        return engine

    def _load(self, plan: bytes) -> Any:
        """The engine of a plan.

        Raises:
            ValueError: TensorRT refuses it; the message is TensorRT's.
        """
        self._errors.errors.clear()
        engine = self._runtime.deserialize_cuda_engine(plan)
        if engine is None:
            raise ValueError(self._errors.last())
        return engine

    def _built_from(self, path: Path) -> tuple[str, ...]:
        """All that decides what a plan is. The bundle has compared its files with these digests."""
        files = self.bundle.manifest.files
        graph = next(e.sha256 for e in files.values() if self.bundle.folder / e.path == path)
        weights = [entry.sha256 for role, entry in sorted(files.items()) if role.endswith("_weights")]
        gpu = (self._gpu.name, *(str(number) for number in self._gpu.capability))
        revision = (
            str(REVISION),
            "halved" if self._half else "as it is",
            self._plugin or "no plugin",
            str(self._workspace_mb),
        )
        return (graph, *weights, str(self._trt.__version__), *gpu, self.precision, *revision)

    def _load_plugin(self) -> tuple[str | None, str]:
        """The digest of the plugin library, None where it was not built, and what selects the tokens, in words."""
        try:
            path = library("plugins")
        except EngineUnavailable:
            return None, "standard operators (libedgetrack_plugins.so was not built)"
        if not self._trt.get_plugin_registry().load_library(str(path)):
            raise EngineUnavailable(
                f"TensorRT {self._trt.__version__} cannot load {path}, which was built against another version; "
                "run: EDGETRACK_TENSORRT=ON pip install --force-reinstall ."
            )
        return hashlib.sha256(path.read_bytes()).hexdigest(), "the plugin"


def _tensorrt() -> Any:
    """The module, new enough."""
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
            f"engine 'tensorrt' needs TensorRT {OLDEST[0]}.{OLDEST[1]} or later, and {version} is installed; "
            "on a Jetson install JetPack 6.1 or later, elsewhere run: pip install -U tensorrt"
        )
    return trt
