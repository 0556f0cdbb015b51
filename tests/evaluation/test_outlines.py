"""``edgetrack eval --mask``: J&F of predicted masks, of boxes used as masks, and of GrabCut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[int8]'")

import trees
import vos_trees
from tiny_segmenter import write as write_segmenter
from typer.testing import CliRunner

import edgetrack
from edgetrack.cli import app
from edgetrack.errors import ConfigError
from edgetrack.evaluation import Report, Request, evaluate
from edgetrack.evaluation.execution.records import load, save
from edgetrack.evaluation.metrics.masks import ellipse, filled, mask_metrics, outlines
from edgetrack.evaluation.report.tables import mask_tables
from edgetrack.evaluation.types import FirstMask, Record
from edgetrack.mask import Mask
from edgetrack.types import Box, Track


def report(folder: Path, first_mask: FirstMask, *trackers: str, name: str = "davis2016") -> Report:
    request = Request(
        dataset=name,
        path=vos_trees.MAKERS[name, "train"](folder / "data"),
        output=folder / "out",
        split="train",
        trackers=trackers or ("edgetrack",),
        first_mask=first_mask,
        threads=1,
    )
    *_, last = evaluate(
        request,
        open_edgetrack=lambda **options: edgetrack.open_tracker(
            threads=1, precision="fp32", masks=bool(first_mask), **options
        ),
    )
    assert isinstance(last, Report)
    return last


@pytest.mark.parametrize("first_mask", ["found", "given"])
def test_masks_are_scored_next_to_boxes_and_a_peer(tmp_path: Path, first_mask: FirstMask) -> None:
    own_network = f"segmenter:{write_segmenter(tmp_path)}"
    made = report(tmp_path, first_mask, "edgetrack", "grabcut", own_network)
    own, peer, segmented = made.runs
    assert segmented.masks is not None
    assert segmented.masks.j > 0.6
    assert own.masks is not None
    assert own.masks.j > 0.6
    assert peer.masks is not None
    assert peer.masks.j > 0.6  # a red square on a dark background
    assert own.filled_boxes is not None
    (table,) = mask_tables(made.runs)
    assert table.title == "Masks"
    assert [row[0] for row in table.rows] == [
        "edgetrack",
        "grabcut",
        own_network,
        "edgetrack, boxes filled",
        "edgetrack, ellipses in the boxes",
        "grabcut, boxes filled",
        "grabcut, ellipses in the boxes",
        f"{own_network}, boxes filled",
        f"{own_network}, ellipses in the boxes",
        "the true boxes",
    ]


def test_boxes_count_as_masks_if_there_are_none(tmp_path: Path) -> None:
    (metrics,) = report(tmp_path, "").runs
    assert metrics.masks is not None
    assert metrics.filled_boxes is None


def test_data_set_without_masks_is_rejected(tmp_path: Path) -> None:
    request = Request(
        "uav123", trees.uav123(tmp_path / "data"), tmp_path / "out", split="all", first_mask="found"
    )
    with pytest.raises(ConfigError, match=r"sequence .* of uav123 has none; expected davis"):
        list(evaluate(request, open_edgetrack=edgetrack.open_tracker))


def test_image_data_sets_have_no_masks_to_track(tmp_path: Path) -> None:
    words = ["eval", "refcoco", str(tmp_path), "--output", str(tmp_path / "out"), "--mask", "found"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert "--mask has no effect: refcoco has images, not sequences" in " ".join(result.output.split())
    request = Request("refcoco", tmp_path, tmp_path / "out", first_mask="found")
    with pytest.raises(ConfigError, match=r"refcoco has images and sentences; expected .*--mask"):
        list(evaluate(request, open_edgetrack=edgetrack.open_tracker))


def test_masks_survive_the_round_trip_to_a_file(tmp_path: Path) -> None:
    mask = Mask.of(filled(np.array([3.0, 4, 9, 5]), (30, 40)))
    assert mask is not None
    record = Record()
    for shown in (mask, None):
        record.add(Track(Box(3, 4, 9, 5), 1.0, "tracking", 0), milliseconds=1)
        record.masks.append(None if shown is None else shown.rle())
    save(record, tmp_path / "a.json")
    assert load(tmp_path / "a.json", frames=2) == record
    (tmp_path / "a.json").write_text(
        (tmp_path / "a.json").read_text().replace('"size": [30, 40]', '"size": 3')
    )
    with pytest.raises(ConfigError, match=r"a\.json cannot be read"):
        load(tmp_path / "a.json", frames=2)


def test_perfect_masks_score_one(tmp_path: Path) -> None:
    from edgetrack.datasets import open_dataset

    clip = open_dataset("davis2016", vos_trees.davis2016(tmp_path), "train")[0]  # type: ignore[index]
    assert clip.masks is not None
    perfect = [mask.rle() for i in range(len(clip)) if (mask := Mask.of(clip.masks(i))) is not None]
    metrics, nothing = mask_metrics(clip, outlines(perfect), outlines([None] * len(clip)))
    assert (metrics.jf, metrics.j, metrics.f) == (1, 1, 1)
    assert nothing.jf == 0


def test_ellipse_touches_its_box() -> None:
    mask = Mask.of(ellipse(np.array([10.0, 20, 30, 16]), (60, 80)))
    assert mask is not None
    assert mask.box == (10, 20, 30, 16)
    assert mask.area == pytest.approx(np.pi / 4 * 30 * 16, rel=0.03)
    assert not ellipse(np.full(4, np.nan), (60, 80)).any()
