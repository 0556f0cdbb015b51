"""Reads and checks the published ONNX files of NanoTrack."""

from __future__ import annotations

from pathlib import Path

import onnx

from edgetrack.errors import ExportError
from edgetrack.peers.nanotrack import STRIDE


def load(path: Path) -> onnx.ModelProto:
    """Load an ONNX file.

    Raises:
        ExportError: it is not an ONNX file.
    """
    try:
        model = onnx.load(str(path))
        onnx.checker.check_model(model)
    except Exception as error:  # onnx may raise anything for damaged files
        raise ExportError(
            f"{path} cannot be loaded ({type(error).__name__}); expected an ONNX file of NanoTrack"
        ) from error
    return model


def backbone(path: Path, side: int) -> onnx.ModelProto:
    """Load the backbone for images of ``side`` pixels; the published file supports only 255.

    Raises:
        ExportError: it is not a backbone of NanoTrack.
    """
    model = load(path)
    cells = {"input": side, "output": (side + STRIDE - 1) // STRIDE}
    values = {value.name: value for value in (*model.graph.input, *model.graph.output)}
    if values.keys() != cells.keys():
        raise ExportError(
            f"{path} has the tensors {', '.join(values)}; expected input and output, as NanoTrack's backbone has"
        )
    for name, value in values.items():
        for axis in (2, 3):
            value.type.tensor_type.shape.dim[axis].dim_value = cells[name]
    del model.graph.value_info[:]
    return model
