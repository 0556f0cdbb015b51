"""The compiled module and the optional libraries next to it, with helpful errors if one is missing."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from pkgutil import extend_path
from typing import Literal

import edgetrack
from edgetrack.errors import EngineUnavailable

# In the root of a checkout, its package shadows the installed one, which has the compiled module.
if find_spec("edgetrack._runtime") is None:
    edgetrack.__path__ = extend_path(edgetrack.__path__, "edgetrack")

try:
    from edgetrack import _runtime as runtime
except ImportError as error:
    raise ImportError(
        f"edgetrack's compiled part (edgetrack._runtime) cannot be loaded: {error}; it was expected beside "
        f"{__file__} or in an installed edgetrack, built for this Python; run: pip install -e ."
    ) from error

_SWITCHES = {"ops": "", "cuda": "EDGETRACK_CUDA=ON ", "plugins": "EDGETRACK_TENSORRT=ON "}


def library(name: Literal["ops", "cuda", "plugins"]) -> Path:
    """Return the path of an optional library: ONNX Runtime operators, CUDA kernels or TensorRT plugins.

    Raises:
        EngineUnavailable: it was not built; the message contains the build option.
    """
    path = Path(str(runtime.__file__)).with_name(f"libedgetrack_{name}.so")
    if not path.is_file():
        raise EngineUnavailable(
            f"{path.name} does not exist beside {Path(str(runtime.__file__)).name}: edgetrack was built without it; "
            f"run: {_SWITCHES[name]}pip install . (kernels/README.md lists what it needs)"
        )
    return path


__all__ = ["library", "runtime"]
