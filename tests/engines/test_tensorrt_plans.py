"""Plans: built once, stored under a key of all that they were built from, and rebuilt if they are unusable."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from tensorrt_fakes import FakeCuda, Fakes, FakeTensorRt, feeds, install, plans, tensorrt

pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")

from edgetrack import targets
from edgetrack.bundle import Bundle
from edgetrack.cache import cache_folder
from edgetrack.engines import open_tensorrt
from edgetrack.engines import tensorrt as engines_tensorrt
from edgetrack.engines.tensorrt.plans import PlanCache
from edgetrack.errors import EngineUnavailable


def test_plan_is_built_once_and_then_read(
    fakes: Fakes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, trt = fakes
    tensorrt().graph("prompt")
    assert [record.message for record in caplog.records] == [
        "TensorRT builds graph 'prompt' in fp32 for Fake GPU, once: this may take minutes"
    ]
    assert len(trt.builds) == 1
    assert trt.configs[0].limits == {trt.MemoryPoolType.WORKSPACE: targets.detect().memory_budget_mb << 20}
    assert trt.configs[0].cleared == [trt.BuilderFlag.TF32]
    caplog.clear()
    tensorrt().graph("prompt")
    assert len(trt.builds) == 1
    assert not caplog.records
    kept = {path.suffix for path in (tmp_path / "cache" / "tensorrt").iterdir()}
    assert kept == {".plan", ".cache", ".lock"}  # no partial file next to them


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda data: data[:-5], "damaged or truncated"),
        (lambda data: data[:20], "damaged or truncated"),
        (lambda data: b"", "not a plan of this version"),
        (lambda data: b"ftrt" + data, "not a plan of this version"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "damaged or truncated"),
    ],
    ids=["short", "very short", "empty", "foreign", "one bit"],
)
def test_damaged_plan_is_rebuilt_with_one_warning(
    fakes: Fakes, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Any, says: str
) -> None:
    _, trt = fakes
    tensorrt().graph("prompt")
    (plan,) = plans(tmp_path)
    good = plan.read_bytes()
    plan.write_bytes(damage(good))
    caplog.clear()
    engine = tensorrt()
    assert engine.graph("prompt").run(feeds(engine, "prompt"))
    assert len(trt.builds) == 2
    assert says in caplog.records[0].message
    assert str(plan) in caplog.records[0].message
    assert plan.read_bytes() == good


def test_plan_rejected_by_tensorrt_is_rebuilt(
    fakes: Fakes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, trt = fakes
    tensorrt().graph("prompt")
    (plan,) = plans(tmp_path)
    PlanCache(tmp_path / "cache").write(plan, b"whole, and of another TensorRT")
    caplog.clear()
    tensorrt().graph("prompt")
    assert len(trt.builds) == 2
    assert (
        "(Error Code 6: the engine plan file is not compatible): the plan is built again"
        in caplog.records[0].message
    )
    assert "a page more" not in caplog.text


def test_each_gpu_version_and_precision_has_its_own_plan(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tensorrt().graph("prompt")
    for options in ({"name": "Other GPU"}, {"capability": (11, 0)}):
        cuda = FakeCuda(**options)
        install(monkeypatch.setitem, cuda, FakeTensorRt(cuda))
        tensorrt().graph("prompt")
    cuda = FakeCuda()
    install(monkeypatch.setitem, cuda, FakeTensorRt(cuda, "10.16.1"))
    tensorrt().graph("prompt")
    tensorrt("fp16").graph("prompt")
    assert len(plans(tmp_path)) == 5


def test_each_bundle_has_its_own_plans(fakes: Fakes, tmp_path: Path) -> None:

    copy = tmp_path / "copy"
    shutil.copytree(Bundle.open().folder, copy)
    first, second = tensorrt(), open_tensorrt(Bundle.open(copy), precision="fp32")
    first.graph("prompt")
    second.graph("prompt")
    assert len(plans(tmp_path)) == 1  # identical files in any folder share a plan
    with (copy / "tracker.weights").open("ab") as file:
        file.write(b"\0")
    manifest = json.loads((copy / "manifest.json").read_text())

    digest = hashlib.sha256((copy / "tracker.weights").read_bytes()).hexdigest()
    manifest["files"]["tracker_weights"]["sha256"] = digest
    (copy / "manifest.json").write_text(json.dumps(manifest))
    open_tensorrt(Bundle.open(copy), precision="fp32").graph("prompt")
    assert len(plans(tmp_path)) == 2


def test_cache_path_that_is_a_file_is_an_error(
    fakes: Fakes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("a file")
    engine = tensorrt()
    assert engine.graph("prompt").run(feeds(engine, "prompt"))
    assert "cannot be written" in caplog.text


def test_folder_of_the_plans(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EDGETRACK_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("EDGETRACK_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/edgetrack")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "edgetrack"


def test_concurrent_writers_leave_one_complete_plan(tmp_path: Path) -> None:
    cache = PlanCache(tmp_path)
    place = cache.path("search-fp32", ("a",))
    candidates = [bytes([i]) * 300_000 for i in range(8)]
    threads = [threading.Thread(target=cache.write, args=(place, plan)) for plan in candidates]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.read(place) in candidates
    assert list(cache.folder.iterdir()) == [place]


def test_plugin_library_is_loaded_and_part_of_the_plan_key(
    fakes: Fakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, trt = fakes
    tensorrt().graph("prompt")
    plugin = tmp_path / "libedgetrack_plugins.so"
    plugin.write_bytes(b"one")
    monkeypatch.setattr(engines_tensorrt, "library", lambda name: plugin)
    engine = tensorrt()
    assert "token selection: the plugin" in str(engine.info)
    assert trt.loaded == [str(plugin)]
    engine.graph("prompt")
    plugin.write_bytes(b"another build")
    tensorrt().graph("prompt")
    assert len(plans(tmp_path)) == 3
    monkeypatch.setattr(
        trt, "get_plugin_registry", lambda: type("R", (), {"load_library": lambda *_: None})()
    )
    with pytest.raises(EngineUnavailable, match="built for another version"):
        tensorrt()
