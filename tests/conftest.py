"""Fixtures that several test files use."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import settings
from tensorrt_fakes import FakeCuda, Fakes, FakeTensorRt, install

from edgetrack._native import library
from edgetrack.errors import EngineUnavailable

ROOT = Path(__file__).resolve().parent.parent

# Files that take half a minute or longer: when several processes share the work, none of these may be the last one.
LONGEST = (
    "export/test_int8.py",
    "runtime_cpp/test_cpp_library.py",
    "export/test_export.py",
    "export/test_fp16.py",
    "peers/test_uvltrack.py",
    "export/test_candidates.py",
    "runtime_cpp/test_cpp_package.py",
    "evaluation/phrases/test_evaluate.py",
    "export/test_acceptance.py",
    "runtime_cpp/test_batching.py",
    "network/test_model.py",
    "peers/test_sdstrack.py",
    "bench/test_benchmarks.py",
    "kernels/test_token_select.py",
    "training/test_training_masks.py",
    "cli/test_cli.py",
    "kernels/test_cuda_kernels.py",
)

# Under nohup or in the background, programs that the tests start would ignore the signals that tests send them.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

# Data for training and measuring is next to the checkout, if there is any.
os.environ.setdefault("EDGETRACK_DATA", str(ROOT.parent / "shared" / "data"))

settings.register_profile("any machine", deadline=None)  # a busy one is no failure
settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the files in ``LONGEST`` first, in its order; the others keep theirs."""
    ranks = {ROOT / "tests" / file: rank for rank, file in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the checkout that these tests belong to; the package under test is the installed one."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the videos and images that the project measures itself on; they are not in the repository."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the measuring data are not here: {folder} does not exist")
    return folder


@pytest.fixture(scope="session")
def needs() -> Callable[[str, str], None]:
    """Skip a test that lacks something; if the switch of that library is ON, fail instead: `make test-kernels`."""

    def lack(switch: str, what: str) -> None:
        if os.environ.get(switch) == "ON":
            pytest.fail(f"{switch} is ON, but {what}")
        pytest.skip(what)

    return lack


def built(name: Literal["cuda", "plugins"], switch: str, needs: Callable[[str, str], None]) -> Path:
    try:
        return library(name)
    except EngineUnavailable as error:
        needs(switch, str(error))
        raise


@pytest.fixture(scope="session")
def ops() -> Path:
    """Return the library with the operators of ONNX Runtime."""
    return library("ops")


@pytest.fixture(scope="session")
def cuda_kernels(needs: Callable[[str, str], None]) -> Path:
    """Return the library of the CUDA kernels, if it was built."""
    return built("cuda", "EDGETRACK_CUDA", needs)


@pytest.fixture(scope="session")
def plugins(needs: Callable[[str, str], None]) -> Path:
    """Return the library of the TensorRT plugins, if it was built."""
    return built("plugins", "EDGETRACK_TENSORRT", needs)


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fakes:
    """Install fakes of TensorRT and CUDA, and an empty cache of plans."""
    cuda = FakeCuda()
    trt = FakeTensorRt(cuda)
    install(monkeypatch.setitem, cuda, trt)
    monkeypatch.setenv("EDGETRACK_CACHE", str(tmp_path / "cache"))
    return cuda, trt
