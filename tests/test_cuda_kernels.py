"""The CUDA sources, run by an emulator on the CPU, equal their twins bit by bit; and the built library's borders."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest
from cpp_programs import compile_and_run, needs_x86

from edgetrack._native import library
from edgetrack.errors import EngineUnavailable


def test_the_sources_equal_the_twins_in_an_emulator(repository: Path, tmp_path: Path) -> None:
    needs_x86()
    cpp, kernels = repository / "tests" / "cpp", repository / "kernels"
    sources = [kernels / "token_select.cu", kernels / "crop_resize.cu"]
    assert "ok" in compile_and_run(
        tmp_path / "test_cuda_kernels",
        "-mf16c",
        f"-I{cpp / 'fake_cuda'}",
        f"-I{kernels}",
        str(cpp / "test_cuda_kernels.cpp"),
        *("-include", "emulator.h", "-x", "c++"),
        *map(str, sources),
    )


def test_the_built_library_refuses_what_is_outside_the_contract() -> None:
    """No GPU is asked: shapes are checked before."""
    try:
        cuda = ctypes.CDLL(str(library("cuda")))
    except EngineUnavailable as error:
        pytest.skip(f"the CUDA kernels were not built: {error}")
    invalid_value, blocks = 1, ctypes.c_int32()
    for shape in ([1, 1025, 8, 8, 1, 4], [1, 16, 8, 769, 1, 4], [1, 16, 8, 8, 33, 4], [1, 16, 8, 8, 1, 17]):
        given = (ctypes.c_int32 * 6)(*shape)
        assert cuda.edgetrack_token_select_blocks(0, given, ctypes.byref(blocks)) == invalid_value
