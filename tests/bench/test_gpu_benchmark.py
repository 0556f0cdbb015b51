"""The GPU benchmark without a GPU: its kernels run in the emulator with a fake clock; everything else is real."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from cpp_programs import compile_library, needs_x86

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'edgetrack[export]'")


@pytest.fixture(scope="module")
def emulated(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """libedgetrack_cuda as the emulator's."""
    needs_x86()
    cpp, kernels = repository / "tests" / "cpp", repository / "kernels"
    words = ["-O1", "-mf16c", f"-I{cpp / 'fake_cuda'}", f"-I{kernels}", "-include", "emulator.h", "-x", "c++"]
    sources = [str(kernels / name) for name in ("token_select.cu", "crop_resize.cu")]
    return compile_library(tmp_path_factory.mktemp("emulated") / "libedgetrack_cuda.so", *words, *sources)


@pytest.fixture
def gpu(repository: Path, emulated: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """The benchmark's modules on a machine whose GPU is the CPU."""
    monkeypatch.syspath_prepend(str(repository / "benchmarks/gpu"))
    names = ("fused", "check", "token_select")
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)  # benchmarks/ has a token_select of its own
    found = {name: importlib.import_module(name) for name in names}
    for name in names:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(found["fused"], "library", lambda _: emulated)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "an emulator")
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: SimpleNamespace(cuda_stream=0))
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(torch.Tensor, "cuda", lambda self: self.clone())
    full = torch.full
    monkeypatch.setattr(torch, "full", lambda *a, device=None, **k: full(*a, **k))
    monkeypatch.setattr(found["check"], "SIZES", ((40, 24, 10),))
    return found


def test_kernels_pass_the_check(gpu: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    gpu["check"].random_cases = lambda rng, count: [(1, 40, 24, 10), (2, 33, 7, 33), (1, 1, 1, 1)]
    gpu["check"].check(2)
    said = capsys.readouterr().out
    assert "9 cases of the selection equal the CPU twin bit by bit" in said
    assert "8 crops equal the CPU twin within rounding" in said


def test_kernel_that_writes_nothing_is_detected(gpu: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu["fused"].FusedSelect, "__call__", lambda self: None)
    with pytest.raises(SystemExit, match="selected differ from the twin"):
        gpu["check"].check_case(*gpu["fused"].make_inputs(1, 9, 8, torch.float32, 0), 4)
    monkeypatch.setattr(gpu["check"], "crop", lambda *_: None)
    with pytest.raises(SystemExit, match="crop of a BGR frame differs"):
        gpu["check"].check_crop(1)


def test_pytorch_steps_equal_the_kernel(gpu: dict[str, Any]) -> None:
    """What is timed beside each other computes the same."""
    inputs = gpu["fused"].make_inputs(2, 60, 48, torch.float32, 3)
    fused = gpu["fused"].FusedSelect(*inputs, 20)
    fused()
    selected, indices, count, scores = gpu["token_select"].eager(*inputs, 20)
    assert torch.equal(indices, fused.indices)
    assert torch.equal(selected, fused.selected)
    assert torch.equal(count.int(), fused.count)
    assert torch.allclose(scores, fused.scores, atol=1e-6)


@pytest.mark.parametrize("eager_us", [50.0, 49.0])
def test_benchmark_runs_to_the_end_and_judges_the_goal(
    gpu: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    eager_us: float,
) -> None:
    """On a clock by which the fused kernel takes 10 us and all else ``eager_us``; the floor is 5 us."""
    benchmark = gpu["token_select"]

    def clock(step: Any) -> float:
        step()
        return 10.0 if isinstance(step, gpu["fused"].FusedSelect) else eager_us

    monkeypatch.setattr(benchmark, "time_us", clock)
    monkeypatch.setattr(benchmark, "replay", lambda step: step)
    monkeypatch.setattr(benchmark, "measure_machine", lambda: (float("inf"), 5.0))
    monkeypatch.setattr(benchmark, "check", lambda count: None)
    monkeypatch.setattr(benchmark, "SIZES", ((40, 24, 10),))
    monkeypatch.setattr(torch, "compile", lambda function, dynamic: function)
    monkeypatch.setattr(torch.compiler, "reset", lambda: None)
    file = tmp_path / "rows.json"
    monkeypatch.setattr(sys, "argv", ["token_select.py", "--no-sanitizer", "--json", str(file)])
    if eager_us < 50:
        with pytest.raises(SystemExit, match=r"the goal is missed:\nfloat32 N = 40 D = 24: 4.9 x the eager"):
            benchmark.main()
    else:
        benchmark.main()
        assert "the goal is met" in capsys.readouterr().out
    rows = json.loads(file.read_text())["rows"]
    assert [(row["dtype"], row["x_floor"]) for row in rows] == [("float32", 2.0), ("float16", 2.0)]


def test_missing_gpu_is_an_error(gpu: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="sees no NVIDIA GPU"):
        gpu["check"].require_gpu()
