"""Several targets in one run of the network: the tracks of separate trackers, with targets that come, go or fail."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from batched_engine import BatchedEngine
from hypothesis import given, settings
from hypothesis import strategies as st
from red_scene import FakeTokenizer

import edgetrack
from edgetrack.bundle import BATCHED, Bundle
from edgetrack.errors import BundleError, EngineUnavailable
from edgetrack.multi_tracker import MultiTracker
from edgetrack.tracker import Tracker
from edgetrack.types import Box, Track

BOXES = [(40 + 70 * i, 60 + 40 * (i % 3), 50, 40) for i in range(8)]
LEAST_IOU = 0.99  # of boxes of batched and single runs of a real network, which may differ in the last bits


@pytest.fixture(autouse=True)
def tokens(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("real_network") is None:
        monkeypatch.setattr("edgetrack.words.Tokenizer", FakeTokenizer)


@cache
def noise(index: int) -> Any:
    return np.random.default_rng(index).integers(0, 255, (240, 640, 3), np.uint8)


def followers(engine: BatchedEngine, count: int, **options: Any) -> MultiTracker:
    many = MultiTracker(engine=engine, **options)
    for box in BOXES[:count]:
        many.add(box=box)
    many.update(noise(0))
    engine.calls.clear()
    return many


@pytest.mark.parametrize(
    ("count", "runs"),
    [(1, {"search": 1}), (2, {"search2": 1}), (3, {"search2": 1, "search": 1}), (4, {"search4": 1}),
     (7, {"search4": 1, "search2": 1, "search": 1}), (8, {"search4": 2})],
)  # fmt: skip
def test_targets_use_as_few_batches_as_possible(count: int, runs: dict[str, int]) -> None:
    engine = BatchedEngine()
    many = followers(engine, count)
    assert many.batches == (2, 4)
    assert not engine.loaded & {"search2", "search4"}  # not loaded until that many are followed
    many.update(noise(1))
    assert Counter(role for role in engine.calls if role.startswith("search")) == runs
    assert engine.loaded & set(BATCHED) == {role for role, number in BATCHED.items() if number <= count}
    assert all(many.timing[name].network > 0 for name in many.names)
    assert many.batch_failure is None


@pytest.mark.parametrize("batch", [True, False])
@settings(max_examples=12)
@given(st.lists(st.sampled_from(["box", "text", "both", "remove", *["update"] * 4]), min_size=8, max_size=60))
def test_batched_tracks_equal_separate_trackers_bit_for_bit(batch: bool, steps: list[str]) -> None:
    """The answers depend on every bit of a target's inputs: a slot with another's or outdated data is detected."""
    engine = BatchedEngine()
    many = MultiTracker(engine=engine, batch=batch, exclusive=False)  # dice fall where others are
    alone: dict[str, tuple[Tracker, dict[str, Any]]] = {}
    for number, step in enumerate(steps):
        if step == "remove" and alone:
            name = list(alone)[number % len(alone)]
            many.remove(name)
            del alone[name]
        elif step in ("box", "text", "both"):
            named = {"text": f"red {number}"} if step != "box" else {}
            named |= {"box": BOXES[number % 8]} if step != "text" else {}
            alone[many.add(**named, name=str(number))] = Tracker(engine=engine), named
        elif step == "update" and alone:
            tracks = many.update(noise(number))
            for name, (tracker, named) in alone.items():
                started = tracks[name].index == 0
                own = tracker.start(noise(number), **named) if started else tracker.update(noise(number))
                assert tracks[name] == own
    assert batch or not engine.loaded & set(BATCHED)


def test_all_states_occur_and_equal_separate_trackers() -> None:
    """Over 60 frames, eight targets are found, lost, refreshed and moved between slots."""
    engine = BatchedEngine()
    many = MultiTracker(engine=engine, exclusive=False)
    alone = {}
    for i, box in enumerate(BOXES):
        named = {"box": box} if i % 2 else {"text": f"red {i}", "box": box}
        alone[many.add(**named, name=str(i))] = Tracker(engine=engine), named
    seen: set[str] = set()
    for index in range(60):
        tracks = many.update(noise(index))
        for name, (tracker, named) in alone.items():
            own = tracker.update(noise(index)) if index else tracker.start(noise(index), **named)
            assert tracks[name] == own
            seen.add(own.status)
    assert {"tracking", "uncertain", "lost"} <= seen
    assert min(engine.calls.count("search2"), engine.calls.count("search4")) >= 3


def test_bundle_without_batched_graphs_runs_targets_in_turn() -> None:
    engine = BatchedEngine()
    engine.bundle.manifest.tensors.clear()  # type: ignore[attr-defined]
    many = followers(engine, 4)
    assert many.batches == ()
    many.update(noise(1))
    assert [role for role in engine.calls if role.startswith("search")] == ["search"] * 4


@pytest.mark.parametrize("error", [EngineUnavailable("it broke"), MemoryError("full")])
def test_failed_batch_runs_its_targets_in_turn(error: Exception) -> None:
    engine = BatchedEngine()
    many, alone = followers(engine, 6), followers(engine, 6, batch=False)
    engine.errors["search4"] = error
    for index in (1, 2):
        assert many.update(noise(index)) == alone.update(noise(index))
        assert many.batch_failure is error
        assert not many.failed
    assert engine.calls.count("search2") == 2  # the other batch continues
    engine.errors["search"] = ZeroDivisionError("all alone")
    assert list(many.update(noise(3))) == ["box 5", "box 6"]
    assert set(many.failed) == {f"box {i}" for i in (1, 2, 3, 4)}
    engine.errors.clear()
    assert len(many.update(noise(4))) == 6
    assert many.batch_failure is None
    assert not many.failed


def test_ctrl_c_inside_a_batch_is_not_a_failure_of_the_batch() -> None:
    engine = BatchedEngine()
    many = followers(engine, 2)
    many.update(noise(1))
    engine.errors["search2"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        many.update(noise(2))
    engine.errors.clear()
    assert len(many.update(noise(3))) == 2


def test_target_with_a_bad_answer_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = BatchedEngine()
    many = followers(engine, 2)
    graph: Any = engine.graph("search2")
    answer = graph._answer
    count = iter(range(99))

    def broken(feeds: Any) -> Any:
        out = answer(feeds)
        if next(count) == 1:
            out["presence"][:] = np.nan
        return out

    monkeypatch.setattr(graph, "_answer", broken)
    assert list(many.update(noise(1))) == ["box 1"]
    assert "expected finite numbers" in str(many.failed["box 2"])
    assert many.batch_failure is None


def test_batched_graph_of_another_shape_is_rejected() -> None:
    engine = BatchedEngine()
    many = followers(engine, 2)
    graph: Any = engine.graph("search2")
    graph.inputs["anchor"] = graph.inputs["film"]
    with pytest.raises(BundleError, match=r"'anchor' of graph 'search2' .*expected \(2, 64, 64\)"):
        many.update(noise(1))
    assert engine.calls == []  # the frame does not count for any target


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    bundle = Bundle.open()
    if not bundle.batches:
        pytest.skip(f"{bundle} was exported before there were graphs for several targets")
    return bundle


def close(one: Track, other: Track) -> bool:
    if one.box is None or other.box is None:
        return one.box == other.box
    return iou(one.box, other.box) >= LEAST_IOU


def iou(a: Box, b: Box) -> float:
    w, h = (min(p + s, q + t) - max(p, q) for p, s, q, t in ((a.x, a.w, b.x, b.w), (a.y, a.h, b.y, b.h)))
    return max(w, 0) * max(h, 0) / (a.w * a.h + b.w * b.h - max(w, 0) * max(h, 0))


@pytest.mark.parametrize(
    ("engine", "precision"),
    [
        pytest.param("ort", "fp32", marks=pytest.mark.nightly),
        pytest.param("ort", "int8", marks=pytest.mark.nightly),
        pytest.param("ort-ops", "fp32", marks=pytest.mark.nightly),
        pytest.param("openvino", "fp32", marks=pytest.mark.nightly),
    ],
)
@pytest.mark.real_network
def test_shipped_network_batched_and_in_turn_agree_on_the_demo(
    bundle: Bundle, engine: str, precision: str
) -> None:
    """Follow all visible cars of the demo's street by box, and one by text, for five frames from each start.

    Over long runs a last bit sometimes decides which token is kept, and the differences grow.
    """
    from edgetrack.demo.scene import Scene

    if engine == "openvino":
        pytest.importorskip("openvino", reason="needs openvino: pip install 'edgetrack[openvino]'")
    scene = Scene()
    frames = [frame.pixels for frame in islice(scene.frames(), 80)]
    try:
        first = MultiTracker(bundle, engine=engine, precision=precision, threads=1)
    except EngineUnavailable as error:
        pytest.skip(str(error))
    assert first.batches == (2, 4)
    for start in (20, 45, 70):
        both = [MultiTracker(engine=first.engine, batch=batch) for batch in (True, False)]
        for many in both:
            many.add(text="red car")
            for name, box in scene.boxes[start].items():
                many.add(box=box, name=f"the {name}")
        for pixels in frames[start : start + 6]:
            same(*(many.update(pixels) for many in both))
            assert not both[0].failed
            assert both[0].batch_failure is None


@pytest.mark.real_network
def test_shipped_network_batched_and_in_turn_agree_on_real_video(bundle: Bundle, shared_data: Path) -> None:
    """Follow four objects of a real video by their boxes in its first frame."""
    pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
    first = MultiTracker(bundle, threads=1)
    many, alone = first, MultiTracker(engine=first.engine, batch=False)
    with edgetrack.open_source(shared_data / "clips" / "car-detection.mp4") as source:
        for frame in islice(source, 6):
            if frame.index == 0:
                height, width = frame.pixels.shape[:2]
                for i in range(4):
                    box = (width * (0.1 + 0.2 * i), height * 0.4, width * 0.15, height * 0.25)
                    assert many.add(box=box) == alone.add(box=box)
            same(many.update(frame.pixels), alone.update(frame.pixels))


def same(together: dict[str, Track], in_turn: dict[str, Track]) -> None:
    """Require equal statuses, and nearly equal boxes and scores."""
    assert {n: t.status for n, t in together.items()} == {n: t.status for n, t in in_turn.items()}
    for name, track in together.items():
        assert abs(track.score - in_turn[name].score) < 0.01
        assert close(track, in_turn[name]), (name, track, in_turn[name])
