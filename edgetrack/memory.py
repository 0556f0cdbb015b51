"""Detection of out-of-memory errors in the messages of libraries."""

from __future__ import annotations

from edgetrack.errors import OutOfMemoryError

_WORDS = (  # messages of the C++ library, ONNX Runtime, the dynamic linker, the system, OpenCV and CUDA
    "bad_alloc",
    "bad allocation",
    "failed to allocate memory",
    "failed to map segment",
    "cannot allocate memory",
    "insufficient memory",
    "out of memory",
)


def ran_out(error: BaseException) -> bool:
    """Return whether ``error``, or one of its causes, says that there was not enough memory."""
    words = str(error).lower()
    if isinstance(error, MemoryError) or any(word in words for word in _WORDS):
        return True
    return error.__cause__ is not None and ran_out(error.__cause__)


def told(doing: str) -> OutOfMemoryError:
    """Return the error to raise when memory ran out while ``doing`` something."""
    return OutOfMemoryError(
        f"memory ran out while {doing}; end other programs, raise the memory limit, or use a smaller model: "
        "edgetrack-160"
    )
