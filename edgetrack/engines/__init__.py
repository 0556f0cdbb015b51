"""Engines run the graphs of a bundle. ``open_engine`` chooses one and never substitutes silently."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgetrack import cores, targets
from edgetrack.bundle import Bundle
from edgetrack.engines.base import Engine, Graph
from edgetrack.engines.ort import OrtEngine, saturates
from edgetrack.errors import ConfigError, EdgetrackError, EngineUnavailable

if TYPE_CHECKING:
    from edgetrack.engines.tensorrt import TensorRtEngine

__all__ = ["ENGINES", "PRECISIONS", "Engine", "Graph", "available", "open_engine", "open_tensorrt"]

ENGINES = ("auto", "ort", "ort-ops", "openvino", "ort-cuda", "ort-tensorrt", "tensorrt")
PRECISIONS = ("auto", "fp32", "fp16", "bf16", "int8")
_HERE = (
    "engines are ort (fp32, int8), ort-ops (the same with edgetrack's compiled operators) and "
    "openvino (fp32, bf16, int8) on the CPU; ort-cuda (fp32, fp16), ort-tensorrt and tensorrt (fp32, fp16, int8) "
    "on an NVIDIA GPU"
)


def open_engine(
    bundle: Bundle, *, engine: str = "auto", precision: str = "auto", threads: int | None = None
) -> Engine:
    """Open the requested engine, or with ``auto`` the best one for this machine; its ``info`` gives the reason.

    ``auto`` takes the first engine that the target device lists (``edgetrack.targets``), and INT8 if both the bundle
    and the target support it: export keeps INT8 in a bundle only if it was as accurate and faster. ``tensorrt`` starts
    on ONNX Runtime while its plans are built, as ``info`` reports; ``wait()`` blocks until they are ready. With
    ``threads=None``, the engine uses 2 threads, or 1 on a single core.

    Raises:
        ConfigError: A name is unknown, or ``threads`` is below 1 or above the number of cores that this process may
            use.
        EngineUnavailable: The engine or the precision cannot run on this machine.
    """
    _check_name("engine", engine, ENGINES)
    _check_name("precision", precision, PRECISIONS)
    threads = cores.checked(threads)
    target = targets.detect()
    name = target.engines[0] if engine == "auto" else engine
    if name == "tensorrt":
        from edgetrack.engines.tensorrt.handover import hand_over

        return hand_over(open_tensorrt(bundle, precision=precision), threads=threads)
    taken, why = _precision(bundle, precision, target, name)
    if name == "openvino":
        from edgetrack.engines.openvino import OpenVinoEngine

        return OpenVinoEngine(bundle, precision=taken, threads=threads, why=why)
    if name in ("ort-cuda", "ort-tensorrt"):
        from edgetrack.engines.ort_gpu import OrtGpuEngine

        return OrtGpuEngine(bundle, target, name=name, precision=taken, why=why)
    return OrtEngine(bundle, precision=taken, threads=threads, why=why, compiled=name == "ort-ops")


def open_tensorrt(bundle: Bundle, *, precision: str = "auto") -> TensorRtEngine:
    """Open TensorRT without ONNX Runtime as a stand-in; a missing plan is built when its graph is first requested.

    Raises:
        ConfigError: The precision is unknown.
        EngineUnavailable, MissingExtra: TensorRT or the precision cannot run on this machine.
    """
    from edgetrack.engines.tensorrt import TensorRtEngine

    _check_name("precision", precision, PRECISIONS)
    target = targets.detect()
    taken, why = _precision(bundle, precision, target, "tensorrt")
    return TensorRtEngine(bundle, target, precision=taken, why=why)


def available(bundle: Bundle) -> dict[str, str | EdgetrackError]:
    """Return for each engine a description of what it would run on, or the error that says what is missing."""
    result: dict[str, str | EdgetrackError] = {}
    for name in ENGINES[1:]:
        try:
            engine = open_engine(bundle, engine=name)
        except EdgetrackError as error:
            result[name] = error
        else:
            result[name] = engine.info.headline
            engine.close()
    return result


def _precision(bundle: Bundle, precision: str, target: targets.Target, engine: str) -> tuple[str, str]:
    """Return the precision to run and the reason for it."""
    held = bundle.manifest.precisions
    if precision == "auto":
        return _automatic("int8" in held, target, engine)
    needs_files = precision == "int8" or (precision == "fp16" and engine in ("ort-cuda", "ort-tensorrt"))
    if needs_files and precision not in held:
        raise EngineUnavailable(
            f"bundle {bundle.manifest.name} ({bundle.folder}) does not contain precision {precision!r}; "
            f"run: edgetrack export {bundle.manifest.name} --{precision} --calibration VIDEO --output DIR"
            f"{' --target BOARD' if precision == 'fp16' else ''}"
        )
    return precision, "asked for"


def _automatic(has_int8: bool, target: targets.Target, engine: str) -> tuple[str, str]:
    if not has_int8:
        return "fp32", "the bundle has no INT8"
    if engine == "ort-cuda":
        return "fp32", "the bundle has INT8, for which this provider has no kernels"
    if engine in ("ort", "ort-ops") and saturates():
        return "fp32", "the bundle has INT8, but this processor has no VNNI, so sums could saturate"
    if "int8" in target.precisions:
        return "int8", f"the bundle has INT8 and {target.name} runs it"
    return "fp32", f"{target.name} does not list INT8"


def _check_name(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value in allowed:
        return
    raise ConfigError(f"{option} {value!r} is unknown; expected one of {', '.join(allowed)}: {_HERE}")
