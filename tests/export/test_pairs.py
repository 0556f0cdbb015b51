"""INT8 for two sensors: calibrated on videos of both, of which color fails."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")
cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")

from edgetrack.bundle import PAIRS, Bundle  # noqa: E402
from edgetrack.errors import ExportError  # noqa: E402
from edgetrack.export import calibration, plan  # noqa: E402
from edgetrack.export.calibration import Calibration, clips_of, record  # noqa: E402
from edgetrack.export.layers import Source  # noqa: E402
from edgetrack.export.pairs import INTACT_EVERY, open_failing  # noqa: E402
from edgetrack.export.plan import make_plan  # noqa: E402
from edgetrack.export.ranges import METHODS  # noqa: E402
from edgetrack.export.staging import copy_bundle  # noqa: E402
from edgetrack.export.subject import Own  # noqa: E402
from edgetrack.export.variant import Variant  # noqa: E402
from edgetrack.export.watch import silent  # noqa: E402
from edgetrack.tracker import Tracker  # noqa: E402
from edgetrack.types import Box  # noqa: E402

Picture = NDArray[np.uint8]
SIDE, FRAMES = 48, 40
LAYERS = 3  # of each graph that are quantized, to save time


def smooth(random: np.random.Generator, height: int, width: int) -> Picture:
    coarse = random.integers(40, 216, (height // 12, width // 12, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def pair(step: int) -> tuple[Picture, Picture]:
    """A patch that moves to the right, and its brightness turned over."""
    random = np.random.default_rng(4)
    color, patch = smooth(random, 240, 320), smooth(random, SIDE, SIDE)
    color[90 : 90 + SIDE, 100 + step : 100 + step + SIDE] = patch
    return color, np.repeat(255 - cv2.cvtColor(color, cv2.COLOR_BGR2GRAY)[..., None], 3, 2)


def box(step: int) -> Box:
    return Box(100 + step, 90, SIDE, SIDE)


def write(path: Path, frames: list[Picture]) -> None:
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (width, height))
    for frame in frames:
        writer.write(frame)
    writer.release()


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    color, x = zip(*map(pair, range(FRAMES)), strict=True)
    write(folder / "drive.mp4", list(color))
    write(folder / "drive.x.mp4", list(x))
    return folder / "drive.mp4"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Own:
    folder = tmp_path_factory.mktemp("bundle") / "pairs"
    copy_bundle(Bundle.open("edgetrack-256-x"), folder)
    return Own(folder, threads=1)


@pytest.fixture(scope="module")
def recorded(own: Own, video: Path) -> Calibration:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "FLOOR_FRAMES", 4)
        patch.setattr(calibration, "EVERY", 4)
        return record(own, clips_of([video], pairs=True), text=None, box=box(0), watch=silent)


def test_video_of_a_second_sensor_counts_only_for_models_of_pairs(video: Path) -> None:
    assert [Path(clip.name).name for clip in clips_of([video])] == ["drive.mp4"]
    assert [Path(clip.name).name for clip in clips_of([video], pairs=True)] == [
        "drive.mp4",
        "drive.mp4 with x",
    ]
    assert len(clips_of([".", video.parent, "0"], pairs=True)) == 3, "which have no second video"


def test_color_fails_in_all_frames_but_those_of_templates(video: Path) -> None:
    with open_failing(video) as source:
        spreads = [(frame.index, frame.color, float(frame.pixels.std())) for frame in source]
    intact = [spread for index, _, spread in spreads if index % INTACT_EVERY == 0]
    failing = [spread for index, color, spread in spreads if index % INTACT_EVERY and color]
    assert len(spreads) == FRAMES
    assert max(failing) < 0.6 * min(intact)
    assert 0 < sum(not color for _, color, _ in spreads) < FRAMES / 3


def test_pairs_of_different_sizes_are_refused(video: Path, tmp_path: Path) -> None:
    write(tmp_path / "drive.mp4", [pair(0)[0]] * 3)
    write(tmp_path / "drive.x.mp4", [pair(0)[1][:200]] * 3)
    with (
        open_failing(tmp_path / "drive.mp4") as source,
        pytest.raises(
            ExportError, match=r"drive.x.mp4 has 320x200 pixels, but .* 320x240; .*edgetrack align"
        ),
    ):
        list(source)


@pytest.mark.nightly
def test_crops_of_both_sensors_are_recorded(own: Own, recorded: Calibration) -> None:
    manifest = own.bundle.manifest
    mean, std = (np.reshape(values, (1, 3, 1, 1)) for values in (manifest.mean, manifest.std))
    gray = [float(np.ptp(crop["image"] * std + mean, axis=1).mean()) < 8 for crop in recorded.crops["search"]]
    assert 0 < sum(gray) < len(gray), "the second sensor has no color"
    assert own.quantized(recorded.runs) == ("search", "template")
    assert recorded.record["sources"] == ["drive.mp4", "drive.mp4 with x"]


@pytest.mark.nightly
def test_second_sensor_is_searched_in_int8(
    own: Own, recorded: Calibration, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Source.read
    monkeypatch.setattr(Source, "read", classmethod(lambda cls, path: _few_layers(read(path))))
    monkeypatch.setattr(plan, "METHODS", {"minmax": METHODS["minmax"]})
    monkeypatch.setattr(plan, "_PROBES", 1)
    roles = own.quantized(recorded.runs)
    for crops in recorded.crops.values():
        del crops[8:]
    plans = {role: make_plan(role, own.paths[role], recorded, threads=1, watch=silent) for role in roles}
    own.write(Variant(plans, {role: list(plans[role].source.layers) for role in roles}), recorded.record)
    graphs = {*own.bundle.manifest.precisions["int8"].graphs}
    assert {"search", "template"} <= graphs
    assert not {*PAIRS} & graphs
    trackers = [Tracker(own.bundle, precision=precision, threads=1) for precision in ("fp32", "int8")]
    color, x = pair(0)
    for tracker in trackers:
        tracker.start(color, box=box(0), x=x)
    tracks = [tracker.update(None, x=pair(4)[1]) for tracker in trackers]
    assert tracks[0] != tracks[1], "or INT8 was not run"
    for track in tracks:
        assert track.box is not None
        assert track.box.iou(box(4)) > 0.6


def _few_layers(source: Source) -> Source:
    for name in list(source.layers)[:-LAYERS]:  # the heads are last, which both sensors share
        del source.layers[name]
    return source
