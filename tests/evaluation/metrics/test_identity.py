"""HOTA, IDF1 and identity switches: by hand where that is easy, and compared with TrackEval on random sequences."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("scipy")

from edgetrack.association import overlaps
from edgetrack.evaluation.metrics.identity import Frame, identity_counts
from edgetrack.types import Box

A, B = Box(0, 0, 10, 10), Box(50, 50, 10, 10)


def test_perfect_tracks_score_one() -> None:
    truth = [{1: A, 2: B}] * 5
    counts = identity_counts(truth, [{7: A, 9: B}] * 5)
    assert (counts.hota, counts.detection, counts.association_accuracy, counts.idf1) == (1, 1, 1, 1)
    assert (counts.switches, counts.count_error, counts.objects, counts.ids) == (0, 0, 2, 2)


def test_swapped_ids_halve_the_association() -> None:
    """Each object has either id for half of its time: AssA is 1/3, HOTA its square root, IDF1 1/2; two switches."""
    counts = identity_counts([{1: A, 2: B}] * 4, [{7: A, 9: B}] * 2 + [{9: A, 7: B}] * 2)
    assert counts.detection == 1
    assert counts.association_accuracy == pytest.approx(1 / 3)
    assert counts.hota == pytest.approx(np.sqrt(1 / 3))
    assert (counts.idf1, counts.switches) == (0.5, 2)


def test_misses_and_false_positives_count() -> None:
    counts = identity_counts([{1: A}, {1: A}, {}], [{7: A}, {}, {7: B, 8: A}])
    assert counts.detection == pytest.approx(1 / 4)
    assert (counts.mean_count_error, counts.count_error, counts.frames) == (1.0, 3, 3)
    assert counts.idf1 == pytest.approx(2 / 5)
    assert (counts + counts).frames == 6
    assert (counts + counts).hota == pytest.approx(counts.hota)


def test_empty_sequences_cause_no_division_by_zero() -> None:
    for truth, found in (([], []), ([{}], [{}]), ([{1: A}], [{}]), ([{}], [{1: A}])):
        counts = identity_counts(truth, found)
        assert (counts.hota, counts.idf1, counts.switches) == (0, 0, 0)


def sequence(seed: int) -> tuple[list[Frame], list[Frame]]:
    """Make objects that wander, and tracks that jitter, change ids, miss some objects and invent others."""
    random = np.random.default_rng(seed)
    places = random.uniform(0, 200, (5, 2))
    names = list(range(10, 15))
    truth: list[Frame] = []
    found: list[Frame] = []
    for _ in range(60):
        places += random.normal(0, 3, places.shape)
        boxes = {n: Box(x, y, 30, 40) for n, (x, y) in enumerate(places) if random.random() > 0.1}
        if random.random() < 0.1:
            i, j = random.integers(5, size=2)
            names[i], names[j] = names[j], names[i]
        seen = {
            names[n]: Box(box.x + random.normal(0, 4), box.y + random.normal(0, 4), box.w, box.h)
            for n, box in boxes.items()
            if random.random() > 0.2
        }
        if random.random() < 0.3:
            seen[int(random.integers(20, 23))] = Box(random.uniform(0, 200), random.uniform(0, 200), 30, 40)
        truth.append(boxes)
        found.append(seen)
    return truth, found


def for_trackeval(truth: list[Frame], found: list[Frame]) -> dict[str, Any]:
    """Convert the sequence to the input of TrackEval's metrics."""
    objects = {n: i for i, n in enumerate(sorted({n for frame in truth for n in frame}))}
    ids = {n: i for i, n in enumerate(sorted({n for frame in found for n in frame}))}
    return {
        "num_timesteps": len(truth),
        "num_gt_ids": len(objects),
        "num_tracker_ids": len(ids),
        "num_gt_dets": sum(map(len, truth)),
        "num_tracker_dets": sum(map(len, found)),
        "gt_ids": [np.array([objects[n] for n in frame], int) for frame in truth],
        "tracker_ids": [np.array([ids[n] for n in frame], int) for frame in found],
        "similarity_scores": [
            overlaps(list(t.values()), list(f.values())) for t, f in zip(truth, found, strict=True)
        ],
    }


@pytest.mark.parametrize("seed", range(4))
def test_figures_equal_those_of_trackeval(seed: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metrics = pytest.importorskip("trackeval.metrics", reason="needs the extra parity")
    truth, found = sequence(seed)
    ours, data = identity_counts(truth, found), for_trackeval(truth, found)
    hota = metrics.HOTA().eval_sequence(data)
    assert ours.hota == pytest.approx(hota["HOTA"].mean(), abs=1e-9)
    assert ours.detection == pytest.approx(hota["DetA"].mean(), abs=1e-9)
    assert ours.association_accuracy == pytest.approx(hota["AssA"].mean(), abs=1e-9)
    assert 0.2 < ours.hota < 0.9
    quiet = {"PRINT_CONFIG": False}
    assert ours.idf1 == pytest.approx(metrics.Identity(quiet).eval_sequence(data)["IDF1"], abs=1e-9)
    assert ours.switches == metrics.CLEAR(quiet).eval_sequence(data)["IDSW"] > 5
