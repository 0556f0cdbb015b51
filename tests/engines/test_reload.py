"""A graph that fails is loaded again, and the tracker continues without losing the target."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine, FakeGraph
from numpy.typing import NDArray
from red_scene import scene
from rich.console import Console

from edgetrack import Box, Frame, Track, Tracker
from edgetrack.cli.status import StatusLine, Watch
from edgetrack.engines.base import LazyEngine, SupportsReload
from edgetrack.engines.binding import bind_mended
from edgetrack.engines.ort import OrtGraph
from edgetrack.errors import ConfigError, EngineUnavailable
from edgetrack.manifest import GraphSpec
from edgetrack.meter import Meter

onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[int8]'")
VALUES = (10.0, 11.0, 12.0)


def table(path: Path, *, wraps: bool) -> Path:
    """Write a network that looks up its index in `VALUES`; beyond the table it fails, unless it ``wraps``."""
    make = onnx.helper
    nodes = [make.make_node("Mod", ["index", "size"], ["place"])] if wraps else []
    nodes.append(make.make_node("Gather", ["values", "place" if wraps else "index"], ["value"]))
    graph = make.make_graph(
        nodes,
        "table",
        [make.make_tensor_value_info("index", onnx.TensorProto.INT64, [1])],
        [make.make_tensor_value_info("value", onnx.TensorProto.FLOAT, [1])],
        [
            make.make_tensor("values", onnx.TensorProto.FLOAT, [3], VALUES),
            make.make_tensor("size", onnx.TensorProto.INT64, [1], [3]),
        ],
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


class Table(LazyEngine):
    """An engine that loads one file after the other."""

    def __init__(self, *files: Path) -> None:
        self.graphs = [OrtGraph("search", file, threads=1) for file in files]
        specs = {"search": GraphSpec(self.graphs[0].inputs, self.graphs[0].outputs)}
        bundle = SimpleNamespace(graphs=("search",), folder="it", manifest=SimpleNamespace(tensors=specs))
        super().__init__(bundle)
        self.opened = 0

    def _open(self, role: str) -> OrtGraph:
        self.opened += 1
        return self.graphs[self.opened - 1]


def test_call_from_cpp_is_repeated_on_the_reloaded_graph(tmp_path: Path) -> None:
    fragile, sound = table(tmp_path / "a.onnx", wraps=False), table(tmp_path / "b.onnx", wraps=True)
    engine = Table(fragile, sound)
    index, value = np.zeros(1, np.int64), np.zeros(1, np.float32)
    call = bind_mended(engine, "search", {"index": index}, {"value": value})
    for place, expected in ((2, 12), (7, 11), (8, 12)):  # 7 is beyond the table
        index[0] = place
        call()
        assert value[0] == expected
    assert engine.opened == 2
    assert engine.reloaded.startswith("graph 'search' failed and was reloaded (ONNX Runtime ")


def test_graph_that_fails_again_at_once_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Table(*[table(tmp_path / "a.onnx", wraps=False)] * 3)
    index, value = np.full(1, 7, np.int64), np.zeros(1, np.float32)
    call = bind_mended(engine, "search", {"index": index}, {"value": value})
    with pytest.raises(EngineUnavailable, match="ONNX Runtime"):
        call()
    with pytest.raises(EngineUnavailable, match="graph 'search' failed again after it was reloaded"):
        call()
    assert engine.opened == 2
    monkeypatch.setattr("edgetrack.engines.base.RELOAD_S", 0.0)  # some time later
    with pytest.raises(EngineUnavailable):
        call()
    assert engine.opened == 3


class Fragile(FakeGraph):
    """A graph that fails in one run, and in each after that."""

    left = 3

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("the device is lost")
        return super().run(feeds)


class FragileEngine(FakeEngine):
    """An engine whose first graph ``search`` is `Fragile`."""

    def __init__(self, *, mended: bool = True) -> None:
        super().__init__()
        self._graphs["search"] = Fragile("search", self.calls)
        self.reloads = list[tuple[str, str]]()
        if mended:
            self.reload = self._reload

    def _reload(self, role: str, why: str) -> None:
        self.reloads.append((role, why))
        del self._graphs[role]


def followed(engine: FakeEngine) -> list[Track]:
    with Tracker(engine=engine) as tracker:
        tracks = [tracker.start(scene((100, 100, 60, 40)), box=Box(100, 100, 60, 40))]
        return tracks + [tracker.update(scene((100 + 8 * i, 100, 60, 40))) for i in range(1, 8)]


def test_target_survives_a_reload() -> None:
    engine = FragileEngine()
    assert followed(engine) == followed(FakeEngine())
    assert engine.reloads == [("search", "the device is lost")]


def test_engine_that_cannot_reload_raises() -> None:
    engine = FragileEngine(mended=False)
    assert not isinstance(engine, SupportsReload)
    with pytest.raises(RuntimeError, match="the device is lost"):
        followed(engine)


def test_wrong_input_does_not_reload_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FragileEngine()
    monkeypatch.setattr(engine.graph("search"), "run", lambda feeds: _refuse())
    with pytest.raises(ConfigError, match="wrong feeds"):
        bind_mended(engine, "search", {}, {})()
    assert engine.reloads == []


def test_run_reports_a_reload_when_it_happens(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = FakeEngine()
    with StatusLine(Console(), total=None, live=True) as line:
        watch = Watch(line, engine)
        for index, reloaded in enumerate(("", "graph 'search' failed", "graph 'search' failed")):
            monkeypatch.setattr(engine, "reloaded", reloaded, raising=False)
            watch.update(Frame(scene(None), index, 0.0), Track(None, 0.0, "searching", index), Meter())
    assert capsys.readouterr().err == "note: after frame 1: graph 'search' failed\n"


def _refuse() -> None:
    raise ConfigError("wrong feeds")
