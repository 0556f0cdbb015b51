"""Command lines of training scripts that take only paths and numbers."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

Kind = Callable[[str], Any]


def arguments(about: str | None, **kinds: Kind | list[Kind]) -> argparse.Namespace:
    """Parse the command line of the module that runs; a wrong one, and ``--help``, show its usage and exit.

    Args:
        about: The module's docstring, whose first line is shown.
        kinds: Each argument's name and type, in order; ``[type]`` takes one or more.

    Returns:
        The values by name.
    """
    spec = sys.modules["__main__"].__spec__
    name = None if spec is None else f"python -m {spec.name}"
    parser = argparse.ArgumentParser(prog=name, description=(about or "").partition("\n")[0])
    for key, kind in kinds.items():
        if isinstance(kind, list):
            parser.add_argument(key, type=kind[0], nargs="+", metavar=key.upper())
        else:
            parser.add_argument(key, type=kind, metavar=key.upper())
    return parser.parse_args()
