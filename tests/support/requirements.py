"""Prints what the package and the extras that are named require, as requirements for pip: see `make requirements`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    from pip._vendor import tomli as tomllib  # of the bare environment that this fills


def requirements(project: dict[str, Any], extras: list[str]) -> list[str]:
    """Each once, those of every installation first.

    Raises:
        KeyError: ``project`` has no such extra.
    """
    found = list(project["dependencies"])
    for extra in extras:
        found += project["optional-dependencies"][extra]
    return list(dict.fromkeys(found))


if __name__ == "__main__":
    path = Path(__file__).resolve().parents[2] / "pyproject.toml"
    project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    sys.stdout.write("".join(f"{line}\n" for line in requirements(project, sys.argv[1:])))
