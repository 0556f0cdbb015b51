"""The declarations in kernels/onnxruntime_api.h, compared with ONNX Runtime's own header and its library."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HEADER = "onnxruntime_c_api.h"
FOLDERS = [
    os.environ.get("ONNXRUNTIME_INCLUDE_DIR", ""),
    *(f"{top}/include/onnxruntime{end}" for top in ("/usr", "/usr/local") for end in ("", "/core/session")),
]


@pytest.fixture(scope="module")
def include() -> Path:
    """Return the folder of ONNX Runtime's header."""
    for folder in FOLDERS:
        if folder and (Path(folder) / HEADER).is_file():
            return Path(folder)
    pytest.skip(f"{HEADER} is in no usual folder: set ONNXRUNTIME_INCLUDE_DIR to the one that holds it")


def compile_against(repository: Path, include: Path, ours: Path) -> subprocess.CompletedProcess[str]:
    compiler = os.environ.get("CXX") or shutil.which("g++")
    if compiler is None:
        pytest.skip("needs a C++ compiler: g++ on PATH, or CXX")
    words = [compiler, "-std=c++17", "-fsyntax-only", f"-I{ours}", "-isystem", str(include)]
    words.append(str(repository / "tests/cpp/test_onnxruntime_api.cpp"))
    return subprocess.run(words, capture_output=True, text=True, timeout=300)


def test_every_index_and_signature_matches_the_official_header(repository: Path, include: Path) -> None:
    done = compile_against(repository, include, repository / "kernels")
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.mark.parametrize(
    ("ours", "changed", "says"),
    [
        ("FUNCTION(133, RunWithBinding", "FUNCTION(132, RunWithBinding", "the index of RunWithBinding"),
        ("OrtSessionOptions*, int threads", "OrtSessionOptions*, long threads", "SetIntraOpNumThreads"),
        ("kInt64 = 7", "kInt64 = 8", "kInt64"),
        ("  int (*GetStartVersion)(const CustomOp*);\n", "", "GetStartVersion"),
    ],
)
def test_wrong_declaration_is_detected(
    repository: Path, include: Path, tmp_path: Path, ours: str, changed: str, says: str
) -> None:
    text = (repository / "kernels/onnxruntime_api.h").read_text()
    assert ours in text
    (tmp_path / "onnxruntime_api.h").write_text(text.replace(ours, changed, 1))
    done = compile_against(repository, include, tmp_path)
    assert done.returncode != 0
    assert says in done.stderr


def test_installed_library_has_the_declared_api() -> None:
    """Its API table of version 18 makes a status with a code and a message, and returns both: slots 0, 1, 2 and 93."""
    import onnxruntime

    path = next((Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*"))
    library = ctypes.CDLL(str(path))
    library.OrtGetApiBase.restype = ctypes.POINTER(ctypes.c_void_p)
    get_api = ctypes.CFUNCTYPE(ctypes.POINTER(ctypes.c_void_p), ctypes.c_uint32)(library.OrtGetApiBase()[0])
    assert not get_api(10_000)
    table = get_api(18)
    create = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p)(table[0])
    code = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(table[1])
    message = ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_void_p)(table[2])
    release = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(table[93])
    status = create(9, b"as it was given")
    assert (code(status), message(status)) == (9, b"as it was given")
    release(status)
