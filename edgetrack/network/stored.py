"""Tensors that an ONNX graph stores, in itself or in a file beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import BundleError

if TYPE_CHECKING:
    from onnx import TensorProto


def array_of(tensor: TensorProto, folder: Path) -> NDArray[Any]:
    """Return the values of an initializer.

    ONNX's own reader refuses external data in files with several hard links, which package managers make.

    Args:
        tensor: The initializer.
        folder: Where the graph's file is.

    Raises:
        BundleError: Its values are outside the folder, or truncated.
    """
    from onnx import TensorProto, numpy_helper

    if tensor.data_location != TensorProto.EXTERNAL:
        return np.asarray(numpy_helper.to_array(tensor))
    values = TensorProto()
    values.CopyFrom(tensor)
    values.ClearField("external_data")
    values.data_location = TensorProto.DEFAULT
    values.raw_data = external_bytes(tensor, folder)[2]
    return np.asarray(numpy_helper.to_array(values))


def external_bytes(tensor: TensorProto, folder: Path) -> tuple[str, int, bytes]:
    """Return the file in the folder that holds an initializer's values, their offset in it, and their bytes.

    Raises:
        BundleError: The values are outside the folder, or truncated.
    """
    entry = {field.key: field.value for field in tensor.external_data}
    name, begin, length = entry["location"], int(entry.get("offset", 0)), int(entry.get("length", -1))
    if Path(name).name != name:
        raise BundleError(
            f"the graph in {folder} stores values in {name!r}; expected a file in the same folder: do not "
            "use this graph"
        )
    with (folder / name).open("rb") as file:
        file.seek(begin)
        raw = file.read(length)
    if length >= 0 and len(raw) != length:
        raise BundleError(
            f"{folder / name} has {len(raw)} bytes from byte {begin} on; expected {length}: export the bundle again"
        )
    return name, begin, raw
