"""``edgetrack build`` on fakes: its output, its files and its exit codes; and the timing cache."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from tensorrt_fakes import FakeCuda, Fakes, FakeTensorRt, install, plans, tensorrt
from typer.testing import CliRunner

pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")

from edgetrack.bundle import Bundle
from edgetrack.cli import app
from edgetrack.engines.tensorrt import TensorRtEngine


def build(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["build", *arguments], env={"COLUMNS": "200"})


def timings(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "tensorrt").glob("timing-*.cache"))


def test_all_graphs_are_built_once(fakes: Fakes, tmp_path: Path) -> None:
    _, trt = fakes
    graphs = Bundle.open().graphs
    result = build("--precision", "fp32")
    assert result.exit_code == 0, result.output
    assert len(trt.builds) == len(graphs)
    assert "TensorRT 10.3.0 on Fake GPU" in result.stdout
    rows = {line.split()[0]: line for line in result.stdout.splitlines() if ".plan" in line}
    assert list(rows) == list(graphs)
    for number, (role, row) in enumerate(rows.items(), 1):
        assert f"graph {role}, {number} of {len(graphs)}" in result.stdout
        (path,) = (path for path in plans(tmp_path) if path.name.startswith(f"{role}-"))
        for word in ("fp32", f"{path.stat().st_size / 1e6:.1f} MB", "built", path.name):
            assert word in row
    assert str(tmp_path / "cache" / "tensorrt") in result.stdout
    again = build("--precision", "fp32")
    assert again.exit_code == 0
    assert len(trt.builds) == len(graphs)
    assert again.stdout.count("already there") == len(graphs)
    tensorrt().graph("search")  # finds the plan that was built
    assert len(trt.builds) == len(graphs)


def test_int8_shares_the_float32_plans_of_unquantized_graphs(fakes: Fakes) -> None:
    build("--precision", "fp32")
    rows = {
        line.split()[0]: line for line in build("--precision", "int8").stdout.splitlines() if ".plan" in line
    }
    assert {role for role, row in rows.items() if "already there" in row and "fp32" in row} == {
        "text",
        "prompt",
        "ground",
        "detect",
        "mask",
        "rank",
    }
    assert all("int8" in rows[role] for role in ("template", "search"))


def test_single_graphs_can_be_built(fakes: Fakes, tmp_path: Path) -> None:
    result = build("--precision", "fp16", "--graph", "prompt", "--graph", "prompt")
    assert result.exit_code == 0, result.output
    (plan,) = plans(tmp_path)
    assert plan.name.startswith("prompt-fp16-")
    result = build("--graph", "look")
    assert result.exit_code == 2
    assert (
        "--graph 'look' is unknown; expected one of text, prompt, template, search, ground, detect, rank"
        in result.stderr
    )


def test_missing_tensorrt_says_what_to_install(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    result = build()
    assert result.exit_code == 2
    assert "pip install 'edgetrack[tensorrt]'" in result.stderr
    assert not result.stdout


def test_missing_driver_is_an_error(fakes: Fakes) -> None:
    fakes[0].driver = False
    result = build("--precision", "fp32")
    assert result.exit_code == 2
    assert "expected an NVIDIA GPU" in result.stderr


def test_plans_built_before_a_failure_are_kept_and_listed(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, trt = fakes
    one = TensorRtEngine.build

    def failing(self: TensorRtEngine, role: str) -> Any:
        trt.error = "Error Code 2: out of memory" if role == "template" else None
        return one(self, role)

    monkeypatch.setattr(TensorRtEngine, "build", failing)
    result = build("--precision", "fp32")
    assert result.exit_code == 2
    assert "cannot build template.onnx in fp32 on this GPU (Error Code 2: out of memory)" in result.stderr
    assert [path.name.split("-")[0] for path in plans(tmp_path)] == ["prompt", "text"]
    assert result.stdout.count(".plan") == 2


def test_plans_that_cannot_be_stored_are_a_failure(fakes: Fakes, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    result = build("--precision", "fp32", "--graph", "prompt")
    assert result.exit_code == 2
    assert "set EDGETRACK_CACHE to a writable folder" in result.stderr


def test_layers_are_timed_once_per_gpu_and_version(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, trt = fakes
    tensorrt().graph("prompt")
    tensorrt().graph("template")
    assert len(trt.timed) == 2
    (place,) = timings(tmp_path)  # its name has no bundle and no graph: it serves all
    for plan in plans(tmp_path):
        plan.unlink()
    tensorrt().graph("prompt")
    assert len(trt.timed) == 2  # built again, but not timed again
    for cuda in (FakeCuda("Other GPU"), FakeCuda()):
        other = FakeTensorRt(cuda, "10.3.0" if cuda.name == "Other GPU" else "10.16.1")
        install(monkeypatch.setitem, cuda, other)
        tensorrt().graph("prompt")
        assert len(other.timed) == 1
    assert len(timings(tmp_path)) == 3
    assert place in timings(tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (lambda good: good[:-3], "damaged or truncated"),
        (lambda good: b"rubbish", "not a plan of this version"),
        (None, "TensorRT refuses it"),
    ],
)
def test_unusable_timing_cache_is_reported_and_replaced(
    fakes: Fakes, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: Any, says: str
) -> None:
    _, trt = fakes
    engine = tensorrt()
    engine.graph("prompt")
    (place,) = timings(tmp_path)
    good = place.read_bytes()
    if content is None:
        engine.plans.write(place, b"timing of 10.3.0 on a GPU that TensorRT knows to be another:")
    else:
        place.write_bytes(content(good))
    plans(tmp_path)[0].unlink()
    caplog.clear()
    tensorrt().graph("prompt")
    warned = [record.message for record in caplog.records if "layers are timed again" in record.message]
    assert len(warned) == 1
    assert says in warned[0]
    assert place.read_bytes() == good
    assert len(trt.timed) == 2
