"""What TensorRT needs changed in an ONNX file before it reads it: the plugin's operators, and float16.

TensorRT 10 and 11 take types from the file (strongly typed networks), so float16 must stand in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgetrack._imports import require
from edgetrack.engines.half import halve
from edgetrack.errors import BundleError

REVISION = 2  # of what is written here; part of the key of a plan
_PLUGINS = ("TokenSelect", "TokenRestore")


def rewritten(path: Path, *, half: bool, plugin: bool) -> bytes:
    """The graph of ``path`` as TensorRT shall read it; weights stay in the files beside ``path``.

    Args:
        half: products and what follows them in float16 (``edgetrack.engines.half``), for a file that is in float32.
        plugin: token selection by the node that the plugin library has, instead of standard operators.

    Raises:
        MissingExtra: onnx is not installed.
        BundleError: the file is no ONNX graph.
    """
    onnx = require("onnx", extra="tensorrt")
    try:
        model = onnx.load(path, load_external_data=False)
        if half:
            halve(model)
        if plugin:
            _take_plugin(model)
    except Exception as error:  # protobuf and onnx's inference have no common base but Exception
        raise BundleError(
            f"{path} cannot be rewritten for TensorRT ({error}); export the bundle again"
        ) from error
    data: bytes = model.SerializeToString()
    return data


def _take_plugin(model: Any) -> None:
    """Leaves the nodes that the plugins compute without functions."""
    kept = [function for function in model.functions if function.name not in _PLUGINS]
    del model.functions[:]
    model.functions.extend(kept)
