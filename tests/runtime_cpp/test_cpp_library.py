"""The C++ library as users get it: configured, built, installed, found by CMake and run, compared with Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cpp_builds import built_library, configure_and_build, onnxruntime_library, run

from edgetrack.bundle import Bundle
from edgetrack.errors import PromptError
from edgetrack.prompt import Tokenizer

pytestmark = pytest.mark.skipif(
    shutil.which("cmake") is None or shutil.which("c++") is None,
    reason="needs cmake and a C++ compiler on the path: pip install cmake",
)


@pytest.fixture(scope="module")
def built(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_library(repository, tmp_path_factory)


@pytest.fixture(scope="module")
def example(repository: Path, built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the example against nothing but the installed tree."""
    folder = tmp_path_factory.mktemp("example")
    options = {"CMAKE_PREFIX_PATH": str(built / "installed"), "CMAKE_DISABLE_FIND_PACKAGE_OpenCV": "ON"}
    return configure_and_build(repository / "examples/cpp", folder, **options) / "track"


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Bundle.open()


def test_no_frame_allocates_after_warm_up(built: Path) -> None:
    assert "no allocation in 8000 frames" in run(built / "steady")


def test_masks_in_cpp(built: Path) -> None:
    assert "0 failures" in run(built / "masks")


def test_several_targets_in_cpp(built: Path) -> None:
    assert "0 failures" in run(built / "multi")


def test_pairs_of_sensors_in_cpp(built: Path) -> None:
    assert "0 failures" in run(built / "pairs")


def test_bad_input_returns_an_error_code(built: Path, bundle: Bundle, tmp_path: Path) -> None:
    """Run in a locale with a decimal comma, as Qt and GTK set it, if one can be generated."""
    made = ["localedef", "-i", "de_DE", "-f", "UTF-8", tmp_path / "de_DE.UTF-8"]
    if shutil.which("localedef") is not None:
        subprocess.run(made, capture_output=True, check=False)
    comma = {**os.environ, "LOCPATH": str(tmp_path), "LC_ALL": "de_DE.UTF-8"}
    assert "0 failures" in run(built / "robust", bundle.folder, env=comma)
    assert "0 failures" in run(built / "c_multi", bundle.folder)
    pairs = Bundle.open("edgetrack-256-x").folder
    assert "0 failures" in run(built / "c_multi", bundle.folder, pairs, env=onnxruntime_library())


def test_cpp_rejects_the_hostile_bundles_of_the_python_tests(built: Path, tmp_path: Path) -> None:
    """The program ``tokens`` opens a bundle and reads its tokenizer."""
    pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")
    from hostile_bundles import OUTSIDE, SHAPES, graphs, seal, with_weights, write

    def opened(folder: Path) -> tuple[int, str]:
        done = subprocess.run([built / "tokens", folder], capture_output=True, text=True, input="red car\n")
        return done.returncode, done.stdout + done.stderr

    assert opened(write(tmp_path / "good", graphs()))[0] == 0
    for number, case in enumerate(OUTSIDE):
        folder = write(tmp_path / f"w{number}" / "b", graphs())
        with_weights(folder, case)
        code, said = opened(folder)
        assert (code, " again" in said) == (6, True), (case, said)
    for name, change in SHAPES.items():
        change(shapes := graphs())
        code, said = opened(write(tmp_path / name, shapes))
        assert (code, "export the bundle again" in said) == (6, True), (name, said)
    for number, name in enumerate(("..", "/etc", "a/b", "", "-large", "_large", "beside")):
        folder = write(tmp_path / f"s{number}" / "b", graphs())
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["files"]["tokenizer"]["bundle"] = name
        (folder / "manifest.json").write_text(json.dumps(manifest))
        code, said = opened(folder)
        assert (code, " beside it" in said) == (6, True), (name, said)
        if name == "beside":  # it does not exist yet
            (folder.parent / name).mkdir()
            (folder / "tokenizer.json").rename(folder.parent / name / "tokenizer.json")
            assert opened(folder)[0] == 0
    flipped = write(tmp_path / "flipped", graphs())
    (flipped / "tracker.weights").write_bytes(bytes(63) + b"\1")
    code, said = opened(flipped)
    assert (code, "is damaged: its SHA-256 is" in said) == (6, True), said
    seal(flipped)
    assert opened(flipped)[0] == 0


@pytest.mark.nightly
def test_arm_gives_the_same_bits(repository: Path, built: Path, tmp_path: Path) -> None:
    """Crops and tracks are built for aarch64 with the library's own options and run by qemu."""
    compiler, emulator = shutil.which("aarch64-linux-gnu-g++"), shutil.which("qemu-aarch64")
    if compiler is None or emulator is None:
        pytest.skip("needs a cross compiler and qemu: apt install g++-aarch64-linux-gnu qemu-user")
    options = {
        "CMAKE_SYSTEM_NAME": "Linux",
        "CMAKE_SYSTEM_PROCESSOR": "aarch64",
        "CMAKE_CXX_COMPILER": compiler,
        "EDGETRACK_TESTS": "ON",
    }
    configure_and_build(repository / "runtime_cpp", tmp_path, target="portable", **options)
    there = run(emulator, "-L", "/usr/aarch64-linux-gnu", tmp_path / "portable")
    assert there == run(built / "portable")
    assert len(there.split()) == 4


@pytest.mark.nightly
def test_static_library_can_be_linked(repository: Path, tmp_path: Path, bundle: Bundle) -> None:
    options = {"BUILD_SHARED_LIBS": "OFF", "CMAKE_INSTALL_PREFIX": str(tmp_path / "installed")}
    folder = configure_and_build(repository / "runtime_cpp", tmp_path / "static", **options)
    run("cmake", "--install", folder)
    using = {"CMAKE_PREFIX_PATH": str(tmp_path / "installed"), "CMAKE_DISABLE_FIND_PACKAGE_OpenCV": "ON"}
    example = configure_and_build(repository / "examples/cpp", tmp_path / "example", **using) / "track"
    assert "libedgetrack" not in run("ldd", example)
    words = (example, bundle.folder, "red car", "64x48")
    (line,) = run(*words, input=bytes(64 * 48 * 3), env=onnxruntime_library()).splitlines()
    assert line.startswith("0 searching ")


@pytest.mark.nightly
def test_each_source_compiles_by_itself(repository: Path) -> None:
    """All other builds compile the sources of a target as one, which hides a missing include."""
    folder = repository / "runtime_cpp"
    includes = [f"-I{folder / 'include'}", f"-I{folder / 'src'}", f"-I{repository / 'kernels'}"]
    sources = [*folder.glob("src/*.cpp"), *folder.glob("tests/*.cpp")]
    assert len(sources) > 50
    for source in sorted(sources):
        run("c++", "-std=c++17", "-fsyntax-only", *includes, source)


@pytest.mark.nightly
def test_address_and_undefined_behavior_sanitizers_find_nothing(
    repository: Path, tmp_path: Path, bundle: Bundle
) -> None:
    """Address and undefined behavior, over everything that the other C++ tests do."""
    options = {"EDGETRACK_SANITIZE": "address,undefined", "EDGETRACK_TESTS": "ON"}
    folder = configure_and_build(repository / "runtime_cpp", tmp_path, **options)
    assert "0 failures" in run(folder / "robust", bundle.folder)
    assert ", 0 failures" in run(folder / "hostile")
    assert "no allocation" in run(folder / "steady")
    for name in ("masks", "multi", "pairs"):
        assert "0 failures" in run(folder / name)
    assert "0 failures" in run(folder / "c_multi", bundle.folder)
    assert "the same" in run(folder / "threads")
    run(folder / "tokens", bundle.folder, input=b"red car\n" + bytes(range(1, 256)) + b"\n")


@pytest.mark.nightly
def test_thread_sanitizer_finds_nothing(repository: Path, tmp_path: Path, bundle: Bundle) -> None:
    """Trackers in separate threads share one engine: a random one, and ONNX Runtime."""
    options = {"EDGETRACK_SANITIZE": "thread", "EDGETRACK_TESTS": "ON"}
    folder = configure_and_build(repository / "runtime_cpp", tmp_path, **options)
    assert "the same 1200 tracks in 3 threads" in run(folder / "threads")
    suppressions = f"suppressions={repository / 'runtime_cpp/tests/tsan.supp'}"
    environment = {**onnxruntime_library(), "TSAN_OPTIONS": suppressions}
    assert "the same 36 tracks in 3 threads" in run(folder / "threads", bundle.folder, env=environment)


def test_cpp_tokenizer_equals_python(built: Path, bundle: Bundle) -> None:
    lines = [
        "red car",
        " The RED-car's  driver!",
        "zzzzqqqq",
        "?!",
        "123",
        "",
        "   ",
        "caf\u00e9 \U0001f697",
        "[SEP]",
        "a[SEP]b",
    ]
    answers = run(built / "tokens", bundle.folder, input="\n".join(lines).encode() + b"\n\xff\n").splitlines()
    python = Tokenizer(bundle)
    expected = []
    for line in lines:
        try:
            expected.append(" ".join(map(str, python.tokens(line))))
        except PromptError:
            expected.append("error 3")
    assert answers == [*expected, "error 3"]


def test_example_reports_what_is_wrong(example: Path, bundle: Bundle, tmp_path: Path) -> None:
    for words, code, says in (
        ((), 2, "usage: track BUNDLE TEXT"),
        ((tmp_path, "red car", "64x48"), 6, "manifest.json cannot be read"),
        ((bundle.folder, " ", "64x48"), 3, "is empty"),
        (
            (bundle.folder, "red car", "64x48", "fp16"),
            4,
            "has no files in this precision for ONNX Runtime on a CPU",
        ),
        ((bundle.folder, "red car", "64x48", "int8", "more"), 2, "usage: track"),
    ):
        done = subprocess.run([example, *words], capture_output=True, check=False, input=b"")
        assert (done.returncode, says in done.stderr.decode()) == (code, True), done.stderr


def test_missing_library_says_what_to_install(example: Path, bundle: Bundle) -> None:
    environment = {**os.environ, "EDGETRACK_ONNXRUNTIME_LIBRARY": "/nowhere/libonnxruntime.so"}
    done = subprocess.run(
        [example, bundle.folder, "red car", "64x48"],
        capture_output=True,
        check=False,
        env=environment,
        input=b"",
    )
    assert done.returncode == 7
    assert "pip install onnxruntime" in done.stderr.decode()


@pytest.mark.parametrize("precision", ["fp32", pytest.param("int8", marks=pytest.mark.nightly)])
def test_cpp_and_python_give_the_same_boxes_for_a_video(
    example: Path, bundle: Bundle, precision: str
) -> None:
    """Boxes are equal bit for bit: seventeen digits identify a double."""
    pytest.importorskip("cv2", reason="the video extra is not installed")
    from edgetrack.demo.scene import Scene
    from edgetrack.tracker import Tracker

    frames = [frame.pixels for frame in Scene().frames()][:60]
    height, width = frames[0].shape[:2]
    lines = run(
        example,
        bundle.folder,
        "red car",
        f"{width}x{height}",
        precision,
        input=b"".join(frame.tobytes() for frame in frames),
        env=onnxruntime_library(),
    ).splitlines()
    tracker = Tracker(bundle, engine="ort", precision=precision)
    for i, (pixels, line) in enumerate(zip(frames, lines, strict=True)):
        track = tracker.update(pixels) if i else tracker.start(pixels, text="red car")
        box = track.box.xywh if track.box else (0.0,) * 4
        numbers = " ".join(f"{value:.17g}" for value in (track.score, *box))
        assert line == f"{track.index} {track.status} {numbers}"
