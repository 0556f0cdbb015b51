"""CUDA graphs on fakes that record what is enqueued, and repeat it at each launch."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
from cuda_array import CudaArray
from tensorrt_fakes import FakeCuda, Fakes, feeds, tensorrt

pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")

from edgetrack.errors import ConfigError, EngineUnavailable


def bound(engine: Any, *names: str) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """Return inputs, outputs and a run of the search graph."""
    graph, inputs = engine.graph("search"), feeds(engine, "search")
    outputs = {name: np.zeros(graph.outputs[name].shape, np.float32) for name in names or graph.outputs}
    return inputs, outputs, graph.bind(inputs, outputs)


def test_run_is_captured_once_and_replayed_with_the_current_arrays(fakes: Fakes) -> None:
    cuda, trt = fakes
    engine = tensorrt()
    assert "runs replayed as CUDA graphs" in str(engine.info)
    inputs, outputs, call = bound(engine)
    call()
    assert (len(cuda.executables), cuda.graphs, cuda.launches) == (1, {}, [])  # the first run was enqueued
    random = np.random.default_rng(1)
    for run in range(1, 4):
        inputs["image"][...] = random.uniform(0, 1, inputs["image"].shape)
        call()
        assert len(cuda.launches) == run
        for name, array in engine.graph("search").run(inputs).items():  # this run is enqueued
            assert np.array_equal(outputs[name], array)
    assert len(cuda.executables) == 1
    assert trt.executions == 7  # each run computed once: a capture does not compute


def test_replay_copies_only_the_bound_arrays_and_allocates_nothing(fakes: Fakes) -> None:
    cuda, _ = fakes
    inputs, outputs, call = bound(tensorrt(), "score")
    call()
    cuda.copies.clear()
    before = cuda.allocations
    call()
    assert cuda.launches
    assert cuda.allocations == before
    assert cuda.copies == [*(array.nbytes for array in inputs.values()), outputs["score"].nbytes]


def test_trackers_with_the_same_outputs_share_a_capture(fakes: Fakes) -> None:
    cuda, _ = fakes
    engine = tensorrt()
    _, _, first = bound(engine)
    inputs, outputs, second = bound(engine)
    _, _, other = bound(engine, "score")
    first()
    inputs["image"][...] = 0
    second()
    assert (len(cuda.executables), len(cuda.launches)) == (1, 1)
    assert np.array_equal(
        outputs["score"], engine.graph("search").run(inputs)["score"]
    )  # with its own arrays
    other()
    assert len(cuda.executables) == 2


def test_changed_address_leads_to_a_new_capture(fakes: Fakes) -> None:
    cuda, _ = fakes
    engine = tensorrt()
    inputs, outputs, call = bound(engine)
    call()
    call()
    old = dict(cuda.executables)
    expected = {name: array.copy() for name, array in outputs.items()}
    there = CudaArray(cuda, np.zeros_like(inputs["image"]))
    engine.graph("search").run({**inputs, "image": there})
    call()  # enqueued, because the context must settle first
    assert len(cuda.launches) == 1
    call()
    assert len(cuda.launches) == 2
    assert set(cuda.executables).isdisjoint(old)  # and the old one is freed
    for name, array in expected.items():
        assert np.array_equal(outputs[name], array)


def refused(cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> str:
    cuda.captures = False
    return "cudaStreamBeginCapture failed with cudaErrorStreamCaptureUnsupported"


def spoilt(cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> str:
    copy = cuda.cudaMemcpyAsync

    def allocating(*arguments: Any) -> Any:
        if cuda.capture is not None:
            cuda.cudaMalloc(8)
        return copy(*arguments)

    monkeypatch.setattr(cuda, "cudaMemcpyAsync", allocating)
    return "cudaStreamEndCapture failed with cudaErrorStreamCaptureInvalidated"


def unwilling(cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> str:
    from tensorrt_fakes import _Context

    execute = _Context.execute_async_v3
    monkeypatch.setattr(
        _Context, "execute_async_v3", lambda self, s: self._engine.cuda.capture is None and execute(self, s)
    )
    return "TensorRT failed to run graph 'search'"


@pytest.mark.parametrize("failure", [refused, spoilt, unwilling])
def test_failed_capture_is_reported_once_and_runs_continue(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, failure: Any
) -> None:
    cuda, _ = fakes
    engine = tensorrt()
    inputs, outputs, call = bound(engine)
    _, _, other = bound(engine, "score")
    caplog.clear()
    why = failure(cuda, monkeypatch)
    for _ in range(3):
        inputs["image"][...] *= 0.5
        call()
        other()
        assert np.array_equal(outputs["score"], engine.graph("search").run(inputs)["score"])
    (record,) = caplog.records
    assert why in record.message
    assert "EDGETRACK_CUDA_GRAPHS=0" in record.message
    assert f"CUDA graphs off, capture failed ({why}" in str(engine.info)
    assert (cuda.launches, cuda.executables, cuda.graphs, cuda.capture) == ([], {}, {}, None)


def test_capture_can_be_disabled(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("EDGETRACK_CUDA_GRAPHS", "0")
    engine = tensorrt()
    assert "CUDA graphs off (EDGETRACK_CUDA_GRAPHS=0)" in str(engine.info)
    _, _, call = bound(engine)
    caplog.clear()
    call()
    call()
    assert (fakes[0].launches, fakes[0].executables, caplog.records) == ([], {}, [])
    monkeypatch.setenv("EDGETRACK_CUDA_GRAPHS", "perhaps")
    with pytest.raises(ConfigError, match="EDGETRACK_CUDA_GRAPHS is 'perhaps'; expected 1"):
        tensorrt()


def test_failed_launch_is_an_error(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    cuda, _ = fakes
    _, _, call = bound(tensorrt())
    call()
    monkeypatch.setattr(cuda, "cudaGraphLaunch", lambda *_: (cuda.cudaError_t.cudaErrorInvalidValue,))
    with pytest.raises(EngineUnavailable, match="cudaGraphLaunch failed with cudaErrorInvalidValue"):
        call()


def test_captures_are_freed_with_their_engine(fakes: Fakes) -> None:
    cuda, _ = fakes
    engine = tensorrt()
    _, _, call = bound(engine)
    call()
    assert cuda.executables
    engine.close()
    del call
    gc.collect()
    assert (cuda.executables, cuda.graphs, cuda.device) == ({}, {}, {})
