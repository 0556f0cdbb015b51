"""Compiles and runs the C++ test programs of tests/cpp."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

FLAGS = ("-std=c++17", "-O2", "-ffp-contract=off", "-pthread", "-Wall", "-Wextra")


def compile_to(program: Path, *arguments: str) -> Path:
    """The program or library that ``arguments`` of the compiler make; skips without a compiler."""
    compiler = os.environ.get("CXX") or shutil.which("g++")
    if compiler is None:
        pytest.skip("needs a C++ compiler: g++ on PATH, or CXX")
    built = subprocess.run(
        [compiler, *FLAGS, *arguments, "-o", str(program)], capture_output=True, text=True, timeout=600
    )
    assert built.returncode == 0, built.stderr[-4000:]
    return program


def compile_and_run(program: Path, *arguments: str) -> str:
    """Output of the program that ``arguments`` of the compiler make; skips without a compiler."""
    compile_to(program, *arguments)
    done = subprocess.run([str(program)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def needs_x86() -> None:
    """The emulator converts to half precision with an instruction of x86-64."""
    if platform.machine() not in ("x86_64", "AMD64") or platform.system() != "Linux":
        pytest.skip("the CUDA emulator runs on x86-64 Linux")
