"""Values of graphs whose weights are in an external file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")

from edgetrack.bundle import Bundle  # noqa: E402
from edgetrack.errors import BundleError  # noqa: E402
from edgetrack.network.stored import array_of  # noqa: E402


def external(folder: Path, **entry: str) -> Any:
    """Store six numbers in an external file, referenced like in a graph."""
    values = np.arange(6, dtype=np.float32)
    (folder / "weights").write_bytes(b"head" + values.tobytes())
    tensor = onnx.TensorProto(name="w", dims=[2, 3], data_type=onnx.TensorProto.FLOAT)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": "weights", "offset": "4", "length": "24", **entry}.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


def test_values_are_read_at_their_offset(tmp_path: Path) -> None:
    tensor = external(tmp_path)
    assert array_of(tensor, tmp_path).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert tensor.data_location == onnx.TensorProto.EXTERNAL, "the graph stays as it is"
    inline = onnx.numpy_helper.from_array(np.float32([1, 2]), "v")
    assert array_of(inline, tmp_path).tolist() == [1, 2]


def test_file_may_be_a_link_of_a_package_manager(tmp_path: Path) -> None:
    """uv and conda make such links: the same file under another name in their cache."""
    tensor = external(tmp_path)
    os.link(tmp_path / "weights", tmp_path / "cached")
    assert array_of(tensor, tmp_path)[1, 2] == 5


def test_values_outside_or_truncated_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"'\.\./weights'"):
        array_of(external(tmp_path, location="../weights"), tmp_path)
    with pytest.raises(BundleError, match="has 20 bytes from byte 8 on; expected 24"):
        array_of(external(tmp_path, offset="8"), tmp_path)


def test_linked_bundle_can_be_quantized_and_trained_from(tmp_path: Path) -> None:
    """Its weights are read in the two ways used by INT8 and training."""
    from edgetrack.export.layers import Source

    pytest.importorskip("torch", reason="needs PyTorch: pip install 'edgetrack[train]'")
    from edgetrack.training.parameters import parameters_of

    bundle = Bundle.open("edgetrack-256")
    path = bundle.path("search")
    for name in (path.name, "tracker.weights"):
        (tmp_path / name).write_bytes((path.parent / name).read_bytes())
    os.link(tmp_path / "tracker.weights", tmp_path / "cached")
    parameters = parameters_of(tmp_path / path.name)
    name = "network.trunk.stem.conv.weight"
    assert parameters[name].shape[1] == 3
    read = Source.read(tmp_path / path.name).constant(f"{name}_f16")
    assert np.array_equal(read, parameters[name].numpy())
