"""Build a plan from an ONNX file, which takes seconds on a workstation and minutes on a board."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from edgetrack.engines.tensorrt.plans import PlanCache
from edgetrack.engines.tensorrt.rewrite import rewritten
from edgetrack.errors import BundleError, EngineUnavailable

_log = logging.getLogger(__name__)


class TimingCache:
    """A file with layer timings measured on this GPU, so that later builds need not measure the same layers again."""

    def __init__(self, plans: PlanCache, path: Path) -> None:
        self._plans, self._path = plans, path

    def use(self, config: Any) -> None:
        """Load the cached timings into a builder's configuration; log an unusable cache, which is then rebuilt."""
        problem = "TensorRT refuses it"
        try:
            known = self._plans.read(self._path)
        except (OSError, ValueError) as error:
            known, problem = None, str(error)
        else:
            cache = config.create_timing_cache(known or b"")
            if cache is not None and config.set_timing_cache(cache, False):  # from this GPU model only
                return
        _log.warning("%s cannot be used (%s): layers are timed again", self._path, problem)
        config.set_timing_cache(config.create_timing_cache(b""), False)

    def keep(self, config: Any) -> None:
        """Write the timings to disk after a build; log a failure to write."""
        try:
            self._plans.write(self._path, bytes(config.get_timing_cache().serialize()))
        except OSError as error:
            _log.warning("%s cannot be written (%s): the next build times layers again", self._path, error)


def make_log(trt: Any) -> Any:
    """Return a logger for TensorRT that keeps errors in ``errors`` and prints nothing."""

    class Log(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                self.errors.append(message)

        def last(self) -> str:
            """Return the last error as one line."""
            return (
                self.errors[-1].strip().partition("\n")[0][:300] if self.errors else "TensorRT gave no reason"
            )

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
    """Build the graph of an ONNX file as a strongly typed network for this machine's GPU.

    Args:
        trt: The module ``tensorrt``.
        log: The logger from ``make_log``.
        path: The ONNX file; its weights are next to it.
        precision: Precision of the plan, used only in messages; the types in the file decide.
        half: Whether to convert a float32 file to float16.
        plugin: Whether the loaded plugin library selects the tokens.
        workspace_mb: Limit of the GPU memory that one layer may use as workspace.
        timing: Timings of earlier builds; those of this build are added.

    Returns:
        The serialized plan.

    Raises:
        BundleError: TensorRT cannot read the file.
        EngineUnavailable: TensorRT cannot build the graph on this machine.
    """
    log.errors.clear()
    builder = trt.Builder(log)
    network = _parsed(trt, log, builder, path, half=half, plugin=plugin)
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace_mb << 20)
    config.clear_flag(trt.BuilderFlag.TF32)  # no TF32: float32 must be exact
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
    """Return the TensorRT network of an ONNX file."""
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, log)
    data = rewritten(path, half=half, plugin=plugin) if half or plugin else path.read_bytes()
    if (
        not parser.parse(data, str(path)) or not network.num_outputs
    ):  # TensorRT parses some invalid files as an empty graph
        problem = parser.get_error(0).desc() if parser.num_errors else log.last()
        raise BundleError(
            f"TensorRT {trt.__version__} cannot read {path} ({problem[:300]}); export the bundle again, or use "
            "engine='ort'"
        )
    return network
