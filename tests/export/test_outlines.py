"""INT8 of the mask head: judged by J&F on clips with masks, added to the INT8 of the tracker or left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")
cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")

from edgetrack.bundle import MASK, Bundle  # noqa: E402
from edgetrack.errors import ExportError  # noqa: E402
from edgetrack.export import outlines, plan, speed  # noqa: E402
from edgetrack.export.accuracy import Accuracy, Turn  # noqa: E402
from edgetrack.export.calibration import Calibration, Reservoir  # noqa: E402
from edgetrack.export.labels import labeled_clips  # noqa: E402
from edgetrack.export.layers import Source  # noqa: E402
from edgetrack.export.page import render  # noqa: E402
from edgetrack.export.report import Int8Report  # noqa: E402
from edgetrack.export.staging import copy_bundle, float_graphs  # noqa: E402
from edgetrack.export.watch import silent  # noqa: E402
from edgetrack.tracker import Tracker  # noqa: E402
from edgetrack.types import Box  # noqa: E402

FRAMES, SIZE = 32, (96, 160)


def drawn(index: int) -> tuple[Any, Any]:
    """Draw a red square on gray noise, and its mask."""
    ground = np.random.default_rng(0).integers(90, 160, (*SIZE, 3)).astype(np.uint8)
    mask = np.zeros(SIZE, np.uint8)
    mask[30:60, 20 + 2 * index : 50 + 2 * index] = 255
    return np.where(mask[..., None] > 0, np.uint8([30, 20, 220]), ground), mask


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a moving red square with its boxes and masks."""
    folder = tmp_path_factory.mktemp("clips")
    (folder / "square").mkdir()
    writer = cv2.VideoWriter(str(folder / "square.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25, SIZE[::-1])
    boxes = []
    for index in range(FRAMES):
        pixels, mask = drawn(index)
        writer.write(pixels)
        cv2.imwrite(str(folder / "square" / f"{index:05d}.png"), mask)
        boxes.append(f"{20 + 2 * index},30,30,30")
    writer.release()
    (folder / "square.txt").write_text("\n".join(boxes))
    return folder


@pytest.fixture(scope="module")
def quick() -> Iterator[pytest.MonkeyPatch]:
    """Use crops of the square only, few layers, and a fake speed that does not depend on the load of the machine."""
    read = Source.read

    def few(path: Path) -> Source:
        source = read(path)
        for name in list(source.layers)[4:]:
            del source.layers[name]
        return source

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "_PROBES", 1)
        patch.setattr(Source, "read", few)
        patch.setattr(plan, "compare_speed", lambda fp32, other: speed.Speed(2.0, 1.0))
        make, known = plan.make_plan, list[Any]()

        def made_once(*arguments: Any, **options: Any) -> Any:
            known.extend([make(*arguments, **options)] * (not known))
            return known[0]

        patch.setattr(outlines, "make_plan", made_once)
        patch.setattr(outlines, "record", recorded)
        yield patch


def recorded(subject: outlines.Outlining, *_: Any, **__: Any) -> Calibration:
    kept = Reservoir(subject.paths, 8)
    with subject.watched(kept.keep) as open_tracker:
        tracker = open_tracker()
        tracker.start(drawn(0)[0], box=Box(20, 30, 30, 30))
        for index in range(1, 8):
            tracker.update(drawn(index)[0])
    return Calibration(kept.crops, {})


def added(folder: Path, accept: Path | None, least: float) -> Int8Report:
    """Return the report on the head of the bundle in ``folder``, which has INT8 of the tracker."""
    config = SimpleNamespace(
        accept=accept, threads=1, calibration=(), text=None, box=None, min_auc_ratio=least
    )
    gate: Any = SimpleNamespace(
        subject=SimpleNamespace(folder=folder),
        config=config,
        is_here=True,
        passes=lambda found: found.ratio >= least,
    )
    facts: dict[str, Any] = dict.fromkeys(("model", "target", "measured_on", "machine"), "x")
    report = Int8Report(
        **facts,
        precision="int8",
        threads=1,
        versions={},
        calibration={"sources": ["x"], "frames": 30, "text": None, "box": None},
        min_auc_ratio=least,
        methods={},
        chosen_methods={},
        kinds=(),
        sensitivity={},
        in_float={},
        refused={MASK: "given no masks"},
    )
    outlines.add_outlines(report, gate, watch=silent)
    return report


def copied(folder: Path) -> Path:
    copy_bundle(Bundle.open("edgetrack-160"), folder, keep=("int8",))
    return folder


@pytest.fixture(scope="module")
def made(quick: pytest.MonkeyPatch, clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = copied(tmp_path_factory.mktemp("outlines") / "bundle")
    return folder, added(folder, clips, 0.5)


def test_accurate_head_is_added_with_its_budget(made: tuple[Path, Int8Report]) -> None:
    bundle, report = Bundle.open(made[0]), made[1]
    own = bundle.manifest.precisions["int8"]
    assert (MASK in own.graphs, own.min_jf_ratio) == (True, 0.5)
    assert json.loads(bundle.manifest.to_json())["precisions"]["int8"]["min_jf_ratio"] == 0.5
    assert bundle.path("int8_mask_ranges").is_file()
    assert MASK not in report.refused
    assert report.masks is not None
    (figures,) = report.masks.clips.values()
    assert report.masks.evidence == FRAMES - 1  # the first frame was given its box
    assert report.masks.ratio == pytest.approx(figures[1] / figures[0])
    assert figures[0] > 0.5
    assert figures[0] != figures[1]  # otherwise INT8 was not run
    rows = {row.file for row in report.files}
    assert rows == {"mask.onnx", "mask.int8.onnx", "mask.int8.ort.onnx", "mask.int8.weights"}
    assert "J&amp;F" in render([report])


def test_tracker_runs_the_int8_head(made: tuple[Path, Int8Report], clips: Path) -> None:
    capture = cv2.VideoCapture(str(clips / "square.mp4"))
    frame = capture.read()[1]
    capture.release()
    found = []
    for precision in ("fp32", "int8"):
        tracker = Tracker(made[0], precision=precision, threads=1, masks="logits")
        mask = tracker.start(frame, box=(20, 30, 30, 30)).mask
        assert mask is not None
        assert mask.logits is not None
        found.append((mask, np.array(mask.logits.values)))
    assert found[0][0].iou(found[1][0]) > 0.8
    assert not np.array_equal(found[0][1], found[1][1])


def test_int8_is_dropped_for_another_head(made: tuple[Path, Int8Report], tmp_path: Path) -> None:
    copy_bundle(Bundle.open(made[0]), tmp_path / "copy", keep=("int8",))
    bundle = float_graphs(tmp_path / "copy", ("mask",))
    before = Bundle.open("edgetrack-160").manifest.precisions
    assert {k: asdict(v) for k, v in bundle.manifest.precisions.items()} == {
        k: asdict(v) for k, v in before.items()
    }
    assert not list((tmp_path / "copy").glob("mask.int8*"))


def test_inaccurate_head_is_left_out(
    made: tuple[Path, Int8Report], clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Worse:
        def accuracy(self, tracker: Tracker, precision: str) -> Accuracy:
            assert precision == "int8"
            assert MASK in tracker.engine.bundle.manifest.precisions["int8"].graphs
            return Accuracy("J&F", {"square": [Turn(50, 0.8, 0.6), Turn(50, 0.8, 0.6)]})

    monkeypatch.setattr(outlines, "Outlines", lambda *_, **__: Worse())
    report = added(copied(tmp_path / "bundle"), clips, 0.99)
    assert report.masks is not None
    assert [attempt.floats for attempt in report.masks.attempts] == [0]  # four layers in all
    assert "at best 0.750 of fp32's J&F over 100 frames; expected 0.99" in report.refused[MASK]
    bundle = Bundle.open(tmp_path / "bundle")
    assert MASK not in bundle.manifest.precisions["int8"].graphs
    assert not list(bundle.folder.glob("mask.int8*"))


def test_head_is_skipped_without_masks(clips: Path, tmp_path: Path) -> None:
    for name in ("square.mp4", "square.txt"):
        (tmp_path / name).symlink_to(clips / name)
    for accept in (None, tmp_path):
        report = added(tmp_path, accept, 0.5)
        assert (report.masks, report.refused) == (None, {MASK: "given no masks"})


def test_masks_for_another_number_of_frames_are_rejected(clips: Path, tmp_path: Path) -> None:
    (tmp_path / "square.mp4").symlink_to(clips / "square.mp4")
    (tmp_path / "square.txt").write_text("1,2,30,30\n" * 5)
    (tmp_path / "square").symlink_to(clips / "square")
    with pytest.raises(ExportError, match="has 32 masks, but there are labels for 5 frames"):
        labeled_clips(tmp_path)
