"""All errors that edgetrack raises deliberately.

EdgetrackError
├── FrameError(ValueError)         a frame of the wrong type, dtype, shape or size
├── BoxError(ValueError)           a box that is not finite, is empty or lies outside the frame
├── PromptError(ValueError)        a text that is empty, too long, not a string or, with ``strict``, unknown
├── ConfigError(ValueError)        an option outside its allowed values
├── NotStartedError(RuntimeError)  update() or set_text() before start()
├── ClosedError(RuntimeError)      a tracker that is used after it was closed
├── NotCopyableError(TypeError)    copying or pickling an object with a network, a device or a thread
├── OutOfMemoryError(MemoryError)  a request that needs more memory than there is
├── BundleError(ValueError)        a model bundle that is missing, damaged or foreign
├── EngineUnavailable(RuntimeError)  an engine or precision that cannot run here
├── MissingExtra(ImportError)      an optional package that is not installed
├── SourceError(OSError)           a camera, video, folder or URL that cannot be read
├── DatasetError(ValueError)       a dataset on disk that is missing, incomplete or malformed
├── StateError(ValueError)         a saved state of a NormalModel that is missing, damaged or foreign
├── SinkError(OSError)             an output that cannot be written
│   └── ReaderGone                 standard output whose reader has exited, such as `head`
├── AdapterError(RuntimeError)     an adapter whose code failed, or returned an invalid result
├── WorkerError(RuntimeError)      a process or machine of an evaluation that ended before it was done
└── ExportError(RuntimeError)      a checkpoint that cannot become a bundle
    └── ParityError                an exported graph whose outputs differ from the network's

In addition, there is ``PromptWarning(UserWarning)``: a text with words that the model was not trained on.

Each message says what happened and with which value, what was expected, and how to fix it.
"""

from __future__ import annotations

import re

_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\-_])")  # ECMA-48
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
# Uninformative first lines in the errors of other libraries: source locations in OpenVINO, after which all
# lines describe the error, and PyTorch's headings.
_PLACE = re.compile(r"^(Exception from |Check '.*' failed at )")
_EMPTY = re.compile(r"^(Failed to export the model|Next steps|This is step|Error in user code:?$)")

# Exceptions that parsing an untrusted file may raise, for example for huge numbers or deeply nested lists.
MALFORMED = (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError)


class EdgetrackError(Exception):
    """Base class of all errors that edgetrack raises deliberately."""


class FrameError(EdgetrackError, ValueError):
    """A frame of the wrong type, dtype, shape or size."""


class BoxError(EdgetrackError, ValueError):
    """A box that is not finite, is empty or lies outside the frame."""


class PromptError(EdgetrackError, ValueError):
    """A text that is empty, too long or not a string."""


class PromptWarning(UserWarning):
    """A text with words that the model was not trained on; another object may be found."""


class ConfigError(EdgetrackError, ValueError):
    """An option outside its allowed values."""


class NotStartedError(EdgetrackError, RuntimeError):
    """``update()`` or ``set_text()`` was called before ``start()``."""


class ClosedError(EdgetrackError, RuntimeError):
    """A tracker was used after ``close()``."""


class NotCopyableError(EdgetrackError, TypeError):
    """An object with a network, a device or a thread was copied or pickled."""


class OutOfMemoryError(EdgetrackError, MemoryError):
    """The request needs more memory than this process can have."""


class BundleError(EdgetrackError, ValueError):
    """A model bundle that is missing, damaged or foreign."""


class EngineUnavailable(EdgetrackError, RuntimeError):
    """An engine or precision that cannot run on this machine."""


class MissingExtra(EdgetrackError, ImportError):
    """An optional package that is not installed."""


class SourceError(EdgetrackError, OSError):
    """A camera, video, folder or URL that cannot be read.

    Attributes:
        code: Type of failure of a live source: "authentication", "not-found", "tls", "timeout", "codec",
            "refused", "unreachable", "ended" or "device"; otherwise None.
    """

    code: str | None = None


class DatasetError(EdgetrackError, ValueError):
    """A dataset on disk that is missing, incomplete or malformed."""


class StateError(EdgetrackError, ValueError):
    """A saved state of a `NormalModel` that is missing, damaged, foreign or newer."""


class SinkError(EdgetrackError, OSError):
    """An output that cannot be written."""


class ReaderGone(SinkError):
    """Standard output is a pipe whose reader has exited, such as ``head``."""


class AdapterError(EdgetrackError, RuntimeError):
    """The code of an adapter failed, or returned an invalid result."""


class WorkerError(EdgetrackError, RuntimeError):
    """A worker process or machine of an evaluation ended before its work was done."""


class ExportError(EdgetrackError, RuntimeError):
    """A checkpoint that cannot become a bundle."""


class ParityError(ExportError):
    """An exported graph whose outputs differ from those of the network."""


def reason_of(error: BaseException, *, limit: int = 300) -> str:
    """Return why another library failed, in one line without escape sequences: type and first informative line.

    The innermost cause is used, because PyTorch and OpenVINO wrap their errors in pages of internals.
    """
    found, seen = error, set[int]()
    while found.__cause__ is not None and id(found) not in seen:
        seen.add(id(found))
        found = found.__cause__
    lines = (_CONTROL.sub(" ", line).strip() for line in _ESCAPES.sub("", str(found)).splitlines())
    said = [line for line in lines if line]
    told = [line for line in said if not _PLACE.match(line)]
    if len(told) < len(said):
        telling = " ".join(told)
    else:
        telling = next((line for line in said if not _EMPTY.match(line)), said[0] if said else "")
    return f"{type(found).__name__}: {telling}"[:limit] if telling else type(found).__name__
