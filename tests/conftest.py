"""Fixtures that several test files use."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings
from tensorrt_fakes import FakeCuda, Fakes, FakeTensorRt, install

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


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fakes:
    """TensorRT and CUDA that are not there, and an empty cache of plans."""
    cuda = FakeCuda()
    trt = FakeTensorRt(cuda)
    install(monkeypatch.setitem, cuda, trt)
    monkeypatch.setenv("EDGETRACK_CACHE", str(tmp_path / "cache"))
    return cuda, trt
