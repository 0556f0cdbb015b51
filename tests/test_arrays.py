"""Frames of other libraries: those in host memory are read in place, those on a GPU are rejected."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edgetrack import Tracker
from edgetrack.arrays import describe, device_of, to_host
from edgetrack.bundle import Bundle
from edgetrack.crop import check_packed
from edgetrack.engines import open_engine
from edgetrack.errors import ConfigError, FrameError


class OnCuda:
    """The interface of arrays by CuPy, Numba and PyCUDA (CUDA Array Interface, version 3)."""

    __cuda_array_interface__ = {"shape": (4, 4, 3), "typestr": "|u1", "data": (4096, False), "version": 3}  # noqa: RUF012


class WithGradient:
    """The interface of a PyTorch tensor on a GPU that requires gradients."""

    @property
    def __cuda_array_interface__(self) -> Any:
        raise RuntimeError("Can't get __cuda_array_interface__ on Variable that requires grad")

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, 0


class OnDevice:
    """The interface of a library that supports only DLPack."""

    def __init__(self, kind: int, number: int = 0) -> None:
        self._device = kind, number

    def __dlpack__(self, **_: Any) -> Any:
        raise AssertionError("the data of a device were asked for")

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._device


@pytest.mark.parametrize(
    ("array", "device"),
    [
        (np.zeros(3), None),
        ([1, 2], None),
        (None, None),
        (OnCuda(), "cuda"),
        (WithGradient(), "cuda:0"),
        (OnDevice(1), None),
        (OnDevice(2, 1), "cuda:1"),
        (OnDevice(3), None),
        (OnDevice(8), "metal:0"),
        (OnDevice(99), "device type 99:0"),
    ],
)
def test_device_of_an_array_is_recognized(array: object, device: str | None) -> None:
    assert device_of(array) == device


@pytest.mark.parametrize("frame", [OnCuda(), OnDevice(2), OnDevice(13), OnDevice(8)])
def test_gpu_frame_is_rejected_before_it_is_read(frame: object) -> None:
    with pytest.raises(
        FrameError,
        match=rf"frame is a {type(frame).__name__} in the memory of .*only engine 'tensorrt'.*frame\.cpu\(\)",
    ):
        check_packed(frame)


def test_cpu_engines_reject_gpu_inputs() -> None:
    engine = open_engine(Bundle.open(), engine="ort", threads=1)
    feeds: dict[str, Any] = {
        name: np.zeros(spec.shape, spec.dtype) for name, spec in engine.graph("prompt").inputs.items()
    }
    with pytest.raises(
        ConfigError, match=r"'mask' of graph 'prompt' is OnCuda in the memory of cuda; expected"
    ):
        engine.graph("prompt").run({**feeds, "mask": OnCuda()})


def test_other_objects_are_returned_unchanged() -> None:
    for thing in (None, "frame", [1], np.zeros(3)):
        assert to_host(thing) is thing
    assert describe(np.zeros((1, 2), np.uint8)) == "uint8 (1, 2)"
    assert describe([1]) == "list"


def test_pytorch_tensor_shares_its_memory() -> None:
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'edgetrack[train]'")
    tensor = torch.zeros((32, 48, 3), dtype=torch.uint8)
    pixels = check_packed(tensor)
    tensor[3, 4, 1] = 200
    assert pixels[3, 4, 1] == 200
    assert pixels.__array_interface__["data"][0] == tensor.data_ptr()
    part = check_packed(tensor[4:20, 8:24])  # a view whose rows lie apart
    assert part.__array_interface__["data"][0] == tensor.data_ptr() + (4 * 48 + 8) * 3


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.permute(2, 0, 1), r"shape \(3, 32, 48\)"),
        (lambda t: t.float(), "dtype float32"),
        (lambda t: t.permute(1, 0, 2), r"rows to be packed|packed"),
        (lambda t: t.float().requires_grad_(), "cannot be read without a copy"),
        (lambda t: t[:0], "empty"),
        (lambda t: t.to("meta"), "in the memory of a device without a name"),
    ],
    ids=["planes first", "floats", "transposed", "with gradient", "empty", "meta"],
)
def test_unsupported_tensor_is_rejected(change: Any, says: str) -> None:
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'edgetrack[train]'")
    with pytest.raises(FrameError, match=says):
        check_packed(change(torch.zeros((32, 48, 3), dtype=torch.uint8)))


def test_tracker_treats_tensors_and_arrays_alike() -> None:
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'edgetrack[train]'")
    pixels = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    pixels[40:80, 60:100] = (0, 0, 255)
    tracks = []
    for frame in (pixels, torch.from_numpy(pixels.copy())):
        tracker = Tracker(engine="ort", precision="fp32", threads=1)
        tracks.append([tracker.start(frame, box=(60, 40, 40, 40)), tracker.update(frame)])
    assert tracks[0] == tracks[1]
    with pytest.raises(FrameError, match="in the memory of cuda"):
        tracker.update(OnCuda())


def test_dlpack_producer_without_a_device_is_rejected() -> None:
    with pytest.raises(FrameError, match="cannot be read without a copy"):
        to_host(SimpleNamespace(__dlpack__=lambda: None))
