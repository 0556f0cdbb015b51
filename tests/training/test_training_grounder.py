"""The parts of the grounding network and its training data: geometry, phrases, the added class head."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asked_scenes import DOGS, asked, box, scene_of

torch = pytest.importorskip("torch", reason="torch is not installed; run: pip install 'edgetrack[train]'")

from edgetrack.network.candidates import GRID  # noqa: E402
from edgetrack.network.grounder import Grounder, NounSpace, places  # noqa: E402
from edgetrack.network.picodet import CLASSES, STRIDES, WIDTH, PicoDet  # noqa: E402
from edgetrack.training.grounder import captions, phrases, questions  # noqa: E402
from edgetrack.training.grounder.cache import View  # noqa: E402
from edgetrack.training.grounder.calibration import threshold  # noqa: E402
from edgetrack.training.grounder.candidates import CHANNELS, candidates, pooled, suppressed  # noqa: E402
from edgetrack.training.grounder.head import head_noun  # noqa: E402
from edgetrack.training.grounder.records import Object  # noqa: E402
from edgetrack.training.grounder.scene import iou, side_by_side, viewed  # noqa: E402
from edgetrack.training.grounder.teachers import fused  # noqa: E402

TEACHER = Path(__file__).resolve().parents[3] / "shared/data/teachers/2026/picodet_s_416_coco.onnx"


@pytest.mark.parametrize(
    ("ask", "phrase", "meant"),
    [
        (phrases.by_place, "the dog on the left", [0]),
        (phrases.by_place, "the rightmost dog", [2]),
        (phrases.by_place, "the middle dog", [1]),
        (phrases.by_place, "the second dog from the right", [1]),
        (phrases.by_place, "the top dog", [1]),
        (phrases.by_size, "the largest dog", [1]),
        (phrases.by_size, "the smallest dog", [2]),
        (phrases.by_class, "the dog", [0, 1, 2]),
    ],
)
def test_phrase_is_positive_for_the_object_it_names(ask, phrase: str, meant: list[int]) -> None:
    question = asked(ask, scene_of(*DOGS), phrase)
    assert question is not None
    assert np.flatnonzero(question.meant > 0).tolist() == meant
    assert question.noun in ("dog", "puppy", "hound")


def test_mirrored_caption_swaps_its_sides() -> None:
    written = ("a man looks left at the sea",)
    plain = captions.subject(written[0], False)
    mirrored = captions.subject(written[0], True)
    assert plain is not None
    assert mirrored is not None
    assert "left" in plain[2]
    assert "right" in mirrored[2]
    assert "left" not in mirrored[2]


def test_possibly_present_object_is_never_a_negative() -> None:
    scene = scene_of(*DOGS)
    random = np.random.default_rng(1)
    asked_for = {q.noun for _ in range(300) if (q := phrases.absent_class(scene, random)) is not None}
    assert asked_for == {"zebra"}


def test_doubtful_object_is_neither_positive_nor_negative() -> None:
    sure, doubtful = Object("dog", box(0.1, 0.1, 0.4, 0.4), 0.9), Object("dog", box(0.6, 0.6, 0.9, 0.9), 0.2)
    scene = scene_of(("dog", sure.box), ("dog", doubtful.box))
    marked = questions.marks(scene, [sure], [doubtful])
    assert marked is not None
    assert marked[0] == pytest.approx(1.0)
    assert marked[1] == -1
    assert marked[2] == 0


def test_caption_matches_its_person_and_not_those_of_the_other_image() -> None:
    one = scene_of(("person", box(0.1, 0.1, 0.4, 0.9)), written=("a woman in a red dress",))
    other = scene_of(("person", box(0.5, 0.1, 0.9, 0.9)))
    joined = side_by_side([one, other], 32, np.random.default_rng(0))
    question = next(
        q for i in range(50) if (q := captions.by_caption(joined, np.random.default_rng(i))) is not None
    )
    assert np.flatnonzero(question.meant > 0).tolist() == [0]
    assert question.meant[joined.parts[1].rows].max() == 0
    assert question.noun == "woman"


def test_view_and_its_boxes_agree() -> None:
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[20:60, 40:80] = 255
    view = View((0.1, 0.1, 0.6, 0.9), True, (1, 1, 1), 1.0, 320)
    seen = view.of(picture)
    ys, xs = np.nonzero(seen[..., 0] > 127)
    found = np.array((xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)) / 320
    moved, share = viewed(box(40 / 200, 20 / 100, 80 / 200, 60 / 100), np.array((0.1, 0.1, 0.6, 0.9, 1.0)))
    assert share == pytest.approx(1.0)
    assert moved == pytest.approx(found, abs=0.01)


@pytest.mark.parametrize(
    ("phrase", "noun"),
    [
        ("the old man in the red shirt", "man"),
        ("a traffic light", "traffic light"),
        ("red car", "car"),
        ("the person crossing the street", "person"),
        ("a bunch of bananas", "bananas"),
        ("the cup", "cup"),
        ("", ""),
    ],
)
def test_head_noun_of_a_phrase(phrase: str, noun: str) -> None:
    assert head_noun(phrase) == noun


def test_suppression_keeps_the_best_of_overlapping_boxes() -> None:
    random = np.random.default_rng(3)
    corner = random.uniform(0, 0.8, (200, 2))
    boxes = np.concatenate((corner, corner + random.uniform(0.05, 0.2, (200, 2))), 1).astype(np.float32)
    scores = random.uniform(size=200).astype(np.float32)
    kept = suppressed(torch.from_numpy(boxes), torch.from_numpy(scores), count=200).numpy()
    overlap = iou(boxes, boxes)
    for i in range(200):
        better = [k for k in kept if scores[k] > scores[i] and overlap[i, k] > 0.6]
        assert (i in kept) == (not better)


def test_fusion_joins_boxes_that_agree_and_drops_empty_ones() -> None:
    found = [
        np.array([[0, 0.8, 0.1, 0.1, 0.5, 0.5], [2, 0.6, 1.0, 0.2, 1.0, 0.4]], np.float32),
        np.array([[0, 0.4, 0.1, 0.1, 0.5, 0.44], [1, 0.2, 0.1, 0.1, 0.5, 0.5]], np.float32),
    ]
    answers = iter(found)
    with np.errstate(all="raise"):
        boxes = fused([lambda _: next(answers)] * 2, np.zeros((8, 8, 3), np.uint8))
    assert boxes == pytest.approx(
        np.array([[0, 0.6, 0.1, 0.1, 0.5, 0.48], [1, 0.1, 0.1, 0.1, 0.5, 0.5]], np.float32)
    )


def test_pooling_samples_the_box() -> None:
    ramp = torch.arange(64.0)[None, None].expand(1, 32, 64) + 0.5  # value = x in cells
    got = pooled(ramp, torch.tensor([[0.25, 0.1, 0.5, 0.9]]))[0, 0]
    centers = 64 * (0.25 + 0.25 * (torch.arange(GRID) + 0.5) / GRID)
    assert torch.allclose(got, centers.expand(GRID, GRID), atol=1e-4)


def test_grafted_class_head_gives_the_logits_of_the_detector() -> None:
    torch.manual_seed(0)
    detector, space = PicoDet(), NounSpace()
    names = torch.randn(CLASSES, 384) * 0.1
    space.graft(names, list(detector.heads))
    features, level = torch.randn(7, WIDTH), torch.tensor([0, 1, 2, 3, 0, 1, 2])
    asked_for = space.regions(features, level) @ space.noun(names).T
    for i in range(7):
        head = detector.heads[int(level[i])]
        assert isinstance(head, torch.nn.Conv2d)
        assert head.bias is not None
        own = head.weight[:CLASSES].flatten(1) @ features[i] + head.bias[:CLASSES]
        assert torch.allclose(asked_for[i], own, atol=2e-3)


@torch.no_grad()
def test_padded_candidates_change_nothing() -> None:
    torch.manual_seed(1)
    net = Grounder(CHANNELS, GRID).eval()
    layers: Any = net.listener.layers
    for layer in layers:
        torch.nn.init.normal_(layer.mlp[-1].weight, std=0.1)
    torch.nn.init.normal_(net.listener.score.weight)
    seen, words = torch.randn(1, 6, 160), torch.randn(1, 5, 384)
    nouns, mask = torch.randn(1, 6, 2), torch.ones(1, 5)
    valid = torch.tensor([[1.0, 1, 1, 1, 0, 0]])
    first = net.listener(seen, valid, nouns, words, mask)[0, :4]
    seen[:, 4:] = 9.0
    nouns[:, 4:] = -3.0
    second = net.listener(seen, valid, nouns, words, mask)[0, :4]
    assert torch.equal(first, second)
    seen[:, 3] = 9.0
    assert not torch.allclose(first[:3], net.listener(seen, valid, nouns, words, mask)[0, :3])


def test_positions_are_finite_for_the_smallest_box() -> None:
    assert torch.isfinite(places(torch.zeros(1, 4))).all()


@pytest.mark.skipif(not TEACHER.exists(), reason="../shared is absent: the detector's weights are not here")
@torch.no_grad()
def test_detector_gives_the_scores_of_the_published_network() -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(TEACHER), options)
    net = PicoDet().eval()
    net.load_onnx(TEACHER)
    image = torch.randn(1, 3, 416, 416, generator=torch.Generator().manual_seed(0))
    out = session.run(None, {"image": image.numpy()})
    scores = np.concatenate([out[i].reshape(-1, CLASSES) for i in range(len(STRIDES))])
    found = net(image)
    assert np.abs(found.logits[0].sigmoid().numpy() - scores).max() < 1e-5
    assert candidates(net, image).valid.any()


def test_threshold_keeps_the_mean_false_alarm_rate_low() -> None:
    rare = np.full(10, -3.0)
    loud = np.array([0.8] * 1 + [-3.0] * 9)  # one in ten of them scores 0.69
    assert threshold({"class": rare, "color": loud}, 1.0, 0.0) == 0.5  # 5 % in the mean
    assert threshold({"color": loud}, 1.0, 0.0) == pytest.approx(0.69, abs=0.011)
    assert threshold({"color": loud}, 1.0, -1.0) == 0.5  # the same logits, less sure
    assert threshold({"color": np.full(9, 20.0)}, 1.0, 0.0) == 0.9
