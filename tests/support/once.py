"""Things that several processes of one test run share: made by the first one that needs them."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Give the folder of this run that ``make`` fills.

    Another process of pytest-xdist that asks for it meanwhile waits, instead of making it a second time.

    Args:
        factory: pytest's ``tmp_path_factory``.
        name: of the folder, which no other fixture may have.
        make: fills the empty folder that it is given. Where it fails, the next one that asks tries again.
    """
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # each process has a folder of its own in it
    folder, made = base / name, base / f"{name}.made"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            made.touch()
    return folder
