"""The compiled module, with an error that helps when it is missing."""

from __future__ import annotations

try:
    from edgetrack import _runtime as runtime
except ImportError as error:
    raise ImportError(
        f"edgetrack's compiled part (edgetrack._runtime) cannot be loaded: {error}; it was expected beside "
        "this file, built for this Python; instead of running from the sources: pip install -e ."
    ) from error

__all__ = ["runtime"]
