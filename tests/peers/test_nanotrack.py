"""NanoTrack from its published weights, compared with TrackerNano of OpenCV on real clips; and its crop."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import edgetrack
from edgetrack._native import runtime
from edgetrack.errors import BoxError, BundleError, ConfigError, ExportError, NotStartedError
from edgetrack.peers.nanotrack import NanoTrack

cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")

from edgetrack.export.command import Request, make_bundle  # noqa: E402
from edgetrack.export.watch import silent  # noqa: E402

CLIPS = ["OTB_Car4", "OTB_jogging_1", "DAVIS_dog", "TLD_pedestrian3"]
PARTS = ("backbone", "head")


def export(name: str, weights: list[Path], folder: Path) -> None:
    make_bundle(Request(name, folder, weights=tuple(weights)), watch=silent)


@pytest.fixture(scope="module")
def published(shared_data: Path) -> Path:
    folder = shared_data / "teachers" / "nanotrack"
    if not folder.is_dir():
        pytest.skip(f"NanoTrack's networks are not here: {folder} does not exist")
    return folder


@pytest.fixture(scope="module")
def exported(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nanotrack")
    for version in ("v2", "v3"):
        pair = [published / f"{version}_{part}.onnx" for part in PARTS]
        export(f"nanotrack-{version}", pair, folder / version)
    return folder


def opencv_crop(pixels: Any, x: int, y: int, side: int, out: int) -> np.ndarray:
    """Crop like TrackerNano: the whole frame with a border, then a rectangle of it, resized."""
    height, width = pixels.shape[:2]
    left, top = max(0, -x), max(0, -y)
    right, bottom = max(0, x + side - width), max(0, y + side - height)
    around, mean = (top, bottom, left, right), cv2.mean(pixels)[:3]
    wide = cv2.copyMakeBorder(pixels, *around, cv2.BORDER_CONSTANT, value=mean)
    square = cv2.resize(wide[y + top : y + top + side, x + left : x + left + side], (out, out))
    return np.ascontiguousarray(square[..., ::-1].transpose(2, 0, 1)[None], dtype=np.float32)


@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    x=st.integers(-200, 100),
    y=st.integers(-200, 100),
    side=st.integers(1, 200),
    out=st.sampled_from([31, 32]),
    seed=st.integers(0, 9),
)
@example(height=90, width=90, x=10, y=10, side=62, out=31, seed=0)  # twice the output: means of 2 x 2
@example(height=90, width=90, x=60, y=-10, side=64, out=32, seed=0)
@example(height=40, width=40, x=0, y=0, side=40, out=32, seed=0)  # ends with the frame's last byte
@example(height=40, width=40, x=50, y=50, side=9, out=32, seed=0)  # nothing of the frame
def test_crop_equals_opencv_bit_by_bit(
    height: int, width: int, x: int, y: int, side: int, out: int, seed: int
) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    x, y = max(x, 1 - side), max(y, 1 - side)  # OpenCV cannot take a rectangle beyond its border
    x, y = min(x, width), min(y, height)
    found = np.full((1, 3, out, out), np.nan, np.float32)
    runtime.crop_square(pixels, x, y, side, found)
    np.testing.assert_array_equal(found, opencv_crop(pixels, x, y, side, out))


@pytest.mark.parametrize("square", [(0, 0, 0), (0, 0, 2**20 + 1), (2**21, 0, 9), (0, -(2**21), 9)])
def test_invalid_square_is_rejected(square: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="square must have a side of 1"):
        runtime.crop_square(np.zeros((9, 9, 3), np.uint8), *square, np.empty((1, 3, 8, 8), np.float32))


@pytest.mark.parametrize("clip", CLIPS)
def test_boxes_equal_those_of_opencv(published: Path, exported: Path, shared_data: Path, clip: str) -> None:
    parameters = cv2.TrackerNano.Params()
    parameters.backbone, parameters.neckhead = (str(published / f"v2_{part}.onnx") for part in PARTS)
    reference = cv2.TrackerNano.create(parameters)
    ours = NanoTrack(exported / "v2", threads=1)
    folder = shared_data / "devset"
    first = [int(v) for v in np.genfromtxt(folder / f"{clip}.txt", delimiter=",")[0]]
    differences = []
    with edgetrack.open_source(folder / f"{clip}.mp4") as source:
        for frame in islice(source, 100):
            if frame.index == 0:
                reference.init(frame.pixels, first)
                ours.start(frame.pixels, box=first)
                continue
            box, track = reference.update(frame.pixels)[1], ours.update(frame.pixels)
            assert track.box is not None
            differences.append(np.abs(np.trunc(track.box.xywh) - box).max())
    assert max(differences) <= 1


def test_version_3_follows_the_target(exported: Path, shared_data: Path) -> None:
    """OpenCV expects 16x16 cells and cannot run version 3, which has 15x15."""
    tracker = NanoTrack(exported / "v3", threads=1)
    truth = np.genfromtxt(shared_data / "devset" / "OTB_Car4.txt", delimiter=",")
    with edgetrack.open_source(shared_data / "devset" / "OTB_Car4.mp4") as source:
        for frame in islice(source, 60):
            start = frame.index == 0
            track = tracker.start(frame.pixels, box=truth[0]) if start else tracker.update(frame.pixels)
            assert track.box is not None
            assert track.box.iou(edgetrack.Box(*truth[frame.index])) > 0.4


@pytest.mark.nightly
def test_checkpoint_of_version_3_equals_its_onnx_pair(
    published: Path, exported: Path, tmp_path: Path
) -> None:
    pytest.importorskip("onnxscript", reason="needs onnxscript: pip install 'edgetrack[export]'")
    ort = pytest.importorskip("onnxruntime")
    export("nanotrack-v3", [published / "v3.pth"], tmp_path / "v3")
    random, outputs = np.random.default_rng(0), []
    picture, image = (random.integers(0, 256, (1, 3, side, side)).astype(np.float32) for side in (127, 255))
    for folder in (exported / "v3", tmp_path / "v3"):
        template, search = (ort.InferenceSession(str(folder / f"{n}.onnx")) for n in ("template", "search"))
        (kernel,) = template.run(["kernel"], {"image": picture})
        outputs.append(search.run(["classes", "sides"], {"image": image, "kernel": kernel}))
    for pair, checkpoint in zip(*outputs, strict=True):
        np.testing.assert_allclose(checkpoint, pair, rtol=1e-3, atol=1e-3)


def test_weights_of_other_networks_are_rejected(published: Path, tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"no network")
    pair = [published / f"v2_{part}.onnx" for part in PARTS]
    for weights, complaint in (
        ([tmp_path / "a.onnx"] * 2, r"a\.onnx cannot be loaded"),
        (pair[:1], "got 1 files with weights; expected two"),
        (pair[::-1], "with the backbone first"),
        ([pair[0], published / "v3_head.onnx"], "try nanotrack-v2 or nanotrack-v3"),
        ([tmp_path / "b.onnx"], r"b\.onnx do not exist"),
        ([], "give --weights FILE"),
    ):
        with pytest.raises(ExportError, match=complaint):
            export("nanotrack-v2", weights, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_folder_that_is_not_an_export_is_rejected(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"template\.onnx cannot be loaded"):
        NanoTrack(tmp_path)
    for name in ("template", "search"):
        (tmp_path / f"{name}.onnx").write_bytes((exported / "v2" / "template.onnx").read_bytes())
    with pytest.raises(BundleError, match="contains another tracker"):
        NanoTrack(tmp_path)
    (tmp_path / "template.onnx").write_bytes(b"no network")
    with pytest.raises(
        BundleError, match=r"template\.onnx cannot be loaded .* edgetrack export nanotrack-v2"
    ):
        NanoTrack(tmp_path)


def test_unsupported_options_are_rejected(exported: Path) -> None:
    tracker, frame = NanoTrack(exported / "v2"), np.zeros((90, 90, 3), np.uint8)
    with pytest.raises(NotStartedError):
        tracker.update(frame)
    with pytest.raises(ConfigError, match="starts from a box only"):
        tracker.start(frame, text="red car")
    with pytest.raises(BoxError, match="center outside the frame"):
        tracker.start(frame, box=(100, 100, 9, 9))


def test_bundle_runs_without_its_own_code(exported: Path, tmp_path: Path) -> None:
    """A text, a deadline and a static check are not supported and rejected."""
    with edgetrack.open_tracker(exported / "v3", threads=1) as tracker:
        frame = np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8)
        assert tracker.start(frame, box=(20, 20, 30, 30)).status == "tracking"
        assert tracker.update(frame).index == 1
        assert tracker.engine.bundle.manifest.name == "nanotrack-v3"
        with pytest.raises(ConfigError, match="takes a box, but was given a text"):
            tracker.start(frame, text="red car")
        with pytest.raises(ConfigError, match="deadline_ms has no effect"):
            tracker.update(frame, deadline_ms=8)
        with pytest.raises(ConfigError, match="takes no text"):
            tracker.set_text("red car")
    with pytest.raises(ConfigError, match="static_check has no effect"):
        edgetrack.open_tracker(exported / "v3", static_check=True)
    with pytest.raises(BundleError, match=r"kind 'adapter'.*open it with edgetrack\.open_tracker"):
        edgetrack.Tracker(exported / "v3")
