"""From a checkpoint to a bundle: outputs equal to PyTorch, weights stored once, helpful errors."""

from __future__ import annotations

import copy
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import write_checkpoint, write_text_encoder
from typer.testing import CliRunner

from edgetrack import _native
from edgetrack.bundle import BATCHED, GRAPHS, Bundle
from edgetrack.cli import app
from edgetrack.engines import open_engine
from edgetrack.errors import EngineUnavailable, ExportError, ParityError

torch = pytest.importorskip("torch", reason="needs torch: pip install 'edgetrack[export]'")
onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")
pytest.importorskip("onnxscript", reason="needs onnxscript: pip install 'edgetrack[export]'")

from edgetrack.export import onnx_graph, parity, pipeline, weights  # noqa: E402
from edgetrack.export.graphs import ExportGraph, build_graphs  # noqa: E402
from edgetrack.export.onnx_graph import to_onnx  # noqa: E402
from edgetrack.export.pipeline import ExportConfig, ExportReport  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def _traced_once() -> Iterator[None]:
    """Bundles are exported several times here, but PyTorch traces their graphs once."""
    known: dict[str, Any] = {}

    def traced(graph: ExportGraph) -> Any:
        if graph.role not in known:
            known[graph.role] = to_onnx(graph)
        return copy.deepcopy(known[graph.role])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_graph, "to_onnx", traced)
        yield


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> ExportConfig:
    folder = tmp_path_factory.mktemp("export")
    write_text_encoder(folder / "text")
    write_checkpoint(folder / "last.pt")
    return ExportConfig(folder / "last.pt", folder / "bundle", text=folder / "text", name="tiny")


@pytest.fixture(scope="module")
def report(config: ExportConfig) -> ExportReport:
    return pipeline.export(config)


def test_bundle_equals_the_network(report: ExportReport) -> None:
    roles = {key.partition(".")[0] for key in report.errors}
    assert roles == {*GRAPHS, *BATCHED}
    assert max(v for k, v in report.errors.items() if not k.endswith(".kept")) <= 1e-4


def test_manifest_describes_the_export(report: ExportReport) -> None:
    manifest = report.bundle.manifest
    assert (manifest.name, manifest.schema, manifest.thresholds) == ("tiny", 2, {"present": 0.5})
    assert manifest.parameters < 20_000_000
    assert manifest.tensors["search"].inputs["memory"].shape == (1, 4, 88, 192)
    assert manifest.tensors["ground"].outputs["score"].shape == (1, 1, 20, 20)
    assert manifest.tensors["text"].inputs["ids"].dtype == "int64"
    assert report.bundle.batches == (2, 4)
    for role, number in BATCHED.items():
        one, many = manifest.tensors["search"], manifest.tensors[role]
        for side, sides in ((one.inputs, many.inputs), (one.outputs, many.outputs)):
            assert {name: (number, *spec.shape[1:]) for name, spec in side.items()} == {
                name: spec.shape for name, spec in sides.items()
            }


def test_weights_are_stored_once_in_half_the_bytes(report: ExportReport) -> None:
    network, *_ = pipeline.load_checkpoint(report.bundle.folder.parent / "last.pt")
    parameters = sum(p.numel() for p in network.parameters())
    size = report.bundle.path("tracker_weights").stat().st_size
    assert parameters * 1.9 < size < parameters * 2.05


@pytest.mark.parametrize("engine", ["ort", "ort-ops", "openvino"])
@pytest.mark.parametrize("role", BATCHED)
def test_batch_equals_single_runs(report: ExportReport, role: str, engine: str) -> None:
    """The inputs differ in every slot."""
    if engine == "openvino":
        pytest.importorskip("openvino", reason="needs openvino: pip install 'edgetrack[openvino]'")
    try:
        opened = open_engine(report.bundle, engine=engine, threads=1)
    except EngineUnavailable as error:
        pytest.skip(str(error))
    random, specs = np.random.default_rng(0), report.bundle.manifest.tensors["search"].inputs
    feeds = [
        {name: random.uniform(-1, 1, spec.shape).astype(np.float32) for name, spec in specs.items()}
        for _ in range(BATCHED[role])
    ]
    together = opened.graph(role).run({name: np.concatenate([f[name] for f in feeds]) for name in specs})
    for slot, one in enumerate(opened.graph("search").run(f) for f in feeds):
        for name, array in one.items():
            limit = 1.5 / 256 if name == "kept" else 1e-4
            assert np.abs(together[name][slot : slot + 1] - array).max() < limit, (name, slot)


def test_graph_files_are_clean(report: ExportReport) -> None:
    for role in (*GRAPHS, *BATCHED):
        model = onnx.load(str(report.bundle.path(role)), load_external_data=False)
        selects = role in ("search", "ground", *BATCHED)
        assert {o.domain: o.version for o in model.opset_import} == {
            "": 20,
            **({"edgetrack": 1} if selects else {}),
        }
        operators = ["TokenSelect", "TokenRestore"] * selects
        assert [f.name for f in model.functions] == operators
        assert [n.op_type for n in model.graph.node if n.domain == "edgetrack"] == operators
        assert not any(node.metadata_props or node.doc_string for node in model.graph.node)
        large = [t for t in model.graph.initializer if len(t.raw_data) >= weights.SMALL and t.data_type == 1]
        assert not large


@pytest.mark.parametrize("engine", ["ort-ops", "openvino"])
@pytest.mark.parametrize("role", ["search", "ground", *BATCHED])
@pytest.mark.parametrize("present", [(1, 1), (0, 1), (1, 0)])
def test_all_implementations_of_the_selection_agree(
    report: ExportReport, role: str, engine: str, present: tuple[int, int]
) -> None:
    """The graphs' own functions, the compiled operators and OpenVINO, with either prototype and with both."""
    if engine == "openvino":
        pytest.importorskip("openvino", reason="needs openvino: pip install 'edgetrack[openvino]'")
    engines = [open_engine(report.bundle, engine=name, threads=1) for name in ("ort", engine)]
    random = np.random.default_rng(0)
    specs = report.bundle.manifest.tensors[role].inputs
    feeds = {name: random.uniform(-1, 1, spec.shape).astype(np.float32) for name, spec in specs.items()}
    lengths = np.linalg.norm(feeds["prototypes"], axis=-1, keepdims=True)
    feeds["prototypes"] *= np.array(present, np.float32)[None, :, None] / lengths
    first, second = (opened.graph(role).run(feeds) for opened in engines)
    assert all(np.abs(first[name] - second[name]).max() < 1e-4 for name in first)


def test_engine_reports_the_implementation_of_the_selection(report: ExportReport) -> None:
    assert str(open_engine(report.bundle, engine="ort").info).endswith(
        "token selection: functions of the graph"
    )
    compiled = open_engine(report.bundle, engine="ort-ops")
    assert compiled.name == "ort-ops"
    assert str(compiled.info).endswith("token selection: libedgetrack_ops.so")


def test_missing_compiled_operators_say_how_to_build_them(
    report: ExportReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_native.runtime, "__file__", str(tmp_path / "_runtime.so"))
    with pytest.raises(
        EngineUnavailable, match=r"libedgetrack_ops\.so does not exist beside .*run: pip install \."
    ):
        open_engine(report.bundle, engine="ort-ops")


def test_parity_on_a_real_frame(report: ExportReport, shared_data: Path) -> None:
    cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
    video = cv2.VideoCapture(str(shared_data / "clips" / "car-detection.mp4"))
    ok, frame = video.read()
    video.release()
    assert ok
    network, *_ = pipeline.load_checkpoint(report.bundle.folder.parent / "last.pt")
    weights.round_weights(network)
    graphs = build_graphs(network, pipeline._load_text(report.bundle.folder.parent / "text").eval())
    engine = open_engine(report.bundle, threads=1)
    errors: dict[str, float] = {}

    def picture(side: int) -> np.ndarray:
        small = cv2.resize(frame, (side, side))[..., ::-1].astype(np.float32) / 127.5 - 1
        return np.ascontiguousarray(small.transpose(2, 0, 1)[None])

    target = np.ones((1, 1, 8, 8), np.float32)
    template = parity.compare(graphs["template"], engine, {"image": picture(128), "target": target}, errors)
    mask = np.zeros((1, 24), np.float32)
    nothing = {
        "memory": np.zeros((1, 4, 24, 192)),
        "film": np.zeros((1, 2, 192)),
        "prototype": np.zeros((1, 192)),
    }
    known = list(parity._modes(template, nothing, mask))[1]
    parity.compare(graphs["search"], engine, {"image": picture(256), **known}, errors)
    parity.compare(graphs["ground"], engine, {"image": picture(320), **known}, errors)
    assert max(v for k, v in errors.items() if not k.endswith(".kept")) <= 1e-4


def test_difference_from_pytorch_is_named(report: ExportReport) -> None:
    folder = report.bundle.folder.parent
    network, *_ = pipeline.load_checkpoint(folder / "last.pt")
    weights.round_weights(network)
    network.heads.size.bias.data += 1e-2
    encoder = pipeline._load_text(folder / "text")
    weights.round_to_grid(encoder)
    weights.round_weights(encoder)
    with pytest.raises(
        ParityError, match=r"output 'size' of graph 'search' differs by .*expected at most 0\.0001"
    ):
        parity.check_parity(build_graphs(network, encoder), open_engine(report.bundle))


@pytest.mark.nightly
def test_repeated_export_replaces_the_bundle_only(
    config: ExportConfig, report: ExportReport, tmp_path: Path
) -> None:
    other = tmp_path / "photos"
    other.mkdir()
    (other / "cat.jpg").write_bytes(b"cat")
    with pytest.raises(ExportError, match="exists and is not a bundle"):
        pipeline.export(ExportConfig(config.checkpoint, other, text=config.text))
    assert (other / "cat.jpg").exists()
    assert pipeline.export(config).bundle.manifest == report.bundle.manifest


def test_failed_step_leaves_no_files(
    config: ExportConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ParityError("as if")

    monkeypatch.setattr(pipeline, "write_graphs", fails)
    with pytest.raises(ParityError):
        pipeline.export(ExportConfig(config.checkpoint, tmp_path / "new", text=config.text))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None])
def test_invalid_checkpoint_is_an_error(config: ExportConfig, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "bad.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ExportError, match=r"bad\.pt cannot be loaded"):
        pipeline.export(ExportConfig(path, tmp_path / "out", text=config.text))


def test_checkpoint_of_another_network_is_an_error(config: ExportConfig, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "other.pt", model={"weight": torch.zeros(2)})
    with pytest.raises(ExportError, match=r"other\.pt cannot be loaded"):
        pipeline.export(ExportConfig(tmp_path / "other.pt", tmp_path / "out", text=config.text))


def test_missing_text_encoder_says_how_to_make_it(config: ExportConfig, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"run: python -m edgetrack\.training\.prune_text"):
        pipeline.export(ExportConfig(config.checkpoint, tmp_path / "out", text=tmp_path / "none"))


@pytest.mark.parametrize("value", [1e6, float("nan"), float("inf")])
def test_weights_beyond_float16_are_an_error(value: float) -> None:
    layer = torch.nn.Linear(32, 32)
    layer.weight.data[3, 4] = value
    with pytest.raises(ExportError, match="float16 holds"):
        weights.round_weights(layer)


def test_small_tensors_keep_their_precision() -> None:
    layer = torch.nn.Linear(32, 32)
    weight, bias = layer.weight.data.clone(), layer.bias.data.clone()
    weights.round_weights(layer)
    assert torch.equal(layer.bias, bias)
    assert torch.equal(layer.weight, weight.half().float())


def test_export_command(config: ExportConfig, report: ExportReport, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pt"
    shutil.copyfile(config.text / "tokenizer.json", bad)
    result = CliRunner().invoke(app, ["export", str(bad), "--output", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert re.match(r"(?s).*error: checkpoint .*bad\.pt cannot be loaded", result.output)
    assert not list(tmp_path.glob("*out*"))
    arguments = ["export", str(config.checkpoint), "--text-encoder", str(config.text), "--name", "again"]
    result = CliRunner().invoke(app, [*arguments, "--output", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "again 0.1.0" in result.output
    assert Bundle.open(tmp_path / "out").manifest.tensors == report.bundle.manifest.tensors
