"""Print the oldest version of each requirement in pyproject.toml, as constraints for pip: see `make test-floors`."""

from __future__ import annotations

import re
import sys
from pathlib import Path


def floors(text: str) -> dict[str, str]:
    """By name; of a package that is asked for several times, the first, which is that of every installation."""
    found: dict[str, str] = {}
    for name, version in re.findall(
        r'^[^#\n]*?"([\w-]+)>=([\d.]+)', re.sub(r'", "', '",\n"', text), re.MULTILINE
    ):
        found.setdefault(name, version)
    return found


if __name__ == "__main__":
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    for name, version in floors(project.read_text(encoding="utf-8").partition("[project]")[2]).items():
        sys.stdout.write(f"{name}=={version}\n")
