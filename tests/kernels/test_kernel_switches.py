"""AUTO, ON and OFF of the optional libraries: CMake is run on a machine that lacks their dependencies."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    shutil.which("cmake") is None or shutil.which("c++") is None,
    reason="needs cmake and a C++ compiler on the path: pip install cmake",
)
OFF = {"EDGETRACK_CUDA": "OFF", "EDGETRACK_TENSORRT": "OFF"}
PROJECT = """
cmake_minimum_required(VERSION 3.18)
project(kernels_only LANGUAGES CXX)
set(CMAKE_FIND_USE_CMAKE_SYSTEM_PATH OFF) # nothing that the system has, such as libnvinfer-dev
set(CMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH OFF)
add_subdirectory({kernels} kernels)
"""


class Machine:
    """A folder in which CMake configures the kernels, with a PATH that has no nvcc."""

    def __init__(self, repository: Path, folder: Path) -> None:
        self.folder, self.bin = folder, folder / "bin"
        self.bin.mkdir()
        for tool in ("cmake", "c++", "make", "ninja", "ar", "ranlib", "ld", "as", "uname", "sh"):
            if found := shutil.which(tool):
                (self.bin / tool).symlink_to(found)
        (folder / "CMakeLists.txt").write_text(PROJECT.format(kernels=repository / "kernels"))

    def configure(self, **switches: str) -> tuple[bool, str]:
        """Return whether CMake succeeded, and its output on one line; its cache is cleared first."""
        given = {**OFF, "TENSORRT_ROOT": "", **switches}
        words = ["cmake", "-S", str(self.folder), "-B", str(self.folder / "build"), "-U*_INCLUDE*"]
        words += [f"-D{name}={value}" for name, value in given.items()]
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CUDA", "TENSORRT"))}
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=300, env={**kept, "PATH": str(self.bin)}
        )
        return done.returncode == 0, " ".join((done.stdout + done.stderr).split())


@pytest.fixture(scope="module")
def machine(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(repository, tmp_path_factory.mktemp("switches"))


LACKS = {
    "EDGETRACK_CUDA": ("no nvcc was found", "install the CUDA toolkit and put nvcc on PATH"),
    "EDGETRACK_TENSORRT": (
        "the headers of TensorRT 10.3 or later were not found",
        "pass -DTENSORRT_ROOT=FOLDER",
    ),
}


@pytest.mark.parametrize("switch", LACKS)
def test_auto_skips_what_is_missing_and_says_so(machine: Machine, switch: str) -> None:
    well, said = machine.configure(**{switch: "AUTO"})
    assert well, said
    assert all(f"{switch}: left out, because" in said and part in said for part in LACKS[switch]), said


@pytest.mark.parametrize("switch", LACKS)
def test_on_fails_with_the_fix_and_the_switch_to_turn_it_off(machine: Machine, switch: str) -> None:
    well, said = machine.configure(**{switch: "ON"})
    assert not well
    assert all(part in said for part in (*LACKS[switch], f"{switch} is ON", f"or pass -D{switch}=OFF")), said


def test_off_searches_for_nothing(machine: Machine) -> None:
    well, said = machine.configure()
    assert well, said
    assert "left out" not in said
    assert "CUDA" not in said


def test_other_values_are_rejected(machine: Machine) -> None:
    well, said = machine.configure(EDGETRACK_CUDA="yes")
    assert not well
    assert "EDGETRACK_CUDA is yes; expected AUTO, ON or OFF" in said


@pytest.mark.parametrize(
    ("version", "says"),
    [
        ("8.6", "10.3 or later were not found"),
        ("10.3", "the plugins need the CUDA kernels, which are not built"),
    ],
)
def test_plugins_need_cuda_and_a_tensorrt_with_their_interface(
    machine: Machine, tmp_path: Path, version: str, says: str
) -> None:
    """TensorRT 8.6 has no IPluginV3."""
    major, minor = version.split(".")
    (tmp_path / "include").mkdir()
    (tmp_path / "include/NvInferRuntimePlugin.h").touch()
    (tmp_path / "include/NvInferVersion.h").write_text(
        f"#define NV_TENSORRT_MAJOR {major}\n#define NV_TENSORRT_MINOR {minor}\n"
    )
    well, said = machine.configure(EDGETRACK_TENSORRT="ON", TENSORRT_ROOT=str(tmp_path))
    assert not well
    assert says in said
    assert (f"version {version}" in said) == (version == "8.6")
