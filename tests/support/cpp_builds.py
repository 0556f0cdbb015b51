"""Configure, build and run C++."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from once import made_once


def onnxruntime_library() -> dict[str, str]:
    """Return the environment with the library of the Python package."""
    import onnxruntime

    library = next((Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*"))
    return {**os.environ, "EDGETRACK_ONNXRUNTIME_LIBRARY": str(library)}


def run(*words: object, **options: Any) -> str:
    options = {"timeout": 900, **options}
    done = subprocess.run([str(w) for w in words], capture_output=True, check=False, **options)
    said = done.stdout.decode() + done.stderr.decode()
    assert done.returncode == 0, f"{words[0]}: exit code {done.returncode}\n{said[-4000:]}"
    return done.stdout.decode()


def configure_and_build(source: Path, folder: Path, target: str = "all", **options: str) -> Path:
    """Compile each target as one source, which halves the time."""
    given = {"CMAKE_UNITY_BUILD": "ON", "CMAKE_UNITY_BUILD_BATCH_SIZE": "0", **options}
    run("cmake", "-S", source, "-B", folder, *(f"-D{name}={value}" for name, value in given.items()))
    run("cmake", "--build", folder, "--target", target, timeout=3600)  # under sanitizers, on a busy machine
    return folder


def built_library(repository: Path, factory: pytest.TempPathFactory) -> Path:
    """Build the shared library and the C++ tests once per test run, and install them into ``installed``."""

    def build(folder: Path) -> None:
        options = {
            "BUILD_SHARED_LIBS": "ON",
            "CMAKE_CXX_FLAGS_RELEASE": "-O1 -DNDEBUG",  # compiles faster; results do not depend on it
            "CMAKE_INSTALL_PREFIX": str(folder / "installed"),
            "EDGETRACK_TESTS": "ON",
            "EDGETRACK_WERROR": "ON",
        }
        configure_and_build(repository / "runtime_cpp", folder, **options)
        run("cmake", "--install", folder)

    return made_once(factory, "cpp_library", build)
