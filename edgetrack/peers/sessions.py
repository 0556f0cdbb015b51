"""Sessions for published trackers: of ONNX Runtime, or of OpenVINO in bfloat16; opened with a message that helps."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from numpy.typing import NDArray

from edgetrack import cores
from edgetrack._exit import door
from edgetrack._imports import require
from edgetrack.engines.openvino import check_capable, shared_core
from edgetrack.engines.session_graph import session_options
from edgetrack.errors import BundleError, reason_of


def open_session(path: Path, threads: int | None, name: str) -> Any:
    """An ``onnxruntime.InferenceSession`` on the CPU.

    Args:
        path: of the graph.
        threads: that it may use.
        name: of the tracker that the graph is of, for the message.

    Raises:
        BundleError: the file is missing or damaged.
    """
    onnxruntime = require("onnxruntime", extra="int8")
    try:
        return onnxruntime.InferenceSession(
            str(path), session_options(threads), providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's exceptions have no common base but Exception
        raise _unloadable(path, error, name) from error


def open_graph(path: Path, threads: int | None, name: str, *, precision: str) -> Any:
    """A session for a graph with much of a network's work: OpenVINO's for "bf16" and "int8-bf16", else ONNX Runtime's.

    Raises:
        BundleError, EngineUnavailable, MissingExtra: as for ``open_session`` and ``Bf16Session``.
    """
    return (Bf16Session if precision.endswith("bf16") else open_session)(path, threads, name)


class Bf16Session:
    """A graph whose float32 OpenVINO computes in bfloat16, called as an ``onnxruntime.InferenceSession`` is.

    Args:
        path: of the graph; what it has in integers stays.
        threads: that it may use.
        name: of the tracker that the graph is of, for the message.

    Raises:
        BundleError: the file is missing or damaged.
        EngineUnavailable: this processor has no bfloat16.
        MissingExtra: openvino is not installed.
    """

    def __init__(self, path: Path, threads: int | None, name: str) -> None:
        core = shared_core()
        check_capable(core, "bf16")
        options = {
            "INFERENCE_PRECISION_HINT": "bf16",
            "INFERENCE_NUM_THREADS": cores.checked(threads),
            "PERFORMANCE_HINT": "LATENCY",
        }
        try:
            compiled = core.compile_model(core.read_model(str(path)), "CPU", options)
        except Exception as error:  # openvino raises RuntimeError for everything, with pages of text
            raise _unloadable(path, error, name) from error
        self._request, self._outputs = compiled.create_infer_request(), len(compiled.outputs)
        self._inputs = [
            SimpleNamespace(
                name=value.get_any_name(),
                shape=[side.get_length() if side.is_static else None for side in value.partial_shape],
            )
            for value in compiled.inputs
        ]

    def get_inputs(self) -> list[SimpleNamespace]:
        """Name and shape of each; None for a length that is free."""
        return self._inputs

    def run(self, names: None, feeds: dict[str, NDArray[Any]]) -> list[Any]:
        """All outputs, float32, in the order of the file."""
        del names
        self._request.infer(feeds, share_inputs=True)
        return [self._request.get_output_tensor(index).data.copy() for index in range(self._outputs)]


def run(session: Any, **feeds: NDArray[Any]) -> list[Any]:
    """All outputs of a session, in the order of the file."""
    with door:
        outputs: list[Any] = session.run(None, feeds)
    return outputs


def _unloadable(path: Path, error: Exception, name: str) -> BundleError:
    return BundleError(
        f"{path} cannot be loaded ({reason_of(error)}); write it again: edgetrack export {name} --weights CHECKPOINT "
        "--output DIR"
    )
