"""One JPEG of a frame is shared by all outputs of a run, and never reused for another image."""

from __future__ import annotations

import gc
import threading
import weakref
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pipeline_fakes import ListSink
from sink_samples import TRACK, noise

from edgetrack.io import _jpeg, open_sink
from edgetrack.io._jpeg import JpegEncoder, share
from edgetrack.io.blur import Blur
from edgetrack.io.clips import ClipSink
from edgetrack.io.outputs import Outputs
from edgetrack.io.recording import Recording
from edgetrack.io.threaded import ThreadedSink
from edgetrack.types import Frame, Track

cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collect the number of each frame that was encoded."""
    done: list[int] = []
    encode = JpegEncoder._encoded

    def counted(self: JpegEncoder, frame: Frame) -> Any:
        done.append(frame.index)
        return encode(self, frame)

    monkeypatch.setattr(JpegEncoder, "_encoded", counted)
    return done


def pixels_of(jpeg: Any) -> Any:
    return cv2.imdecode(jpeg, cv2.IMREAD_COLOR)


def test_outputs_of_a_run_encode_each_frame_once(tmp_path: Path, encoded: list[int]) -> None:
    pytest.importorskip("mcap")
    pytest.importorskip("rosbags")
    pytest.importorskip("av")
    names = ["a.mcap", "b.mcap", "c.ros2.mcap"] + ["d.rrd"] * (find_spec("rerun") is not None)
    files = [tmp_path / name for name in names]
    with Outputs([open_sink(path) for path in files] + [ClipSink(tmp_path / "clips")]) as outputs:
        for index in range(4):
            outputs.write(noise(index), TRACK, latency_ms=1)
    assert outputs.failures == []
    assert encoded == [0, 1, 2, 3]
    for path in files[:2]:
        for index, frame in enumerate(Recording(path).frames()):
            assert np.array_equal(frame.pixels, pixels_of(JpegEncoder("it").pack(noise(index))))


def test_concurrent_threads_wait_for_one_encoding(encoded: list[int]) -> None:
    frame, threads, packed = noise(7), 8, list[Any]()
    share(frame)
    together = threading.Barrier(threads)

    def work() -> None:
        together.wait()
        packed.append(JpegEncoder("it").pack(frame))

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert encoded == [7]
    assert len(packed) == threads
    assert all(jpeg is packed[0] for jpeg in packed)
    with pytest.raises(ValueError, match="read-only"):
        packed[0][0] = 0


def test_frame_with_rewritten_pixels_is_encoded_again(tmp_path: Path) -> None:
    """A source may deliver all of its frames in one array."""
    pytest.importorskip("mcap")
    own = noise(0).pixels
    with Outputs([open_sink(tmp_path / "a.mcap")]) as outputs:
        for index in range(3):
            own[:] = noise(index).pixels
            outputs.write(replace(noise(index), pixels=own), TRACK, latency_ms=1)
    for index, frame in enumerate(Recording(tmp_path / "a.mcap").frames()):
        assert np.array_equal(frame.pixels, pixels_of(JpegEncoder("it").pack(noise(index))))


def test_frame_that_is_not_shared_is_encoded_directly(encoded: list[int]) -> None:
    frame, encoder = noise(1), JpegEncoder("it")
    before = pixels_of(encoder.pack(frame))
    frame.pixels[:] = 0
    assert pixels_of(encoder.pack(frame)).max() < before.max()
    assert encoded == [1, 1]


def test_recordings_hold_the_blurred_frame(tmp_path: Path) -> None:
    pytest.importorskip("mcap")
    clear, blurred = open_sink(tmp_path / "clear.mcap"), open_sink(tmp_path / "blurred.mcap")
    hiding = Outputs([blurred], prepare=Blur("others", keep_masks=False))
    with Outputs([clear, hiding]) as outputs:
        outputs.write(noise(0), TRACK, latency_ms=1)
    [plain], [hidden] = (list(Recording(tmp_path / name).frames()) for name in ("clear.mcap", "blurred.mcap"))
    assert hidden.pixels.std() < plain.pixels.std() / 2


def test_jpeg_is_released_with_its_pixels() -> None:
    class Waiting(ListSink):
        def write(self, frame: Frame, track: Track, *, latency_ms: float) -> None:
            gate.wait()

    gate, frame = threading.Event(), noise(2)
    gc.collect()
    before = len(_jpeg._images)
    outputs = Outputs([ThreadedSink(Waiting(), name="a.jsonl", pictures=False)])
    outputs.write(frame, TRACK, latency_ms=1)
    JpegEncoder("it").pack(frame)
    assert len(_jpeg._images) == before + 1
    pixels = weakref.ref(frame.pixels)
    del frame
    assert pixels() is None
    assert len(_jpeg._images) == before
    gate.set()
    outputs.close()
