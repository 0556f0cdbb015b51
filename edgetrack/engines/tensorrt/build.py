"""From an ONNX file to a plan: the one step that takes seconds on a workstation and minutes on a board."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from edgetrack.engines.tensorrt.plans import PlanCache
from edgetrack.engines.tensorrt.rewrite import rewritten
from edgetrack.errors import BundleError, EngineUnavailable

_log = logging.getLogger(__name__)


class TimingCache:
    """How long layers took on this GPU, as a file: the next plan is built without measuring the same layers again."""

    def __init__(self, plans: PlanCache, path: Path) -> None:
        self._plans, self._path = plans, path

    def use(self, config: Any) -> None:
        """Gives a builder's configuration what is known; what cannot be used is said and measured anew."""
        problem = "TensorRT refuses it"
        try:
            known = self._plans.read(self._path)
        except (OSError, ValueError) as error:
            known, problem = None, str(error)
        else:
            cache = config.create_timing_cache(known or b"")
            if cache is not None and config.set_timing_cache(cache, False):  # made on this very kind of GPU
                return
        _log.warning("%s cannot be used (%s): layers are timed again", self._path, problem)
        config.set_timing_cache(config.create_timing_cache(b""), False)

    def keep(self, config: Any) -> None:
        """Writes what is known after a build; one that cannot be kept is said."""
        try:
            self._plans.write(self._path, bytes(config.get_timing_cache().serialize()))
        except OSError as error:
            _log.warning("%s cannot be written (%s): the next build times layers again", self._path, error)


def make_log(trt: Any) -> Any:
    """A logger for TensorRT that keeps its errors in ``errors`` and prints nothing."""

    class Log(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                self.errors.append(message)

        def last(self) -> str:
            """The last error, in one line."""
            return self.errors[-1].strip().partition("\n")[0][:300] if self.errors else "it gave no reason"

    return Log()


def build_plan(
    trt: Any,
    log: Any,
    path: Path,
    *,
    precision: str,
    half: bool,
    plugin: bool,
    workspace_mb: int,
    timing: TimingCache | None = None,
) -> bytes:
    """Builds the graph of an ONNX file for the GPU of this machine, strongly typed.

    Args:
        trt: the module ``tensorrt``.
        log: what ``make_log`` gave.
        path: the file; its weights lie beside it.
        precision: of the plan, for messages; the types of the file count.
        half: the file is in float32 and shall compute in float16.
        plugin: the plugin library is loaded and shall select the tokens.
        workspace_mb: the most GPU memory that one layer may work in.
        timing: what was measured for earlier plans; this one's measurements are added.

    Raises:
        BundleError: TensorRT cannot read the file.
        EngineUnavailable: TensorRT cannot build it here.
    """
    log.errors.clear()
    builder = trt.Builder(log)
    network = _parsed(trt, log, builder, path, half=half, plugin=plugin)
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace_mb << 20)
    config.clear_flag(trt.BuilderFlag.TF32)  # float32 means float32
    if timing is not None:
        timing.use(config)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        other = "" if precision == "fp32" else "precision='fp32', or "
        raise EngineUnavailable(
            f"TensorRT {trt.__version__} cannot build {path.name} in {precision} on this GPU ({log.last()}); "
            f"use {other}engine='ort'"
        )
    if timing is not None:
        timing.keep(config)
    return bytes(plan)


def _parsed(trt: Any, log: Any, builder: Any, path: Path, *, half: bool, plugin: bool) -> Any:
    """The network of an ONNX file."""
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, log)
    data = rewritten(path, half=half, plugin=plugin) if half or plugin else path.read_bytes()
    if (
        not parser.parse(data, str(path)) or not network.num_outputs
    ):  # it takes some rubbish for an empty graph
        problem = parser.get_error(0).desc() if parser.num_errors else log.last()
        raise BundleError(
            f"TensorRT {trt.__version__} cannot read {path} ({problem[:300]}); export the bundle again, or use "
            "engine='ort'"
        )
    return network
