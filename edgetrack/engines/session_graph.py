"""A graph that runs in the Python package onnxruntime: on a GPU, or from an in-memory model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from edgetrack import cores, memory
from edgetrack._exit import door
from edgetrack._native import runtime
from edgetrack.engines.base import check_feeds
from edgetrack.errors import EdgetrackError, EngineUnavailable, reason_of
from edgetrack.manifest import TensorSpec
from edgetrack.unique import Unique

_TYPES = {"tensor(float)": "float32", "tensor(int64)": "int64"}


class SessionGraph(Unique):
    """One ``onnxruntime.InferenceSession``."""

    _instead = "it is a network in memory; open the bundle where it is needed"

    def __init__(self, role: str, session: Any) -> None:
        self.role = role
        self._session = session
        self.inputs: Mapping[str, TensorSpec] = {v.name: _spec(v) for v in session.get_inputs()}
        self.outputs: Mapping[str, TensorSpec] = {v.name: _spec(v) for v in session.get_outputs()}
        self._names = list(self.outputs)

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Compute all outputs; see ``Graph``."""
        check_feeds(self.role, self.inputs, feeds)
        try:
            with door:
                results = self._session.run(self._names, feeds)
        except Exception as error:  # onnxruntime's exceptions have no common base but Exception
            raise _failure(self.role, error) from error
        return dict(zip(self._names, results, strict=True))


def session_options(threads: int | None) -> Any:
    """Return the options of a CPU session with ``threads`` threads, the same as those of the C++ engine."""
    import onnxruntime

    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores.checked(threads)
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only: everything else is reported by exceptions
    for key, value in runtime.ORT_SETTINGS:
        options.add_session_config_entry(key, value)
    return options


def _failure(role: str, error: Exception) -> EdgetrackError:
    """Return the error to raise after a run of graph ``role`` failed."""
    if memory.ran_out(error):
        return memory.told(f"ONNX Runtime ran graph {role!r}")
    return EngineUnavailable(
        f"ONNX Runtime could not run graph {role!r} ({reason_of(error)}); try another engine"
    )


def _spec(value: Any) -> TensorSpec:
    return TensorSpec(_TYPES.get(value.type, value.type), tuple(value.shape))
