"""Compiles and runs the C++ test programs of tests/cpp."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

SANITIZERS = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
FLAGS = ("-std=c++17", "-O2", "-ffp-contract=off", "-pthread", "-Wall", "-Wextra")


def compile_and_run(program: Path, *arguments: str) -> str:
    """Return the output of the program compiled with ``arguments``; skip without a compiler."""
    _compile(program, *arguments)
    done = subprocess.run([str(program)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def compile_library(library: Path, *arguments: str) -> Path:
    """Return the shared library compiled with ``arguments``; skip without a compiler."""
    _compile(library, "-shared", "-fPIC", *arguments)
    return library


def _compile(output: Path, *arguments: str) -> None:
    words = [_compiler(), *FLAGS, *arguments, "-o", str(output)]
    built = subprocess.run(words, capture_output=True, text=True, timeout=600)
    assert built.returncode == 0, built.stderr[-4000:]


def _compiler() -> str:
    compiler = os.environ.get("CXX") or shutil.which("g++")
    if compiler is None:
        pytest.skip("needs a C++ compiler: g++ on PATH, or CXX")
    return compiler


def needs_sanitizers(tmp_path: Path) -> None:
    """Skip if the compiler lacks the sanitizer libraries."""
    compiler, source = _compiler(), tmp_path / "empty.cpp"
    source.write_text("int main() {}\n")
    words = [compiler, *SANITIZERS, str(source), "-o", str(tmp_path / "empty")]
    if subprocess.run(words, capture_output=True, timeout=120).returncode != 0:
        pytest.skip(f"{compiler} has no address sanitizer: install libasan and libubsan")


def needs_x86() -> None:
    """The emulator converts to half precision with an x86-64 instruction."""
    if platform.machine() not in ("x86_64", "AMD64") or platform.system() != "Linux":
        pytest.skip("the CUDA emulator runs on x86-64 Linux")
