"""Fixtures that several test files use."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("any machine", deadline=None)  # a busy one is no failure
settings.load_profile("any machine")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout that these tests belong to; the package under test is the installed one."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Videos and pictures that the project measures itself on; they are not in the repository."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the measuring data are not here: {folder} does not exist")
    return folder
