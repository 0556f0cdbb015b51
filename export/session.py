"""Run in-memory graphs with ONNX Runtime, in the same way as the engine runs files."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from edgetrack.engines.session_graph import session_options

Arrays = dict[str, NDArray[np.float32]]
_COUNTS = "kept"  # a fraction of cells above a threshold, for diagnosis; it need not be equal


class Session:
    """A graph ready to run.

    Attributes:
        runtime: The ``onnxruntime.InferenceSession``.

    Args:
        model: The graph; its large constants may be in a weight file.
        folder: Folder of that file.
        threads: CPU threads.
        watched: Inner tensors to return in addition to the outputs.
    """

    def __init__(
        self, model: onnx.ModelProto, folder: Path, *, threads: int = 1, watched: Collection[str] = ()
    ) -> None:
        import onnxruntime

        if watched:
            plain, model = model, onnx.ModelProto()
            model.CopyFrom(plain)
            there = {v.name for v in (*model.graph.input, *model.graph.output)}
            for name in sorted(set(watched) - there):
                model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
        options = session_options(threads)
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder))
        self.runtime = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._names = [value.name for value in self.runtime.get_outputs()]

    @classmethod
    def of(cls, path: Path, *, threads: int = 1) -> Session:
        """Open the graph in a file of a bundle."""
        return cls(onnx.load(str(path), load_external_data=False), path.parent, threads=threads)

    def run(self, feeds: Mapping[str, NDArray[np.float32]]) -> Arrays:
        """Return all outputs and the watched tensors."""
        return dict(zip(self._names, self.runtime.run(self._names, dict(feeds)), strict=True))


def relative_error(given: Arrays, expected: Arrays) -> float:
    """Return the mean over the outputs of |given - expected| / |expected|, with Euclidean norms."""
    shares = [
        float(np.linalg.norm(given[name] - value)) / max(float(np.linalg.norm(value)), 1e-9)
        for name, value in expected.items()
        if name != _COUNTS
    ]
    return sum(shares) / len(shares)
