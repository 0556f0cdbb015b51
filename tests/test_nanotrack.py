"""NanoTrack in ONNX Runtime, against OpenCV's TrackerNano on real clips."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

import edgetrack
from edgetrack.errors import BundleError, NotStartedError

cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")

from edgetrack.export.adapters.nanotrack import NanoTrack  # noqa: E402

CLIPS = ["OTB_Car4", "OTB_jogging_1", "DAVIS_dog", "TLD_pedestrian3"]


@pytest.fixture(scope="module")
def networks(shared_data: Path) -> Path:
    folder = shared_data / "teachers" / "nanotrack"
    if not folder.is_dir():
        pytest.skip(f"NanoTrack's networks are not here: {folder} does not exist")
    return folder


@pytest.mark.parametrize("clip", CLIPS)
def test_boxes_are_those_of_opencv(networks: Path, shared_data: Path, clip: str) -> None:
    parameters = cv2.TrackerNano.Params()
    parameters.backbone, parameters.neckhead = (
        str(networks / f"v2_{part}.onnx") for part in ("backbone", "head")
    )
    reference = cv2.TrackerNano.create(parameters)
    ours = NanoTrack(networks / "v2_backbone.onnx", networks / "v2_head.onnx", threads=1)
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


def test_version_3_follows(networks: Path, shared_data: Path) -> None:
    """OpenCV expects 16x16 cells and cannot run version 3, which has 15x15."""
    tracker = NanoTrack(networks / "v3_backbone.onnx", networks / "v3_head.onnx", threads=1)
    truth = np.genfromtxt(shared_data / "devset" / "OTB_Car4.txt", delimiter=",")
    with edgetrack.open_source(shared_data / "devset" / "OTB_Car4.mp4") as source:
        for frame in islice(source, 60):
            start = frame.index == 0
            track = tracker.start(frame.pixels, box=truth[0]) if start else tracker.update(frame.pixels)
            assert track.box is not None
            assert track.box.iou(edgetrack.Box(*truth[frame.index])) > 0.4


def test_what_is_no_network(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"no network")
    with pytest.raises(BundleError, match=r"a\.onnx cannot be loaded"):
        NanoTrack(tmp_path / "a.onnx", tmp_path / "a.onnx")


def test_update_before_start(networks: Path) -> None:
    with pytest.raises(NotStartedError):
        NanoTrack(networks / "v2_backbone.onnx", networks / "v2_head.onnx").update(
            np.zeros((9, 9, 3), np.uint8)
        )
