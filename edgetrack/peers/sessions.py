"""Sessions of ONNX Runtime for published trackers: opened with a message that helps, and run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgetrack._exit import door
from edgetrack._imports import require
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
        raise BundleError(
            f"{path} cannot be loaded ({reason_of(error)}); write it again: edgetrack export {name} --weights "
            "CHECKPOINT --output DIR"
        ) from error


def run(session: Any, **feeds: NDArray[Any]) -> list[Any]:
    """All outputs of a session, in the order of the file."""
    with door:
        outputs: list[Any] = session.run(None, feeds)
    return outputs
