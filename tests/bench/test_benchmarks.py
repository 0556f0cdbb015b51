"""What the benchmarks count and judge; their figures are not tested, because they vary on a busy machine."""

from __future__ import annotations

import json
import mmap
import subprocess
import sys
from itertools import islice
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="the export extra is not installed")


@pytest.fixture(autouse=True)
def importable(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))


def windows(**last: Any) -> list[Any]:
    from soak import WARM, WINDOWS, Window

    rows = [Window(i, 100.0, 9.0, 10.0, 11.0, {"tracking": 1}) for i in range(WINDOWS)]
    rows[0] = Window(0, 50.0, 30.0, 30.0, 30.0, {})  # before the warm-up is over anything goes
    assert WARM == 2
    values = {"rss_mb": 100.0, "p50": 9.0, **last}
    rows[-1] = Window(99, values["rss_mb"], values["p50"], 10.0, 11.0, {})
    return rows


def test_soak_reports_growth_and_drift() -> None:
    from soak import complaints

    assert complaints(windows()) == []
    assert complaints(windows(rss_mb=100.9, p50=9.8)) == []
    assert complaints(windows(rss_mb=90.0)) == []
    (said,) = complaints(windows(rss_mb=101.5))
    assert "grew by 1.50 MB" in said
    (said,) = complaints(windows(p50=10.0))
    assert "+11.1%" in said
    (said,) = complaints(windows(p50=8.0))
    assert "-11.1%" in said


def test_soak_detects_a_leak() -> None:
    from soak import complaints, soak

    kept: list[mmap.mmap] = []

    def leak(_: Any) -> list[str]:
        kept.append(mmap.mmap(-1, 2**19))  # of the system: what this process freed before cannot serve again
        kept[-1].write(bytes(2**19))
        return ["tracking"]

    rows = soak(leak, lambda: iter([None] * 7), 40, lambda _: None)
    assert [row.updates for row in rows] == list(range(2, 41, 2))
    assert any("memory grew by" in said for said in complaints(rows))
    assert rows[3].statuses == {"tracking": 2}


@pytest.mark.nightly
def test_soak_runs_and_reports(repository: Path, tmp_path: Path) -> None:
    pytest.importorskip("cv2", reason="the video extra is not installed")
    words = [
        "--updates",
        "40",
        "--threads",
        "1",
        "--text",
        "red car",
        "--text",
        "white van",
        "--json",
        "soak.json",
    ]
    done = subprocess.run(
        [sys.executable, str(repository / "benchmarks/soak.py"), *words],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    told = json.loads((tmp_path / "soak.json").read_text())
    assert done.returncode == (1 if told["complaints"] else 0), done.stderr
    assert [row["updates"] for row in told["windows"]] == list(range(2, 41, 2))
    assert sum(sum(row["statuses"].values()) for row in told["windows"]) == 80
    assert all(row["rss_mb"] > 10 and 0 < row["p50"] <= row["p99"] for row in told["windows"])


def test_operations_are_counted_as_by_hand() -> None:
    """A convolution in two groups, a matrix product inside of a function, a Gemm, and weights in half precision."""
    from roofline import count

    model = onnx.parser.parse_model(
        """
        <ir_version: 10, opset_import: ["": 20, "own": 1]>
        g (float[1,4,8,8] x, float[1,5,6] a) => (float[1,6,8,8] y, float[1,5,7] b, float[5,2] d)
        <float16[6,2,3,3] w, float[6,7] m, float[2,6] k, int64[2] s = {5, 6}>
        {
          wide = Cast <to = 1> (w)
          z = Conv <group = 2, pads = [1, 1, 1, 1]> (x, wide)
          y = Relu (z)
          b = own.Product (a, m)
          flat = Reshape (a, s)
          d = Gemm <transB = 1> (flat, k)
        }
        <domain: "own", opset_import: ["": 20]> Product (p, q) => (r) { r = MatMul (p, q) }
        """
    )
    for name, dtype, shape in (("w", 10, (6, 2, 3, 3)), ("m", 1, (6, 7)), ("k", 1, (2, 6))):
        model.graph.initializer.append(onnx.helper.make_tensor(name, dtype, shape, [0.0] * prod(shape)))
    work = count(model)
    weights = 6 * 2 * 3 * 3 + 6 * 7 + 2 * 6
    outputs = 6 * 8 * 8 + 5 * 7 + 5 * 2
    assert work.operations == 2 * (6 * 8 * 8 * 2 * 3 * 3 + 5 * 7 * 6 + 5 * 2 * 6)
    assert work.weight_bytes == 4 * (weights + 2)  # and the shape of Reshape
    assert work.least_bytes == 4 * (weights + 2 + 4 * 8 * 8 + 5 * 6 + outputs)
    assert work.most_bytes == 4 * (weights + 4 * 8 * 8 + 3 * 6 * 8 * 8 + 2 * 5 * 6 + 5 * 7 + 5 * 2)


def test_dynamic_shape_is_not_counted() -> None:
    from roofline import count

    model = onnx.parser.parse_model(
        '<ir_version: 9, opset_import: ["": 17]> g (float[N,4] x) => (float[N,4] y) { y = Relu (x) }'
    )
    with pytest.raises(ValueError, match="open shape"):
        count(model)


def test_shipped_networks_can_be_counted() -> None:
    """Of the order of the model card's figure; the larger picture is more work with the same weights."""
    from roofline import work_of

    from edgetrack.bundle import Bundle

    bundle = Bundle.open()
    search, ground = (work_of(bundle.graph(role, "fp32")) for role in ("search", "ground"))
    assert (
        abs(search.weight_bytes - ground.weight_bytes) <= 16
    )  # a scalar that is 1 in one of them is not there
    assert 1e8 < search.operations < ground.operations < 1e10
    assert search.least_bytes < search.most_bytes


@pytest.mark.nightly
def test_network_without_selection_equals_one_that_selects_all() -> None:
    """The changed graph beside the export of a network that keeps every token: the same weights, the same outputs."""
    torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'edgetrack[export]'")
    ort = pytest.importorskip("onnxruntime")
    from common import random_feeds
    from token_select_network import without_selection

    from edgetrack.export.graphs import build_graphs
    from edgetrack.export.onnx_graph import to_onnx
    from edgetrack.network.network import EdgetrackNet
    from edgetrack.network.text import MiniLM

    outputs = []
    for keep in (32, 256):
        torch.manual_seed(0)
        graph = build_graphs(EdgetrackNet(keep=keep), MiniLM(64))["search"]
        model = to_onnx(graph)
        feeds = random_feeds(graph.spec.inputs)
        runs = [model]
        if keep == 32:
            changed = onnx.ModelProto()
            changed.CopyFrom(model)
            assert without_selection(changed) == 32
            assert [n.op_type for n in changed.graph.node if n.domain == "edgetrack"] == ["TokenSelect"]
            runs.append(changed)
        for given in runs:
            session = ort.InferenceSession(given.SerializeToString(), providers=["CPUExecutionProvider"])
            names = {i.name for i in session.get_inputs()}
            outputs.append(session.run(None, {n: v for n, v in feeds.items() if n in names}))
    selecting, changed, whole = outputs
    np.testing.assert_allclose(changed[0], whole[0], atol=1e-6)  # score
    assert all(abs(a - b).max() < 1e-5 for a, b in zip(changed, whole, strict=True))
    assert abs(selecting[0] - whole[0]).max() > 2e-5  # it does matter which tokens go on


def test_bound_is_the_roofline() -> None:
    from roofline import Machine, Work

    machine = Machine(1, gflops=100.0, gbytes=10.0)
    assert machine.least_ms(Work(1_000_000_000, 0, 1_000_000, 0)) == pytest.approx(10.0)
    assert machine.least_ms(Work(1_000_000, 0, 1_000_000_000, 0)) == pytest.approx(100.0)


def test_page_is_generated_from_the_figures(repository: Path) -> None:
    from performance_page import page_of

    figures = repository / "benchmarks/results/performance.json"
    result = json.loads(figures.read_text()) if figures.exists() else None
    assert (repository / "docs/performance.md").read_text() == page_of(result)


@pytest.mark.nightly
def test_performance_measures_and_writes_page_and_plots(tmp_path: Path) -> None:
    """Few updates and small frames: the figures mean nothing, the way to the page is the same."""
    pytest.importorskip("matplotlib", reason="the dev extra is not installed")
    import performance
    from performance_page import write

    result = json.loads(
        json.dumps(performance.run_all(10, sizes=((320, 240), (640, 480)), targets=(1, 2), threads=(1,)))
    )
    assert [(r["state"], r["width"], r["targets"]) for r in result["runs"]] == [
        (state, width, targets)
        for state in ("following", "searching")
        for width, targets in ((320, 1), (640, 1), (640, 2))
    ]
    for folder in ("docs", "benchmarks/results"):
        (tmp_path / folder).mkdir(parents=True)
    page, *plots = write(result, tmp_path)
    assert len(plots) == 3
    assert all(f"](../{plot.relative_to(tmp_path)})" in page.read_text() for plot in plots)
    assert all(plot.read_text().lstrip().startswith("<?xml") for plot in plots)
    for graph in result["roofline"][0]["graphs"]:
        assert f"{graph['ms']:.2f}" in page.read_text()


def test_batching_counts_searches_and_places_targets() -> None:
    from batching import Row, grid, page, to_and_fro

    assert "".join(islice(to_and_fro("abcd"), 10)) == "abcdcbabcd"
    for count in (1, 2, 4, 8):
        boxes = grid(640, 480, count)
        assert len({box.xywh for box in boxes}) == count
        assert all(
            box.x >= 0 and box.y >= 0 and box.x + box.w <= 640 and box.y + box.h <= 480 for box in boxes
        )
    said = page([Row("m, ort int8", 2, 4, 99, 5.0, 4.0, 1.25, 0.9999)], "/somewhere/street.mp4")
    assert "| m, ort int8 | 2 | 4 | 5.00 | 4.00 | 1.25 | 0.9999 | 99 |" in said
    assert "batching.py street.mp4 --write" in said


def test_cost_of_queries_counts_tiles_at_camera_rate() -> None:
    from every import Row, page, tiled

    picture = np.zeros((90, 160, 3), np.uint8)
    picture[30:60, 60:100] = 255
    shown = tiled(picture, 3)
    assert shown.shape == (480, 640, 3)
    middles = [(80 + 160 * i, int(213.3 * (j + 0.5))) for i in range(3) for j in range(3)]
    assert all(shown[y, x].min() > 200 for y, x in middles)
    rows = [Row("m, ort int8", 1.0, 20.0, 0.3, 9.0), Row("m, ort int8", 5.0, 28.0, 0.6, 9.5)]
    said = page(rows, "/somewhere/street.mp4", "person", 0.25)
    assert "| m, ort int8 | 5.0 | 28.0 | 0.6 | 9.5 |" in said
    assert "at most 2.0 ms a frame" in said
    assert "every.py street.mp4 person --write" in said


def test_live_soak_reports_growth(tmp_path: Path) -> None:
    import csv
    from dataclasses import asdict, replace

    from soak_live import Sample, read_samples
    from soak_live import complaints as live_complaints

    steady = Sample(15.0, 1, "live", 100, 1, 1, 300.0, 290.0, 20, 14, 20.0, 30.0, 25.0, 40.0)

    def seen(rss_mb: float = 300.0, files: int = 20, threads: int = 14, p50_ms: float = 20.0) -> list[Sample]:
        warm_up = replace(steady, rss_mb=100.0, threads=2)
        last = replace(steady, rss_mb=rss_mb, files=files, threads=threads, p50_ms=p50_ms)
        return [warm_up] * 2 + [steady] * 16 + [last] * 2

    assert live_complaints(seen(315.0, 22, 14, 24.0)) == []
    another = [replace(sample, run=2) for sample in seen(320.0, 25, 15, 30.0)]
    said = live_complaints(seen() + another)
    assert [line.split(";")[0] for line in said] == [
        "process 2: memory grew by 20.0 MB",
        "process 2: 5 more files are open",
        "process 2: 1 more threads run",
        "process 2: p50 grew from 20.0 to 30.0 ms",
    ]
    with (tmp_path / "soak.csv").open("w", newline="") as file:
        rows = csv.DictWriter(file, list(asdict(steady)))
        rows.writeheader()
        rows.writerow(asdict(steady))
    assert read_samples(tmp_path / "soak.csv") == [steady]
