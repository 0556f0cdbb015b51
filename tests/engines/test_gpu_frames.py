"""Frames in GPU memory: processed in place, with the same boxes as frames in host memory, on a fake GPU."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cpp_programs import compile_library
from gpu_arrays import CAR, DLPackFrame, InterfaceFrame, scene
from tensorrt_fakes import FakeCuda, Fakes, tensorrt

pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")

from edgetrack import MultiTracker, Tracker
from edgetrack._native import library, runtime
from edgetrack.engines.tensorrt import frames as gpu_frames
from edgetrack.errors import ConfigError, EngineUnavailable, FrameError
from edgetrack.policy import Policy
from edgetrack.types import Track

Make = Callable[..., Any]


@pytest.fixture(scope="module")
def stand_ins(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Build the kernel for the CPU: with the arithmetic of its threads, and with the crop of CPU engines."""
    folder, source = tmp_path_factory.mktemp("crop"), repository / "tests" / "cpp" / "crop_on_host.cpp"
    flags = (f"-I{repository / 'kernels'}", str(source))
    as_the_runtime = ("-O3", "-ffp-contract=fast", "-DBY_ROWS")  # see runtime_cpp/CMakeLists.txt
    return {
        "threads": compile_library(folder / "threads.so", *flags),
        "rows": compile_library(folder / "rows.so", *flags, *as_the_runtime),
    }


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plans")


@pytest.fixture
def cuda(fakes: Fakes, stand_ins: dict[str, Path], plans: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    """Set up the fake GPU with the kernel that crops like CPU engines, and plans shared by these tests."""
    monkeypatch.setenv("EDGETRACK_CACHE", str(plans))
    monkeypatch.setattr(gpu_frames, "library", lambda _: stand_ins["rows"])
    return fakes[0]


@pytest.fixture(autouse=True)
def _answers_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use results of full-frame searches at once, as is done for frames on the GPU."""
    of = Policy.of
    monkeypatch.setattr(
        Policy, "of", lambda thresholds: replace(of(thresholds), search_latency=0.0, reverify_latency=0.0)
    )


@functools.cache
def tracks_on_the_host(count: int, **target: Any) -> list[Track]:
    return follow(Tracker(engine="ort", precision="fp32", threads=1), scene(count), **target)


def on_gpu(make: Make, cuda: FakeCuda, frames: Iterator[Any]) -> Iterator[Any]:
    """Copy each frame only when it is requested, so that one at a time waits to be written."""
    for pixels in frames:
        frame = make(cuda, pixels)
        yield frame
        assert not cuda.queued, "nobody waited for the stream that writes the frame"


def follow(tracker: Tracker, frames: Iterator[Any], **target: Any) -> list[Track]:
    """Require that a frame lent by DLPack is released once, before the next one."""
    tracks = []
    for index, frame in enumerate(frames):
        tracks.append(tracker.update(frame) if index else tracker.start(frame, **target))
        if isinstance(frame, DLPackFrame):
            assert (frame.released, frame.streams) == (1, [77])
    return tracks


@pytest.mark.nightly
@pytest.mark.parametrize(
    "make",
    [
        InterfaceFrame,
        lambda c, p: InterfaceFrame(c, p, row_bytes=3 * p.shape[1] + 100),
        lambda c, p: InterfaceFrame(c, p, row_bytes=-3 * p.shape[1]),
        lambda c, p: InterfaceFrame(c, p, changes={"strides": None}),
        lambda c, p: InterfaceFrame(c, p, read_only=True),
        DLPackFrame,
        lambda c, p: DLPackFrame(c, p, versioned=False, row_bytes=2048 * 3),
    ],
    ids=["interface", "pitched", "upside down", "no strides", "read-only", "dlpack", "old dlpack, pitched"],
)
def test_gpu_frames_give_the_same_boxes_bit_for_bit(cuda: FakeCuda, make: Make) -> None:
    """This covers search, template and full-frame search: the target is found by text, and reverified in frame 6."""
    given = follow(Tracker(engine=tensorrt()), on_gpu(make, cuda, scene(8)), text="red car")
    assert given == tracks_on_the_host(8, text="red car")
    assert any(track.status == "tracking" for track in given)


@pytest.mark.parametrize(("arithmetic", "largest"), [("rows", 0.0), ("threads", 0.05)])
def test_real_video_on_the_gpu_is_followed_like_on_the_host(
    cuda: FakeCuda,
    stand_ins: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    shared_data: Path,
    arithmetic: str,
    largest: float,
) -> None:
    """The kernel rounds in another order than the crop of the CPU; in calm video the difference is negligible."""
    cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
    monkeypatch.setattr(gpu_frames, "library", lambda _: stand_ins[arithmetic])
    truth = np.genfromtxt(shared_data / "clips" / "car-detection.red_car.txt", delimiter=",")
    first = int(np.flatnonzero(np.isfinite(truth).all(axis=1))[0]) + 20  # by then it is fully in view
    capture = cv2.VideoCapture(str(shared_data / "clips" / "car-detection.mp4"))
    video = [capture.read()[1] for _ in range(first + 20)][first:]
    engine = tensorrt()
    box = tuple(
        truth[first]
    )  # results of a text search count at once on a GPU, and some frames later on a CPU
    expected = follow(Tracker(engine=engine), iter(video), text="red car", box=box)
    given = follow(Tracker(engine=engine), on_gpu(DLPackFrame, cuda, iter(video)), text="red car", box=box)
    assert [track.status for track in given] == [track.status for track in expected]
    assert sum(track.status == "tracking" for track in given) >= 10
    for one, other in zip(given, expected, strict=True):
        assert abs(one.score - other.score) <= largest
        assert (one.box is None) == (other.box is None)
        if one.box and other.box:
            assert np.abs(np.subtract(one.box.xywh, other.box.xywh)).max() <= largest  # pixels


def test_frames_are_neither_copied_nor_is_memory_allocated(cuda: FakeCuda) -> None:
    tracker = Tracker(engine=tensorrt())
    frames = on_gpu(InterfaceFrame, cuda, scene(9))
    tracker.start(next(frames), box=CAR)
    tracker.update(next(frames))
    image = tracker.engine.graph("search").inputs["image"]
    before = cuda.allocations
    for frame in frames:
        cuda.copies.clear()
        tracker.update(frame)
        assert cuda.copies
        assert max(cuda.copies) < 4 * np.prod(image.shape)  # neither the frame nor the network's input image
    assert cuda.allocations == before
    assert tracker.timing.crop == 0 < tracker.timing.network


def test_frames_may_have_changing_addresses(cuda: FakeCuda) -> None:
    mixed = (DLPackFrame(cuda, pixels) if index % 3 else pixels for index, pixels in enumerate(scene(8)))
    given = follow(Tracker(engine=tensorrt()), mixed, box=CAR)
    assert given == tracks_on_the_host(8, box=CAR)


def test_several_targets_share_a_gpu_frame(cuda: FakeCuda) -> None:
    engine, results = tensorrt(), []
    for make in (lambda _, pixels: pixels, DLPackFrame):
        many = MultiTracker(engine=engine, batch=False)  # as it always is for frames on the GPU
        many.add(
            text="car"
        )  # confident at once, and not checked yet: both compare pixels, which a CPU must be able to read
        many.add(text="van", name="van")
        many.add(box=CAR)
        results.append([many.update(make(cuda, pixels)) for pixels in scene(5)])
        assert not many.failed
    assert results[0] == results[1]


def test_frame_of_a_coasting_box_is_released_unread(cuda: FakeCuda) -> None:
    tracker = Tracker(engine=tensorrt())
    follow(tracker, on_gpu(DLPackFrame, cuda, scene(3)), box=CAR)
    frame = DLPackFrame(cuda, next(scene(1)))
    assert tracker.update(frame, deadline_ms=1e-6).basis == "coasted"
    assert frame.released == 1


def empty(cuda: FakeCuda) -> Any:
    return InterfaceFrame(
        cuda, np.zeros((9, 9, 3), np.uint8), changes={"shape": (0, 9, 3), "data": (0, False)}
    )


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda c, p: InterfaceFrame(c, p, changes={"typestr": "<f4"}), "has dtype float32; expected uint8"),
        (lambda c, p: InterfaceFrame(c, p, changes={"shape": (3, 240, 320)}), r"has shape \(3, 240, 320\)"),
        (lambda c, p: empty(c), r"frame is empty, shape \(0, 9, 3\)"),
        (
            lambda c, p: InterfaceFrame(c, p, changes={"strides": (1280, 4, 1)}),
            r"pixels of a row to be packed.*frame\.contiguous\(\)",
        ),
        (lambda c, p: InterfaceFrame(c, p, changes={"strides": (3, 3, 1)}), "its rows overlap"),
        (lambda c, p: InterfaceFrame(c, p, changes={"strides": (960, 3)}), "and three strides"),
        (
            lambda c, p: InterfaceFrame(c, p, changes={"shape": (1 << 40, 320, 3)}),
            r"shape \(1099511627776, 320",
        ),
        (lambda c, p: InterfaceFrame(c, p, changes={"shape": (-240, 320, 3)}), r"shape \(-240, 320, 3\)"),
        (
            lambda c, p: InterfaceFrame(c, p, changes={"data": (4096, False)}),
            "0x1000, which is not GPU memory",
        ),
        (
            lambda c, p: InterfaceFrame(c, p, number=1),
            r"of cuda:1, but engine 'tensorrt' runs on cuda:0 \(Fake GPU\).*frame\.to\('cuda:0'\)",
        ),
        (lambda c, p: InterfaceFrame(c, p, changes={"data": None}), "cannot be read.*TypeError"),
        (lambda c, p: InterfaceFrame(c, p, changes={"mask": object()}), "masked InterfaceFrame"),
        (lambda c, p: DLPackFrame(c, p, kind=8), "of metal:0, but engine 'tensorrt' runs on cuda:0"),
        (lambda c, p: DLPackFrame(c, p, number=1), "of cuda:1, but engine 'tensorrt' runs on cuda:0"),
        (lambda c, p: DLPackFrame(c, p, changes={"number": 1}), "of cuda:1, but"),
        (lambda c, p: DLPackFrame(c, p, changes={"kind": 10}), "in the memory of .*, but engine 'tensorrt'"),
        (lambda c, p: DLPackFrame(c, p, changes={"code": 2, "bits": 32}), "has dtype float32; expected"),
        (lambda c, p: DLPackFrame(c, p, changes={"lanes": 4}), "has dtype uint8 x 4; expected"),
        (lambda c, p: DLPackFrame(c, p, changes={"code": 17}), "has dtype type 17 of bits 8; expected"),
        (lambda c, p: DLPackFrame(c, p, changes={"ndim": 2}), r"has shape \(\d+, \d+\); expected"),
        (
            lambda c, p: DLPackFrame(c, p, major=2),
            r"DLPackFrame that cannot be shared.*DLPack version 2; expected 1",
        ),
    ],
)
def test_unsupported_frame_is_rejected_and_released(cuda: FakeCuda, make: Make, says: str) -> None:
    frame = make(cuda, np.zeros((240, 320, 3), np.uint8))
    with pytest.raises(FrameError, match=says), tensorrt().lend(frame):
        pytest.fail("it was taken")
    if isinstance(frame, DLPackFrame):
        assert frame.released == (1 if frame.streams and frame.major == 1 else 0)


def test_rejected_frame_does_not_count(cuda: FakeCuda) -> None:
    tracker = Tracker(engine=tensorrt())
    first, second = scene(2)
    tracker.start(first, box=CAR)
    with pytest.raises(FrameError, match="has dtype int8"):
        tracker.update(DLPackFrame(cuda, second, changes={"code": 0}))
    assert tracker.update(DLPackFrame(cuda, second)).index == 1


def test_dlpack_capsule_is_consumed_once(cuda: FakeCuda) -> None:
    frame = DLPackFrame(cuda, next(scene(1)))
    capsule = frame.__dlpack__(stream=77)
    loan = runtime.Loan(capsule)
    assert (loan.device, loan.dtype, loan.shape) == ((2, 0), "uint8", frame.shape)
    for spent in (capsule, None, 3):
        with pytest.raises(ValueError, match="taken before"):
            runtime.Loan(spent)
    loan.close()
    loan.close()
    with pytest.raises(ValueError, match="already returned"):
        _ = loan.address
    frame._capsule = lambda: capsule  # type: ignore[method-assign]
    with pytest.raises(
        FrameError, match=r"a DLPackFrame that cannot be shared through DLPack .*taken before"
    ):
        Tracker(engine=tensorrt()).start(frame, box=CAR)
    del loan
    assert frame.released == 1


def test_failed_crop_is_an_error_and_the_frame_is_released(
    cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = Tracker(engine=tensorrt())
    frame = DLPackFrame(cuda, next(scene(1)))
    monkeypatch.setattr(gpu_frames.GpuFrames, "_kernel", lambda *_: 1)
    with pytest.raises(EngineUnavailable, match="edgetrack_crop_bgr failed with cudaErrorInvalidValue"):
        tracker.start(frame, box=CAR)
    assert frame.released == 1
    assert cuda.waited[-1] == 77  # before it was released


def test_static_check_needs_frames_in_host_memory(cuda: FakeCuda) -> None:
    tracker = Tracker(engine=tensorrt(), static_check=True)
    pixels = next(scene(1))
    with pytest.raises(ConfigError, match="without static_check, or pass frames in host memory"):
        tracker.start(DLPackFrame(cuda, pixels), box=CAR)
    tracker.start(pixels, box=CAR)
    with pytest.raises(ConfigError, match="without static_check"):
        tracker.update(DLPackFrame(cuda, pixels))


def test_missing_kernels_name_the_build_option(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(runtime, "__file__", str(tmp_path / "_runtime.so"))
    tracker = Tracker(engine=tensorrt())
    pixels = next(scene(1))
    with pytest.raises(EngineUnavailable, match=r"run: EDGETRACK_CUDA=ON pip install \."):
        tracker.start(DLPackFrame(fakes[0], pixels), box=CAR)
    assert tracker.start(pixels, box=CAR).box  # frames in host memory need no kernels


def test_pytorch_tensor_in_host_memory_uses_the_host_path(cuda: FakeCuda) -> None:
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'edgetrack[train]'")
    tracker = Tracker(engine=tensorrt())
    assert follow(tracker, map(torch.from_numpy, scene(8)), box=CAR) == tracks_on_the_host(8, box=CAR)


def test_compiled_kernel_is_called_with_its_signature(fakes: Fakes) -> None:
    """The library of nvcc has the same signature: without a GPU it returns a CUDA error, and reads nothing."""
    try:
        library("cuda")
    except EngineUnavailable as error:
        pytest.skip(f"the CUDA kernels were not built: {error}")
    if Path("/proc/driver/nvidia/version").exists():
        pytest.skip("there is a GPU: an address of the fake one would be read")
    tracker = Tracker(engine=tensorrt())
    with pytest.raises(EngineUnavailable, match="edgetrack_crop_bgr failed with cudaErrorInsufficientDriver"):
        tracker.start(DLPackFrame(fakes[0], next(scene(1))), box=CAR)
