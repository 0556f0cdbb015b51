"""Optional packages: the only place that knows which extra brings which module."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from edgetrack import memory
from edgetrack.errors import MissingExtra


def require(module: str, extra: str) -> Any:
    """Import ``module``, which is part of ``pip install 'edgetrack[extra]'``.

    Raises:
        OutOfMemoryError: there is not enough memory to load it.
        MissingExtra: it is not installed or does not load; the message contains the command.
    """
    try:
        return import_module(module)
    except ImportError as error:
        if memory.ran_out(error):
            raise memory.told(f"the Python module {module!r} was loaded") from error
        raise MissingExtra(
            f"the Python module {module!r} cannot be imported ({error}); this function needs it; "
            f"run: pip install 'edgetrack[{extra}]'"
        ) from error
