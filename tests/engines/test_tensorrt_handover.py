"""ONNX Runtime is used until TensorRT has built its plans in another process: real processes, fake TensorRT."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorrt_children import install_in_children
from tensorrt_fakes import Fakes, plans, tensorrt

pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")

from edgetrack import Box, Tracker
from edgetrack.bundle import Bundle
from edgetrack.demo import open_demo
from edgetrack.engines import available, open_engine
from edgetrack.engines.info import EngineInfo
from edgetrack.engines.tensorrt import TensorRtEngine
from edgetrack.engines.tensorrt.handover import HandOver
from edgetrack.engines.tensorrt.plans import PlanCache
from edgetrack.errors import EngineUnavailable

PATIENCE_S = 240.0  # a busy machine is not a failure
START = {"text": "red car", "box": (200, 150, 80, 60)}


@pytest.fixture
def children(fakes: Fakes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
    """Prepare the processes that build; return the file in which they record their builds."""
    return lambda **options: install_in_children(monkeypatch.setenv, tmp_path / "modules", **options)


@pytest.fixture
def frames() -> list[Any]:
    with open_demo() as scene:
        return [frame.pixels.copy() for frame, _ in zip(scene, range(20), strict=False)]


def opened(precision: str = "fp32") -> Any:
    engine = open_engine(Bundle.open(), engine="tensorrt", precision=precision, threads=1)
    assert isinstance(engine, HandOver)
    return engine


def until(done: Callable[[], object]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def lines(record: Path, what: str) -> list[int]:
    """Return the processes that recorded it."""
    if not record.exists():
        return []
    return [int(line.split()[0]) for line in record.read_text().splitlines() if line.endswith(what)]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def back_and_forth(frames: list[Any]) -> Iterator[Any]:
    while True:
        yield from frames[1:]
        yield from frames[-2::-1]


@pytest.mark.parametrize("precision", ["fp32", pytest.param("fp16", marks=pytest.mark.nightly)])
def test_handover_loses_no_frame_and_boxes_agree(
    fakes: Fakes, children: Any, frames: list[Any], precision: str, caplog: pytest.LogCaptureFixture
) -> None:
    _, trt = fakes
    children(build_s=0.1)
    engine = opened(precision)
    tracker = Tracker(engine=engine)
    reference = Tracker(engine=open_engine(Bundle.open(), engine="ort", precision="fp32", threads=1))
    tracks = [(tracker.start(frames[0], **START), reference.start(frames[0], **START))]
    heading = str(engine.info)
    assert heading.startswith(
        "ONNX Runtime is used until TensorRT 10.3.0 on Fake GPU (compute capability 8.7)"
    )
    served = []
    for frame in back_and_forth(frames):
        served.append(engine.serving.name)
        tracks.append((tracker.update(frame), reference.update(frame)))
        if served.count("tensorrt") == 15:
            break
        time.sleep(0.005)
    assert [track.index for track, _ in tracks] == list(range(len(tracks)))
    assert all(track.box is not None and track.basis == "network" for track, _ in tracks)
    for track, expected in tracks:
        if precision == "fp32":
            assert track == expected  # in the fakes both are ONNX Runtime, and the state is carried over
        else:
            assert track.status == expected.status
            assert track.box.iou(expected.box) > 0.8
    assert served == ["ort"] * served.count("ort") + ["tensorrt"] * 15
    assert served[0] == "ort"
    assert (
        trt.executions >= len(engine.bundle.graphs) + 15
    )  # each once before it is used, then at least once per frame
    assert fakes[0].launches  # run as CUDA graphs
    assert "TensorRT 10.3.0 on Fake GPU" in engine.info.machine
    assert "; since " in str(engine.info)
    said = [record.message for record in caplog.records]
    assert f"builds the plans of {', '.join(engine.bundle.graphs)} in the background" in said[0]
    assert said[-1].startswith("TensorRT is used from now on: built in ")
    assert len(said) == 2


@pytest.mark.nightly
def test_two_engines_and_their_trackers_share_one_build(
    fakes: Fakes, children: Any, frames: list[Any], tmp_path: Path
) -> None:
    record = children(build_s=0.05)
    one, two = opened(), opened()
    trackers = [Tracker(engine=one), Tracker(engine=one), Tracker(engine=two)]
    for tracker in trackers:
        tracker.start(frames[0], **START)
    one.wait()
    two.wait()
    assert len(lines(record, "began")) == len(one.bundle.graphs)
    assert len(plans(tmp_path)) == len(one.bundle.graphs)
    boxes = [tracker.update(frames[1]).box for tracker in trackers]
    assert boxes[0] == boxes[1] == boxes[2]
    assert fakes[1].executions
    assert not fakes[1].builds  # not in this process
    again = open_engine(Bundle.open(), engine="tensorrt", precision="fp32")
    assert isinstance(again, TensorRtEngine)  # its plans exist
    again.wait()


def test_closing_ends_a_build_promptly_and_leaves_no_partial_files(
    fakes: Fakes, children: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record = children(build_s=600)
    engine = opened()
    engine.graph("search")
    until(lambda: lines(record, "began"))
    (pid,) = lines(record, "began")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(engine.wait)
        began_s = time.monotonic()
        engine.close()
        with pytest.raises(EngineUnavailable, match="closed while TensorRT built its plans"):
            waiting.result()
    assert time.monotonic() - began_s < 5
    assert not alive(pid)
    assert not plans(tmp_path)
    assert not list((tmp_path / "cache").rglob("*.part"))
    assert len(caplog.records) == 1  # nothing failed
    assert str(engine.info).startswith("ONNX Runtime is used until")
    tensorrt().graph("prompt")  # nobody holds the lock
    assert len(plans(tmp_path)) == 1


def test_build_ends_with_the_last_tracker(fakes: Fakes, children: Any, frames: list[Any]) -> None:
    record = children(build_s=600)
    tracker = Tracker(engine=opened())
    tracker.start(frames[0], **START)
    until(lambda: lines(record, "began"))
    (pid,) = lines(record, "began")
    del tracker
    gc.collect()
    until(lambda: not alive(pid))


def test_build_ends_with_the_program(fakes: Fakes, children: Any, tmp_path: Path) -> None:
    record = children(build_s=600)
    code = (
        "import logging, sys, time, edgetrack\n"
        "logging.basicConfig()\n"
        "from pathlib import Path\n"
        "from edgetrack.engines import open_engine\n"
        "engine = open_engine(edgetrack.Bundle.open(), engine='tensorrt', precision='fp32')\n"
        "engine.graph('search')\n"
        "while not Path(sys.argv[1]).exists(): time.sleep(0.05)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(record)],
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "in the background" in done.stderr
    assert "Traceback" not in done.stderr
    assert "could not be built" not in done.stderr  # it was ended, which is not a failure
    (pid,) = lines(record, "began")
    until(lambda: not alive(pid))


def test_failed_build_is_reported_once_and_onnx_runtime_continues(
    fakes: Fakes, children: Any, frames: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    children(error="Error Code 10: could not find any implementation for node /fusion/MatMul")
    engine = opened()
    tracker = Tracker(engine=engine)
    tracker.start(frames[0], **START)
    with pytest.raises(EngineUnavailable, match="Error Code 10: could not find any implementation"):
        engine.wait()
    for frame in frames[1:6]:
        assert tracker.update(frame).box is not None
    assert not fakes[1].executions
    assert str(engine.info).startswith(
        "ONNX Runtime is used, because TensorRT's plans could not be built (TensorRT 10.3.0 cannot build "
        "text.onnx in fp32 on this GPU (Error Code 10: could not find any implementation for node /fusion/MatMul)"
    )
    said = [record.message for record in caplog.records]
    assert sum("could not be built, so ONNX Runtime is still used" in line for line in said) == 1
    engine.graph("search")  # does not start another build
    assert len(caplog.records) == len(said)


def test_killed_build_counts_as_failed(fakes: Fakes, children: Any, tmp_path: Path) -> None:
    record = children(build_s=600)
    engine = opened()
    engine.graph("search")
    until(lambda: lines(record, "began"))
    os.kill(lines(record, "began")[0], 9)
    with pytest.raises(EngineUnavailable, match="ended by SIGKILL; if memory ran out"):
        engine.wait()
    assert not plans(tmp_path)


def test_build_killed_while_writing_leaves_no_partial_plan(tmp_path: Path) -> None:
    code = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from edgetrack.engines.tensorrt.plans import PlanCache\n"
        "def slow(handle):\n    print('writing', flush=True); time.sleep(600)\n"
        "os.fsync = slow\n"
        "cache = PlanCache(Path(sys.argv[1]))\n"
        "with cache.building(): cache.write(cache.path('search-fp32', ('a',)), b'x' * 1_000_000)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, cwd=tmp_path
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        process.kill()
    cache = PlanCache(tmp_path)
    place = cache.path("search-fp32", ("a",))
    assert not cache.holds(place)
    assert len(list(cache.folder.glob("*.part"))) == 1
    with cache.building():  # the lock was released with its process
        assert not list(cache.folder.glob("*.part"))


def test_int8_uses_its_own_thresholds_after_the_handover(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgetrack.engines.tensorrt import handover
    from edgetrack.opened import core_options

    for saturates, precision in ((False, "int8"), (True, "fp32")):
        monkeypatch.setattr(handover, "saturates", lambda answer=saturates: answer)
        engine = opened("int8")
        assert engine.precision == "int8"
        assert engine.serving.precision == precision
        assert f"; {precision}: " in str(engine.info)
        own = core_options(open_engine(Bundle.open(), engine="ort", precision="int8"))["policy"]
        assert core_options(engine)["policy"] == own
    assert core_options(opened("fp16"))["policy"] == core_options(opened("fp32"))["policy"]


def test_listing_engines_builds_nothing(fakes: Fakes, children: Any) -> None:
    record = children()
    found = available(Bundle.open())["tensorrt"]
    assert str(found).startswith("ONNX Runtime is used until TensorRT 10.3.0 on Fake GPU")
    assert not record.exists()


def test_summary_says_at_which_frame_the_engine_changed() -> None:
    from types import SimpleNamespace

    from rich.console import Console

    from edgetrack.cli.run_view import print_summary
    from edgetrack.cli.status import StatusLine, Watch
    from edgetrack.meter import Meter
    from edgetrack.types import Frame, Track

    meanwhile = EngineInfo(backend="ONNX Runtime", precision="fp32", precision_reason="until then")
    engine = SimpleNamespace(info=replace(meanwhile, stand_in="ONNX Runtime is used until then"))
    console = Console(width=80, record=True, quiet=False, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    meter = Meter()
    with console.file, StatusLine(console, total=3, live=False) as line:
        watch = Watch(line, engine)
        for index in range(3):
            frame = Frame(np.zeros((4, 4, 3), np.uint8), index, 0.0)
            track = Track(Box(0, 0, 1, 1), 0.9, "tracking", index, "network")
            meter.record(track, latency_ms=1.0, dropped=0)
            if index == 1:
                assert watch.engines == ["to the end: ONNX Runtime is used until then"]
                engine.info = EngineInfo(backend="TensorRT", precision="fp16", precision_reason="asked for")
            watch.update(frame, track, meter)
        summary = meter.summary(interrupted=False, problem=None)
        print_summary(console, summary, [], live=False, engines=watch.engines)
    assert "engine  after frame 1: TensorRT; fp16: asked for" in console.export_text()
