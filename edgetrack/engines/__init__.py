"""Engines run the graphs of a bundle. ``open_engine`` chooses one and never substitutes silently."""

from __future__ import annotations

from edgetrack.bundle import Bundle
from edgetrack.engines.base import Engine, Graph
from edgetrack.engines.ort import OrtEngine
from edgetrack.errors import ConfigError, EngineUnavailable

__all__ = ["ENGINES", "PRECISIONS", "Engine", "Graph", "open_engine"]

ENGINES = ("auto", "ort")
PRECISIONS = ("auto", "fp32")
_HERE = "this version runs engine 'ort' (ONNX Runtime on the CPU) in precision 'fp32'"
_LATER = {"trt": "TensorRT engines", "int8": "INT8 models", "fp16": "float16 engines"}


def open_engine(bundle: Bundle, *, engine: str = "auto", precision: str = "auto", threads: int = 2) -> Engine:
    """The engine asked for; with ``auto`` the best one here, which says why in its ``reason``.

    Raises:
        ConfigError: an unknown name, or ``threads`` is not an integer of at least 1.
        EngineUnavailable: the engine or the precision cannot run here.
    """
    _check_name("engine", engine, ENGINES)
    _check_name("precision", precision, PRECISIONS)
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
        raise ConfigError(f"threads is {threads!r}; expected an integer of at least 1")
    return OrtEngine(bundle, threads=threads)


def _check_name(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value in allowed:
        return
    if isinstance(value, str) and value in _LATER:
        raise EngineUnavailable(
            f"{option} {value!r} is not available: {_HERE}; {_LATER[value]} come with a later export "
            f"command; use  {option}='auto'"
        )
    raise ConfigError(f"{option} {value!r} is unknown; expected one of {', '.join(allowed)}: {_HERE}")
