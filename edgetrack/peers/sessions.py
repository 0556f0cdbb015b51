"""Inference sessions for published trackers: ONNX Runtime, or OpenVINO in bfloat16, with helpful error messages."""

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
    """Open an ``onnxruntime.InferenceSession`` on the CPU.

    Args:
        path: path of the graph.
        threads: number of threads.
        name: name of the tracker, for error messages.

    Raises:
        BundleError: the file is missing or damaged.
    """
    onnxruntime = require("onnxruntime", extra="int8")
    try:
        return onnxruntime.InferenceSession(
            str(path), session_options(threads), providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's exceptions have no common base class except Exception
        raise _unloadable(path, error, name) from error


def open_graph(path: Path, threads: int | None, name: str, *, precision: str) -> Any:
    """Open a session for a compute-intensive graph: OpenVINO for "bf16" and "int8-bf16", otherwise ONNX Runtime.

    Raises:
        BundleError, EngineUnavailable, MissingExtra: as in ``open_session`` and ``Bf16Session``.
    """
    return (Bf16Session if precision.endswith("bf16") else open_session)(path, threads, name)


class Bf16Session:
    """Runs float32 graphs in bfloat16 with OpenVINO, with the interface of ``onnxruntime.InferenceSession``.

    Args:
        path: path of the graph; integer parts are not changed.
        threads: number of threads.
        name: name of the tracker, for error messages.

    Raises:
        BundleError: the file is missing or damaged.
        EngineUnavailable: the processor does not support bfloat16.
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
        """Return name and shape of each input; None for a dynamic dimension."""
        return self._inputs

    def run(self, names: None, feeds: dict[str, NDArray[Any]]) -> list[Any]:
        """Return all outputs, float32, in the order of the file."""
        del names
        self._request.infer(feeds, share_inputs=True)
        return [self._request.get_output_tensor(index).data.copy() for index in range(self._outputs)]


def run(session: Any, **feeds: NDArray[Any]) -> list[Any]:
    """Return all outputs of a session, in the order of the file."""
    with door:
        outputs: list[Any] = session.run(None, feeds)
    return outputs


def _unloadable(path: Path, error: Exception, name: str) -> BundleError:
    return BundleError(
        f"{path} cannot be loaded ({reason_of(error)}); write it again: edgetrack export {name} --weights CHECKPOINT "
        "--output DIR"
    )
