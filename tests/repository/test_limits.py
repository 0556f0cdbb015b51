"""The limits that CONTRIBUTING.md states: length of files here, limits of functions in the settings of ruff."""

from __future__ import annotations

import re
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 300
SUFFIXES = {".c", ".cpp", ".cu", ".h", ".py"}
FOLDERS = (
    "benchmarks",
    "docs",
    "edgetrack",
    "examples",
    "export",
    "kernels",
    "runtime_cpp",
    "targets",
    "tests",
    "tools",
)

# These files are longer today. Remove a file from the list when it is split; add none.
TOO_LONG = {
    "tests/cli/test_cli.py",
    "tests/engines/test_gpu_frames.py",
    "tests/export/test_int8.py",
    "tests/runtime_cpp/test_pace.py",
    "tests/engines/test_tensorrt_handover.py",
    "tests/test_tracker_api.py",
    "tests/training/test_training_datasets.py",
}

GENERATED = {"runtime_cpp/src/unicode_tables.h"}  # by runtime_cpp/tools/unicode_tables.py


def lengths() -> dict[str, int]:
    """Return the number of lines of every source file by path; symbolic links to folders are not followed."""
    found = {}
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in SUFFIXES and not any(parent.is_symlink() for parent in path.parents):
                found[path.relative_to(ROOT).as_posix()] = path.read_text().count("\n")
    return found


def test_files_are_short() -> None:
    found = lengths()
    assert len(found) > 300
    long = {path for path, lines in found.items() if lines > MAX_LINES} - GENERATED
    assert long - TOO_LONG == set(), f"longer than {MAX_LINES} lines: split them"
    assert TOO_LONG - long == set(), "no longer too long: take them out of TOO_LONG"


def test_contributing_states_the_enforced_limits() -> None:
    text = " ".join((ROOT / "CONTRIBUTING.md").read_text().split())
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]
    assert {"C901", "PLR0915", "D4"} <= set(lint["lint"]["select"])
    stated = {
        "lines": rf"{lint['line-length']} characters",
        "files": rf"{MAX_LINES} lines",
        "functions": rf"{lint['lint']['pylint']['max-statements']} statements",
        "complexity": rf"complexity of {lint['lint']['mccabe']['max-complexity']}",
    }
    for what, words in stated.items():
        assert re.search(rf"\b{words}\b", text), f"{what}: CONTRIBUTING.md does not say {words!r}"
