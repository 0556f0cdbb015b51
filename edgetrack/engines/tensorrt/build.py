"""From an ONNX file to a plan: the one step that takes seconds on a workstation and minutes on a board."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgetrack.engines.tensorrt.rewrite import rewritten
from edgetrack.errors import BundleError, EngineUnavailable


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
    trt: Any, log: Any, path: Path, *, precision: str, half: bool, plugin: bool, workspace_mb: int
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

    Raises:
        BundleError: TensorRT cannot read the file.
        EngineUnavailable: TensorRT cannot build it here.
    """
    log.errors.clear()
    builder = trt.Builder(log)
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
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace_mb << 20)
    config.clear_flag(trt.BuilderFlag.TF32)  # float32 means float32
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise EngineUnavailable(
            f"TensorRT {trt.__version__} cannot build {path.name} in {precision} on this GPU ({log.last()}); "
            "use precision='fp32', or engine='ort'"
        )
    return bytes(plan)
