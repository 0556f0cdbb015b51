"""Rewrite an ONNX file for TensorRT: use the plugin's operators, and convert to float16.

TensorRT 10 and 11 take types from the file (strongly typed networks), so float16 must be declared there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgetrack._imports import require
from edgetrack.engines.half import halve
from edgetrack.errors import BundleError

REVISION = 2  # version of this rewriting; part of a plan's key
_PLUGINS = ("TokenSelect", "TokenRestore")


def rewritten(path: Path, *, half: bool, plugin: bool) -> bytes:
    """Return the graph in ``path``, rewritten and serialized for TensorRT; weights stay in the files next to ``path``.

    Args:
        path: The ONNX file.
        half: Whether to convert matrix products and the nodes that follow them to float16
            (``edgetrack.engines.half``), for a float32 file.
        plugin: Whether the plugin library's node selects tokens instead of standard operators.

    Raises:
        MissingExtra: The package onnx is not installed.
        BundleError: The file is not an ONNX graph.
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
    """Remove the local functions of the nodes that the plugins compute."""
    kept = [function for function in model.functions if function.name not in _PLUGINS]
    del model.functions[:]
    model.functions.extend(kept)
