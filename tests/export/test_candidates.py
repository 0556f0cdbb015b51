"""Candidates of the full-frame search: "detect" and "rank" in PyTorch, in a bundle, and in the tracker."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import without_eye
from numpy.typing import NDArray
from once import made_once

from edgetrack import Tracker
from edgetrack.bundle import EYE, Bundle
from edgetrack.crop import crop_reference
from edgetrack.engines import open_engine
from edgetrack.prompt import Tokenizer
from edgetrack.types import Box

torch = pytest.importorskip("torch", reason="the export extra is not installed")

from edgetrack.export.command import Request, make_bundle  # noqa: E402
from edgetrack.network.candidates import COUNT, GRID, SIDE, Detect, Rank, pooled  # noqa: E402
from edgetrack.network.grounder import TEXT, Grounder  # noqa: E402
from edgetrack.network.picodet import WIDTH, PicoDet  # noqa: E402

CHANNELS = 24 + WIDTH + 3


def pictures(seed: int, height: int = 240, width: int = 360) -> NDArray[np.uint8]:
    """Draw rectangles of many sizes and colors on a shaded background."""
    random = np.random.default_rng(seed)
    picture = np.linspace(40, 160, width)[None, :, None] * np.ones((height, 1, 3))
    for _ in range(12):
        w, h = random.integers(16, 120, 2)
        x, y = random.integers(0, width - w), random.integers(0, height - h)
        picture[y : y + h, x : x + w] = random.integers(0, 256, 3)
    return picture.astype(np.uint8)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save an untrained grounding network, which suffices to compare different ways to run it."""
    torch.manual_seed(3)
    detector, grounder = PicoDet(), Grounder(CHANNELS, GRID)
    torch.nn.init.normal_(grounder.listener.score.weight, std=0.4)
    with torch.no_grad():
        for parameter in (*detector.parameters(), *grounder.parameters()):  # all different, as after training
            parameter.add_(torch.randn_like(parameter) * 0.01)
    path = tmp_path_factory.mktemp("grounder") / "last.pt"
    worth = {"scale": 2.0, "shift": 1.0, "rival": (2.0, -1.0, 0.5)}
    state = {
        "model": grounder.state_dict(),
        "detector": detector.state_dict(),
        "calibration": (1.5, 0.25),
        "check": {"names": torch.randn(5, TEXT), "owner": torch.arange(5), **worth},
        "thresholds": {"text_detect_threshold": 0.7},
    }
    torch.save(state, path)
    return path


@pytest.fixture(scope="module")
def bundle(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    def export(folder: Path) -> None:
        request = Request("edgetrack-160", folder / "eye", grounder=checkpoint)
        make_bundle(request, watch=lambda steps, *_: iter(steps))

    return Bundle.open(made_once(tmp_path_factory, "candidates", export) / "eye")


def test_pooling_by_matrices_equals_roi_align() -> None:
    """Compare with bilinear samples taken one by one, two per bin and side, with the border value repeated outside."""
    random = np.random.default_rng(0)
    maps = random.normal(size=(1, 2, 13, 13)).astype(np.float32)
    corners = np.sort(random.uniform(0, 1, (5, 2, 2)), axis=1).reshape(5, 4)[:, [0, 1, 2, 3]]
    boxes = corners[None].astype(np.float32)
    got = pooled(torch.from_numpy(maps), torch.from_numpy(boxes)).numpy()[0]

    def sample(c: int, x: float, y: float) -> float:
        x, y = (min(max(v * 13 - 0.5, 0), 12) for v in (x, y))
        i, j = min(int(x), 11), min(int(y), 11)
        a, b = x - i, y - j
        m = maps[0, c]
        return float(
            m[j, i] * (1 - a) * (1 - b)
            + m[j, i + 1] * a * (1 - b)
            + m[j + 1, i] * (1 - a) * b
            + m[j + 1, i + 1] * a * b
        )

    for k, (x1, y1, x2, y2) in enumerate(boxes[0]):
        for gy in range(GRID):
            for gx in range(GRID):
                at = [(2 * g + s + 0.5) / (2 * GRID) for g in (gx, gy) for s in (0, 1)]
                xs, ys = [x1 + a * (x2 - x1) for a in at[:2]], [y1 + a * (y2 - y1) for a in at[2:]]
                mean = np.mean([sample(1, x, y) for x in xs for y in ys])
                assert got[k, 1, gy, gx] == pytest.approx(mean, abs=1e-5)


def test_bundle_lists_detect_and_rank(bundle: Bundle) -> None:
    assert set(EYE) <= set(bundle.graphs)
    assert bundle.manifest.parameters < 20_000_000
    assert bundle.manifest.tensors["detect"].inputs["image"].shape == (1, 3, SIDE, SIDE)
    assert bundle.manifest.precisions.keys() == Bundle.open("edgetrack-160").manifest.precisions.keys()


def compose(bundle: Bundle, picture: NDArray[np.uint8], phrase: str, noun: str) -> list[tuple[Any, float]]:
    """Compute the candidates with the two graphs and plain numpy, best first: boxes x1, y1, x2, y2 in pixels."""
    engine, manifest = open_engine(bundle, threads=1), bundle.manifest
    height, width = picture.shape[:2]
    image = crop_reference(
        picture,
        (0, 0, width, height),
        (SIDE, SIDE),
        mean=manifest.mean,
        std=manifest.std,
        fill=manifest.fill,
    )
    found = engine.graph("detect").run({"image": image.reshape(1, 3, SIDE, SIDE)})
    boxes, sure = found["boxes"][0], found["objectness"][0]
    kept: list[int] = []
    for i in np.argsort(-sure, kind="stable")[: 16 * COUNT]:
        size = boxes[i, 2:] - boxes[i, :2]
        if (size <= 0.004).any():
            continue
        inner = np.minimum(boxes[i, 2:], boxes[kept, 2:]) - np.maximum(boxes[i, :2], boxes[kept, :2])
        both = inner.clip(0).prod(1)
        area = (boxes[kept, 2:] - boxes[kept, :2]).prod(1)
        if (both <= 0.6 * (size.prod() + area - both)).all():
            kept.append(int(i))
        if len(kept) == COUNT:
            break
    texts = {}
    for name, text in (("tokens", phrase), ("noun", noun)):
        ids, mask = Tokenizer(bundle).encode(text)
        texts[name] = engine.graph("text").run({"ids": ids, "mask": mask})["tokens"]
        texts["mask" if name == "tokens" else "noun_mask"] = mask
    feeds = {
        "map": found["map"], "boxes": np.zeros((1, COUNT, 4), np.float32),
        "region": np.zeros((1, COUNT, found["region"].shape[2]), np.float32),
        "classes": np.zeros((1, COUNT, found["classes"].shape[2]), np.float32),
        "valid": np.zeros((1, COUNT), np.float32),
        **texts,
    }  # fmt: skip
    feeds["boxes"][0, : len(kept)], feeds["region"][0, : len(kept)] = boxes[kept], found["region"][0, kept]
    feeds["classes"][0, : len(kept)] = found["classes"][0, kept]
    feeds["valid"][0, : len(kept)] = 1
    score = engine.graph("rank").run(feeds)["score"][0, : len(kept)]
    scale = np.array((width, height, width, height))
    return heeded(
        bundle, [(boxes[k] * scale, float(s)) for k, s in zip(kept, score, strict=True)], picture, phrase
    )


def heeded(
    bundle: Bundle, candidates: list[tuple[Any, float]], picture: NDArray[np.uint8], phrase: str
) -> list[tuple[Any, float]]:
    """Combine the candidates with the find of "ground", unless "rank" finds nothing."""
    with Tracker(without_eye(bundle), threads=1, precision="fp32") as tracker:
        finds = tracker.start(picture, text=phrase).candidates
    boxes = [Box.from_xyxy(*box) for box, _ in candidates]
    scores = [score for _, score in candidates]
    best, own = max(scores), []
    for find in finds:
        overlaps = [box.iou(find.box) for box in boxes]
        for k, overlap in enumerate(overlaps):
            if overlap >= 0.5:
                scores[k] = 1 - (1 - scores[k]) * (1 - 0.8 * overlap * find.score)
        if max(overlaps) < 0.5:
            own.append((np.array(find.box.xyxy), (1 - best) * find.score))
    named = [(box, score) for (box, _), score in zip(candidates, scores, strict=True)]
    trust = best / (best + 0.01)
    return sorted(((box, trust * score) for box, score in named + own), key=lambda found: -found[1])


@pytest.mark.parametrize("seed", range(3))
def test_tracker_ranks_candidates_like_the_graphs(seed: int) -> None:
    bundle = Bundle.open()  # in untrained networks boxes are so similar that the last bits decide
    picture = pictures(seed)
    expected = compose(bundle, picture, "small car", "car")
    with Tracker(bundle, threads=1, precision="fp32") as tracker:
        candidates = tracker.start(picture, text="small car").candidates
    assert len(candidates) == len(expected) > 8
    for mine, (box, score) in zip(candidates, expected, strict=True):
        assert mine.score == pytest.approx(score, abs=1e-5)
        inside = np.clip(box, 0, (360, 240, 360, 240))
        assert mine.box.xyxy == pytest.approx(inside, abs=2.01)  # of a box at the border two pixels are left


@pytest.mark.parametrize(("tint", "factor"), [((1, 1, 1), 0.1), ((0.1, 0.1, 1), 1), ((1, 0.1, 0.1), 0.1)])
def test_color_absent_from_a_box_lowers_its_score(tint: tuple[float, float, float], factor: float) -> None:
    """Search gray, red and blue images for a red car: the scores of gray and blue boxes are divided by ten."""
    gray = pictures(1).mean(2, keepdims=True).clip(60, 255)
    picture = (gray * tint).astype(np.uint8)
    expected = compose(Bundle.open(), picture, "red car", "car")
    with Tracker(threads=1, precision="fp32") as tracker:
        candidates = tracker.start(picture, text="red car").candidates
    assert len(candidates) == len(expected)
    for mine, (_, score) in zip(candidates, expected, strict=True):
        assert mine.score == pytest.approx(factor * score, abs=1e-5)


def test_pytorch_and_the_graphs_agree(bundle: Bundle, checkpoint: Path) -> None:
    """The calibration of the checkpoint is applied to the scores."""
    from edgetrack.export.grounder import load_grounder
    from edgetrack.export.weights import round_weights

    detector, grounder, calibrated = load_grounder(checkpoint)
    assert (calibrated.scale, calibrated.shift) == (1.5, 0.25)
    assert bundle.manifest.thresholds["text_detect_threshold"] == 0.7
    for module in (detector, grounder):
        round_weights(module)
    random = np.random.default_rng(1)
    image = random.uniform(-1, 1, (1, 3, SIDE, SIDE)).astype(np.float32)
    with torch.no_grad():
        boxes, objectness, region, classes, seen = Detect(detector, grounder, 127.5, 127.5)(
            torch.from_numpy(image)
        )
        words = torch.randn(1, 24, 384)
        mask = (torch.arange(24) < 5).float()[None]
        rows = objectness[0].topk(COUNT).indices
        kept = (boxes[:, rows], region[:, rows], classes[:, rows])
        arguments = (seen, *kept, torch.ones(1, COUNT), words, mask, words, mask)
        (expected,) = Rank(grounder, calibrated.check, calibrated.scale, calibrated.shift)(*arguments)
    engine = open_engine(bundle, threads=1)
    found = engine.graph("detect").run({"image": image})
    assert np.allclose(found["boxes"], boxes.numpy(), atol=1e-5)
    names = bundle.manifest.tensors["rank"].inputs
    score = engine.graph("rank").run({n: a.numpy() for n, a in zip(names, arguments, strict=True)})["score"]
    assert np.allclose(score, expected.numpy(), atol=1e-4)


def test_weights_can_be_read_from_a_bundle(bundle: Bundle, checkpoint: Path) -> None:
    """Training can continue from them: every parameter by its name, with float16 values."""
    from edgetrack.export.grounder import load_grounder
    from edgetrack.export.weights import round_weights
    from edgetrack.training.parameters import parts_of

    detector, grounder, *_ = load_grounder(checkpoint)
    parts = parts_of(bundle, EYE, ("detector", "grounder"), "--grounder")
    for module, read in zip((detector, grounder), parts, strict=True):
        round_weights(module)
        wanted = module.state_dict()
        assert {name: tuple(w.shape) for name, w in wanted.items()}.items() <= {
            name: tuple(w.shape) for name, w in read.items()
        }.items()
        assert all(torch.equal(read[name], w) for name, w in wanted.items())
        module.load_state_dict(read)


def test_bundle_without_a_grounding_network_is_named(tmp_path: Path) -> None:
    from bundles import write_fake_bundle

    from edgetrack import ConfigError
    from edgetrack.training.parameters import parts_of

    with pytest.raises(ConfigError, match=r"'detect'.*--grounder"):
        parts_of(Bundle.open(write_fake_bundle(tmp_path)), EYE, ("detector",), "--grounder")


def test_frame_without_a_full_search_has_no_candidates(bundle: Bundle) -> None:
    picture = pictures(5)
    with Tracker(bundle, threads=1) as tracker:
        assert tracker.start(picture, box=(100, 60, 80, 80)).candidates == ()
        assert tracker.update(picture).candidates == ()


def test_target_named_by_a_box_is_searched_by_its_template(bundle: Bundle) -> None:
    """The graphs "detect" and "rank" only know words: a target named by a box is found again by "ground"."""
    picture = pictures(6)
    with Tracker(bundle, threads=1) as tracker:
        tracker.start(picture, box=(100, 60, 80, 80))
        noise = np.random.default_rng(0)
        for _ in range(200):
            track = tracker.update(noise.integers(0, 256, picture.shape, np.uint8))
            if track.status == "lost":
                break
        assert track.status == "lost"
        looks = [tracker.update(picture).candidates for _ in range(4)]
    assert any(looks)
    assert all(len(candidates) <= 4 for candidates in looks)  # "ground" finds no more, "rank" finds dozens


@pytest.mark.parametrize("missing", EYE)
def test_detect_and_rank_are_required_together(bundle: Bundle, tmp_path: Path, missing: str) -> None:
    from edgetrack import BundleError

    folder = tmp_path / "half"
    shutil.copytree(bundle.folder, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["tensors"][missing], manifest["files"][missing]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match=missing):
        Bundle.open(folder)
