"""The shared library as a package: its version, its exports, how CMake finds it, and the program of the docs."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import islice
from pathlib import Path

import pytest
from cpp_builds import built_library, configure_and_build, onnxruntime_library, run

from edgetrack.bundle import Bundle
from edgetrack.types import Box

pytestmark = pytest.mark.skipif(
    shutil.which("cmake") is None or shutil.which("c++") is None or shutil.which("nm") is None,
    reason="needs cmake, a C++ compiler and nm on the path: pip install cmake",
)
USING = r"""
#include <edgetrack/bundle.h>
#include <edgetrack/edgetrack.h>

#include <cstdio>

int main(int, char** words) {
  try {
    std::printf("%s %s ", EDGETRACK_VERSION, edgetrack_version());
    std::printf("%s ", edgetrack::Bundle::open(words[1]).name.c_str());
    edgetrack::Bundle::open("/nowhere");
  } catch (const edgetrack::Error& error) {
    std::printf("%d", static_cast<int>(error.code));
  }
}
"""


@pytest.fixture(scope="module")
def version(repository: Path) -> str:
    found = re.search(r'^version = "(.*)"', (repository / "pyproject.toml").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def built(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_library(repository, tmp_path_factory)


def test_library_exports_only_its_interface(built: Path, version: str) -> None:
    assert (built / f"libedgetrack.so.{version.rpartition('.')[0]}").is_symlink()
    listed = run("nm", "-DC", "--defined-only", built / "libedgetrack.so").splitlines()
    symbols = [line.split(" ", 2)[2] for line in listed]
    assert "edgetrack_version" in symbols
    assert not [
        s for s in symbols if re.search("State::|Json|Contract|(?<!Phrase)Detector|crop_resize|Sha256", s)
    ]
    own = re.compile(r"((vtable|typeinfo|typeinfo name) for )?edgetrack(_|::)")
    foreign = [symbol for symbol in symbols if not own.match(symbol)]
    assert foreign == []  # such as templates of the standard library
    assert len(symbols) < 170, symbols


def test_cmake_finds_the_library_by_version(built: Path, version: str, tmp_path: Path) -> None:
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.18)\nproject(using LANGUAGES CXX)\n"
        "find_package(edgetrack 0.9 CONFIG QUIET)\nif(edgetrack_FOUND)\n  message(FATAL_ERROR found)\nendif()\n"
        f"find_package(edgetrack {version.rpartition('.')[0]} CONFIG REQUIRED)\n"
        "add_executable(using using.cpp)\ntarget_link_libraries(using PRIVATE edgetrack::edgetrack)\n"
    )
    (tmp_path / "using.cpp").write_text(USING)
    prefix = str(built / "installed")
    program = configure_and_build(tmp_path, tmp_path / "build", CMAKE_PREFIX_PATH=prefix) / "using"
    assert run(program, Bundle.open().folder).split() == [version, version, "edgetrack-256", "6"]


def test_program_of_the_documentation_builds(repository: Path, built: Path, tmp_path: Path) -> None:
    page = (repository / "docs" / "cpp.md").read_text()
    for language, name in (("cpp", "follow.cpp"), ("cmake", "CMakeLists.txt")):
        block = re.search(rf"```{language}\n(?://|#) {re.escape(name)}\n(.*?)```", page, re.DOTALL)
        assert block is not None
        (tmp_path / name).write_text(block[1])
    prefix = str(built / "installed")
    program = configure_and_build(tmp_path, tmp_path / "build", CMAKE_PREFIX_PATH=prefix) / "follow"
    for words, code, says in (
        ((), 2, "usage: follow BUNDLE"),
        ((tmp_path,), 1, "manifest.json cannot be read"),
    ):
        done = subprocess.run([program, *words], capture_output=True, text=True, input="")
        assert (done.returncode, says in done.stderr) == (code, True), done.stderr


@pytest.fixture(scope="module")
def c_example(repository: Path, built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build examples/c from nothing but the installed tree, with warnings as errors."""
    options = {
        "EDGETRACK_BUNDLE": str(Bundle.open().folder),
        "CMAKE_PREFIX_PATH": str(built / "installed"),
        "CMAKE_C_FLAGS": "-Wall -Wextra -Wpedantic -Werror",
    }
    return configure_and_build(repository / "examples/c", tmp_path_factory.mktemp("c"), **options)


def test_c_example_reports_what_is_wrong(c_example: Path, tmp_path: Path) -> None:
    for name, words, code, says in (
        ("track", (), 2, "usage: track BUNDLE TEXT WIDTHxHEIGHT"),
        ("track", (tmp_path, "red car", "64x0"), 2, "usage: track BUNDLE TEXT WIDTHxHEIGHT"),
        ("track", (tmp_path, "red car", "64x48"), 6, "manifest.json cannot be read"),
        ("several", (tmp_path, "64x48"), 2, "usage: several BUNDLE WIDTHxHEIGHT TEXT"),
        ("several", (tmp_path, "64x48", "red car"), 6, "manifest.json cannot be read"),
        ("check", (), 2, "usage: check BUNDLE"),
    ):
        done = subprocess.run([c_example / name, *words], capture_output=True, text=True, input="")
        assert (done.returncode, says in done.stderr) == (code, True), done.stderr


def test_ctest_checks_an_installed_library(c_example: Path, tmp_path: Path) -> None:
    said = run("ctest", "--output-on-failure", cwd=c_example, env=onnxruntime_library())
    assert "100% tests passed, 0 tests failed out of 1" in said
    broken = {**onnxruntime_library(), "EDGETRACK_ONNXRUNTIME_LIBRARY": str(tmp_path / "missing.so")}
    assert subprocess.run(["ctest"], cwd=c_example, env=broken, capture_output=True).returncode != 0


@pytest.mark.nightly
def test_several_targets_in_c_have_the_boxes_of_python(c_example: Path) -> None:
    pytest.importorskip("cv2", reason="the video extra is not installed")
    from edgetrack.demo.scene import Scene
    from edgetrack.multi_tracker import MultiTracker

    frames = [frame.pixels for frame in islice(Scene().frames(), 40)]
    words = (c_example / "several", Bundle.open().folder, "640x480", "red car", "blue car")
    said = run(*words, input=b"".join(frame.tobytes() for frame in frames), env=onnxruntime_library())
    tracker = MultiTracker(engine="ort", precision="fp32", threads=2)
    tracker.add("red car")
    tracker.add("blue car")
    expected = []
    for frame in frames:
        for name, track in tracker.update(frame).items():
            box = "".join(f" {value:.1f}" for value in track.box.xywh) if track.box else ""
            expected.append(f"{name}: {track.index} {track.status} {track.score:.3f}{box}")
    assert said.splitlines() == expected
    assert {line.split()[3] for line in expected} >= {"searching", "tracking"}


def test_c_example_follows_the_car(c_example: Path) -> None:
    pytest.importorskip("cv2", reason="the video extra is not installed")
    from edgetrack.demo.scene import Scene

    scene = Scene()
    frames = [frame.pixels.tobytes() for frame in islice(scene.frames(), 50)]
    words = (c_example / "track", Bundle.open().folder, "red car", "640x480")
    lines = run(*words, input=b"".join(frames), env=onnxruntime_library()).splitlines()
    assert len(lines) == len(frames)
    _, status, _, *box = lines[-1].split()
    assert status == "tracking"
    assert Box.of([float(value) for value in box]).iou(scene.boxes[-1]["red car"]) > 0.5
