"""Every error that edgetrack raises on purpose.

EdgetrackError
├── FrameError(ValueError)         a frame of the wrong type, dtype, shape or size
├── BoxError(ValueError)           a box that is not finite, is empty or lies outside the frame
├── PromptError(ValueError)        a text that is empty, too long or not a string
├── ConfigError(ValueError)        an option outside its allowed values
├── NotStartedError(RuntimeError)  update() or set_text() before start()
├── ClosedError(RuntimeError)      a tracker that was closed, and is used again
├── NotCopyableError(TypeError)    a copy or a pickle of what holds a network, a device or a thread
├── OutOfMemoryError(MemoryError)  what was asked for needs more memory than there is
├── BundleError(ValueError)        a model bundle that is missing, damaged or foreign
├── EngineUnavailable(RuntimeError)  an engine or precision that cannot run here
├── MissingExtra(ImportError)      an optional package that is not installed
├── SourceError(OSError)           a camera, video, folder or URL that cannot be read
├── DatasetError(ValueError)       a data set on disk that is missing, incomplete or malformed
├── SinkError(OSError)             an output that cannot be written
│   └── ReaderGone                 standard output whose reader has left, such as `head`
├── WorkerError(RuntimeError)      a process or machine of an evaluation that ended before its work
└── ExportError(RuntimeError)      a checkpoint that cannot become a bundle
    └── ParityError                an exported graph whose outputs differ from the network's

Each message says what happened and with which value, what was expected, and how to mend it.
"""

from __future__ import annotations


class EdgetrackError(Exception):
    """Base of all errors that edgetrack raises on purpose."""


class FrameError(EdgetrackError, ValueError):
    """A frame of the wrong type, dtype, shape or size."""


class BoxError(EdgetrackError, ValueError):
    """A box that is not finite, is empty or lies outside the frame."""


class PromptError(EdgetrackError, ValueError):
    """A text that is empty, too long or not a string."""


class ConfigError(EdgetrackError, ValueError):
    """An option outside its allowed values."""


class NotStartedError(EdgetrackError, RuntimeError):
    """``update()`` or ``set_text()`` was called before ``start()``."""


class ClosedError(EdgetrackError, RuntimeError):
    """A tracker was used after ``close()``."""


class NotCopyableError(EdgetrackError, TypeError):
    """Something that holds a network, a device or a thread was copied or pickled."""


class OutOfMemoryError(EdgetrackError, MemoryError):
    """What was asked for needs more memory than this process can have."""


class BundleError(EdgetrackError, ValueError):
    """A model bundle that is missing, damaged or foreign."""


class EngineUnavailable(EdgetrackError, RuntimeError):
    """An engine or precision that cannot run on this machine."""


class MissingExtra(EdgetrackError, ImportError):
    """An optional package that is not installed."""


class SourceError(EdgetrackError, OSError):
    """A camera, video, folder or URL that cannot be read."""


class DatasetError(EdgetrackError, ValueError):
    """A data set on disk that is missing, incomplete or malformed."""


class SinkError(EdgetrackError, OSError):
    """An output that cannot be written."""


class ReaderGone(SinkError):
    """Standard output is a pipe whose reader has left, such as ``head``."""


class WorkerError(EdgetrackError, RuntimeError):
    """A process or machine that shares the work of an evaluation ended before its work."""


class ExportError(EdgetrackError, RuntimeError):
    """A checkpoint that cannot become a bundle."""


class ParityError(ExportError):
    """An exported graph whose outputs differ from those of the network."""
