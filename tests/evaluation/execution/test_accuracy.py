"""The shipped weights on four short sequences: their AUC must not fall below the figure in accuracy.json.

After an intended change, write the new figure there in the same commit; lower it only with a reason in the CHANGELOG.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgetrack.bundle import DEFAULT
from edgetrack.evaluation.execution.dataset import load_sequences, select
from edgetrack.evaluation.execution.tracking import finish, track
from edgetrack.evaluation.metrics.runs import score_run
from edgetrack.evaluation.perturbations.base import Perturbation
from edgetrack.evaluation.types import Run
from edgetrack.tracker import Tracker

pytest.importorskip("cv2", reason="the video extra is not installed")
RECORDED = json.loads(Path(__file__).with_name("accuracy.json").read_text())


@pytest.mark.nightly
def test_accuracy_of_the_shipped_weights_has_not_fallen(shared_data: Path) -> None:
    clips = select(load_sequences("folder", shared_data / "devset"), RECORDED["sequences"])
    tracker = Tracker(DEFAULT)
    records = [
        finish(track(clip, tracker, mode="bbox", text="", perturbation=Perturbation())) for clip in clips
    ]
    figures = score_run(Run("edgetrack", "bbox"), clips, records)
    found = {row.name: round(row.ope.auc, 3) for row in figures.sequences}
    assert figures.ope.auc >= RECORDED["auc"] - RECORDED["tolerance"], f"mean of {found}"
