"""Fixtures shared by the tests of evaluations."""

from __future__ import annotations

from pathlib import Path

import drawn
import pytest


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the rendered data set; tests that change it copy it first."""
    return drawn.write_dataset(tmp_path_factory.mktemp("dataset"))
