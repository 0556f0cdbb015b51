"""The compiled module and the optional libraries beside it, with errors that help when one is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from edgetrack.errors import EngineUnavailable

try:
    from edgetrack import _runtime as runtime
except ImportError as error:
    raise ImportError(
        f"edgetrack's compiled part (edgetrack._runtime) cannot be loaded: {error}; it was expected beside "
        "this file, built for this Python; instead of running from the sources: pip install -e ."
    ) from error

_SWITCHES = {"ops": "ONNXRUNTIME", "cuda": "CUDA", "plugins": "TENSORRT"}


def library(name: Literal["ops", "cuda", "plugins"]) -> Path:
    """Where an optional library lies: ONNX Runtime operators, CUDA kernels or TensorRT plugins.

    Raises:
        EngineUnavailable: it was not built; the message has the switch that builds it.
    """
    path = Path(str(runtime.__file__)).with_name(f"libedgetrack_{name}.so")
    if not path.is_file():
        switch = f"EDGETRACK_{_SWITCHES[name]}"
        raise EngineUnavailable(
            f"{path.name} is not beside {Path(str(runtime.__file__)).name}: it was left out when edgetrack was "
            f"built; run: {switch}=ON pip install . (what it needs is in kernels/README.md)"
        )
    return path


__all__ = ["library", "runtime"]
