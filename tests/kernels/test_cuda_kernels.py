"""The CUDA sources in an emulator on the CPU equal their CPU twins bit by bit; the built library checks its input."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest
from cpp_programs import SANITIZERS, compile_and_run, needs_sanitizers, needs_x86

BOARDS = ("87", "89", "90")  # Orin, Ada, Hopper; 110 (Thor) and 120 (Blackwell) from CUDA 13 on


@pytest.mark.nightly
@pytest.mark.parametrize("sanitized", [False, True], ids=["plain", "address and undefined behavior"])
def test_cuda_sources_equal_the_cpu_twins_in_an_emulator(
    sanitized: bool, repository: Path, tmp_path: Path
) -> None:
    needs_x86()
    if sanitized:
        needs_sanitizers(tmp_path)
    cpp, kernels = repository / "tests" / "cpp", repository / "kernels"
    sources = [kernels / "token_select.cu", kernels / "crop_resize.cu"]
    assert "ok" in compile_and_run(
        tmp_path / "test_cuda_kernels",
        "-mf16c",
        *(SANITIZERS if sanitized else ()),
        f"-I{cpp / 'fake_cuda'}",
        f"-I{kernels}",
        str(cpp / "test_cuda_kernels.cpp"),
        *("-include", "emulator.h", "-x", "c++"),
        *map(str, sources),
    )


def test_built_library_rejects_invalid_shapes(cuda_kernels: Path) -> None:
    """No GPU is needed: shapes are checked first."""
    cuda = ctypes.CDLL(str(cuda_kernels))
    invalid_value, blocks = 1, ctypes.c_int32()
    for shape in ([1, 1025, 8, 8, 1, 4], [1, 16, 8, 769, 1, 4], [1, 16, 8, 8, 33, 4], [1, 16, 8, 8, 1, 17]):
        given = (ctypes.c_int32 * 6)(*shape)
        assert cuda.edgetrack_token_select_blocks(0, given, ctypes.byref(blocks)) == invalid_value


def test_built_library_has_code_for_each_board(cuda_kernels: Path) -> None:
    """nvcc names the object of a source by its target inside the library."""
    code = cuda_kernels.read_bytes()
    missing = [board for board in BOARDS if f"sm_{board}".encode() not in code]
    if len(missing) >= len(BOARDS) - 1:
        pytest.skip("built for one board: EDGETRACK_CUDA_ARCHITECTURES")
    assert not missing, f"no code for sm_{', sm_'.join(missing)} in {cuda_kernels.name}"
