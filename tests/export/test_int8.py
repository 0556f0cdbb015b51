"""INT8 from calibration to acceptance, with the shipped model on the demo scene."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from calibrations import recorded_once
from typer.testing import CliRunner

pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")
cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")

from edgetrack import targets  # noqa: E402
from edgetrack.bundle import BATCHED, Bundle  # noqa: E402
from edgetrack.cli import app  # noqa: E402
from edgetrack.demo.scene import Scene  # noqa: E402
from edgetrack.engines import open_engine  # noqa: E402
from edgetrack.engines.ort import saturates  # noqa: E402
from edgetrack.errors import ConfigError, ExportError  # noqa: E402
from edgetrack.export import accuracy, calibration, command, gate, int8, plan, speed  # noqa: E402
from edgetrack.export.accuracy import Accuracy, Turn  # noqa: E402
from edgetrack.export.gate import GateConfig  # noqa: E402
from edgetrack.export.layers import Source  # noqa: E402
from edgetrack.export.report import Int8Report  # noqa: E402
from edgetrack.export.staging import check_output, copy_bundle  # noqa: E402
from edgetrack.export.subject import QUANTIZED  # noqa: E402
from edgetrack.export.watch import silent  # noqa: E402
from edgetrack.policy import Policy  # noqa: E402
from edgetrack.tracker import Tracker  # noqa: E402


@pytest.fixture(scope="module")
def quick() -> Iterator[pytest.MonkeyPatch]:
    """Use fewer frames, crops and layers, and a fake speed that does not depend on the load of the machine."""
    read = Source.read
    with pytest.MonkeyPatch.context() as patch:
        for module in (calibration, accuracy):
            patch.setattr(module, "FRAMES", 50)
        patch.setattr(accuracy, "TURN", 25)
        patch.setattr(calibration, "CROPS", 8)
        patch.setattr(calibration, "EVERY", 5)
        patch.setattr(plan, "_PROBES", 1)
        patch.setattr(Source, "read", classmethod(lambda cls, path: half_of(read(path))))
        for module in (plan, int8):
            patch.setattr(module, "compare_speed", lambda fp32, other: speed.Speed(2.0, 1.0))
        patch.setattr(int8, "make_plan", measured_once(plan.make_plan))
        patch.setattr(gate, "record", recorded_once(calibration.record))
        yield patch


def half_of(source: Source) -> Source:
    """Keep every other layer in float, which halves the time."""
    for name in list(source.layers)[1::2]:
        del source.layers[name]
    return source


def measured_once(make_plan: Any) -> Any:
    """The steps after a plan are tested several times; its measurements of a graph are not repeated."""
    known: dict[str, plan.Plan] = {}

    def make(role: str, path: Path, *arguments: Any, **options: Any) -> plan.Plan:
        if role not in known:
            known[role] = make_plan(role, path, *arguments, **options)
        return replace(known[role], source=Source.read(path))

    return make


@pytest.fixture(scope="module")
def made(quick: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, Int8Report]:
    folder = tmp_path_factory.mktemp("int8")
    copy_bundle(Bundle.open("edgetrack-160"), folder / "plain")  # without INT8, so that it must be made
    wanted = GateConfig(target="x86-cpu", min_auc_ratio=0.5, threads=1)
    request = command.Request(str(folder / "plain"), folder / "bundle", ("int8",), wanted, page=True)
    bundle, (report,) = command.make_bundle(request, watch=silent)
    assert isinstance(bundle, Bundle)
    assert isinstance(report, Int8Report)
    return bundle, report


def test_bundle_has_both_flavors_and_the_weights_once(made: tuple[Bundle, Int8Report]) -> None:
    bundle, report = made
    assert report.accepted, report.why
    batched = [role for role in BATCHED if role in Bundle.open("edgetrack-160").manifest.tensors]
    assert set(bundle.manifest.precisions["int8"].graphs) == {*QUANTIZED, *batched}
    for role in (*QUANTIZED, *batched):
        portable, ort = (bundle.graph(role, "int8", flavor=flavor) for flavor in ("portable", "ort"))
        assert (portable.name, ort.name) == (f"{role}.int8.onnx", f"{role}.int8.ort.onnx")
        assert bundle.graph(role, "fp32") == bundle.path(role)
    assert bundle.graph("text", "int8") == bundle.path("text")
    parameters = 1_800_000 + 1_840_000  # backbone and the rest, docs/model-card.md
    assert 0.2 * parameters < bundle.path("int8_weights").stat().st_size < 0.8 * parameters
    assert {"edgetrack", "onnx", "onnxruntime"} <= bundle.manifest.versions.keys()


def test_auto_selects_int8_and_reports_it(made: tuple[Bundle, Int8Report]) -> None:
    engine = open_engine(made[0], threads=1)
    if "int8" in targets.detect().precisions and not saturates():
        assert engine.precision == "int8"
        assert "the bundle has INT8" in str(engine.info)
    assert open_engine(made[0], precision="fp32").precision == "fp32"


@pytest.mark.parametrize("name", ["ort", pytest.param("openvino", marks=pytest.mark.nightly)])
def test_int8_tracks_like_float32(made: tuple[Bundle, Int8Report], name: str) -> None:
    if name == "openvino":
        pytest.importorskip("openvino", reason="needs openvino: pip install 'edgetrack[openvino]'")
    trackers = [
        Tracker(made[0], engine=name, precision=precision, threads=1) for precision in ("fp32", "int8")
    ]
    assert trackers[1].engine.precision == "int8"
    scene, overlaps, equal = Scene(), [], 0
    for frame in scene.frames():
        if frame.index == 40:
            break
        if frame.index == 0:
            box = scene.boxes[0]["blue car"]
            tracks = [tracker.start(frame.pixels, box=box) for tracker in trackers]
        else:
            tracks = [tracker.update(frame.pixels) for tracker in trackers]
        assert tracks[0].box is not None
        assert tracks[1].box is not None
        overlaps.append(tracks[0].box.iou(tracks[1].box))
        equal += tracks[0] == tracks[1]
    assert np.mean(overlaps) > 0.85
    assert equal < 10  # otherwise INT8 was not run


def test_report_is_json_and_a_page(made: tuple[Bundle, Int8Report]) -> None:
    bundle = made[0]
    stored = json.loads(bundle.path("report").read_text())["int8"]
    assert stored["calibration"]["sources"] == ["demo scene"]
    assert stored["accuracy_kind"] == "agreement"
    assert stored["attempts"][-1]["passed"] is True
    (seen,) = stored["calibration"]["seen"]
    assert (seen["source"], seen["frames"], seen["flat"], seen["noise"]) == ("demo scene", 50, 0, 0)
    assert seen["found"] + seen["random"] == 50
    assert 30 <= stored["evidence"] <= 50
    low, high = stored["interval"]
    assert low < stored["ratio"] < high
    assert high - low >= 6 / stored["evidence"]
    assert len(stored["sensitivity"]["search"]) == 39
    assert set(stored["refused"]) == {"text", "prompt", "ground", "detect", "rank", "mask"}
    page = bundle.path("report_page").read_text()
    assert "mask: no masks are given to measure its accuracy on" in page
    assert "<script" not in page
    assert "http" not in page
    for words in ("INT8 is included", "demo scene", "search.int8.ort.onnx", "trunk.stem.conv"):
        assert words in page


def test_int8_scores_have_the_meaning_of_float32_scores(made: tuple[Bundle, Int8Report]) -> None:
    thresholds = made[0].manifest.precisions["int8"].thresholds
    assert thresholds.keys() == {"track_threshold", "update_threshold"}
    policy = Policy.of(made[0].manifest.thresholds)
    assert 0 < thresholds["update_threshold"] < thresholds["track_threshold"] < 1
    assert thresholds != {
        name: round(getattr(policy, name), 4) for name in thresholds
    }  # quantization shifts scores


def test_bundle_records_the_board_and_its_budgets(made: tuple[Bundle, Int8Report]) -> None:
    target, board = made[0].manifest.target, targets.load("x86-cpu")
    assert target is not None
    assert (target.name, target.latency_budget_ms) == ("x86-cpu", board.latency_budget_ms)
    assert target.memory_budget_mb == board.memory_budget_mb


@pytest.mark.nightly
def test_accepted_int8_is_kept_without_a_video(quick: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wanted = GateConfig(threads=1, target="x86-cpu")
    request = command.Request("edgetrack-160", tmp_path / "out", ("int8",), wanted)
    bundle, (report,) = command.make_bundle(request, watch=silent)
    shipped = Bundle.open("edgetrack-160").manifest
    assert (report.accepted, report.kept) == (True, True)
    assert report.why.startswith("kept unchanged from edgetrack-160")
    assert "search graph 2.00 times as fast" in report.why
    assert bundle.manifest.precisions == shipped.precisions
    assert {role: bundle.manifest.files[role] for role in shipped.files if "int8" in role} == {
        role: entry for role, entry in shipped.files.items() if "int8" in role
    }


def test_calibration_ranges_are_kept(made: tuple[Bundle, Int8Report]) -> None:
    stored = json.loads(made[0].path("int8_ranges").read_text())
    search = stored["graphs"]["search"]
    assert search["method"] in ("minmax", "percentile", "entropy")
    low, high = search["ranges"]["image"]
    assert -1 <= low < 0 < high <= 1  # RGB in -1..1
    assert stored["calibration"]["crops"] == {"search": 8, "template": 8}


def test_float32_part_is_unchanged(made: tuple[Bundle, Int8Report], tmp_path: Path) -> None:
    copy_bundle(Bundle.open("edgetrack-160"), tmp_path / "given")  # without INT8
    given_, bundle = Bundle.open(tmp_path / "given").manifest, made[0].manifest
    assert {role: bundle.files[role] for role in given_.files} == dict(given_.files)
    copy_bundle(made[0], tmp_path / "plain")
    plain = Bundle.open(tmp_path / "plain").manifest
    assert plain.files == given_.files
    assert not plain.precisions


@pytest.mark.nightly
def test_inaccurate_int8_is_left_out(
    quick: pytest.MonkeyPatch,
    made: tuple[Bundle, Int8Report],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plans = dict.fromkeys(QUANTIZED)
    asked: list[list[int]] = []

    class Refuses:
        def accuracy(self, tracker: Any, precision: str) -> Accuracy:
            assert tracker.engine.precision == precision == "int8"
            layers = json.loads(tracker.engine.bundle.path("int8_ranges").read_text())["graphs"]
            asked.append([len(layers[role]["layers"]) for role in plans])
            return Accuracy("success AUC", {"clip": [Turn(50, 0.8, 0.6), Turn(50, 0.8, 0.6)]})

    monkeypatch.setattr(gate, "Agreement", lambda *_, **__: Refuses())
    wanted = GateConfig(threads=1, target="x86-cpu")
    wanted = replace(wanted, text="blue car")  # a reason to make a new one
    request = command.Request(str(made[0].folder), tmp_path / "out", ("int8",), wanted)
    bundle, (report,) = command.make_bundle(request, watch=silent)
    assert isinstance(bundle, Bundle)
    assert isinstance(report, Int8Report)
    assert not report.accepted
    assert "at best 0.750 of fp32's accuracy over 100 frames; expected 0.99" in report.why
    tried = [attempt.floats for attempt in report.attempts]
    assert tried == list(int8.STEPS[: len(tried)])  # until no layer is quantized
    assert len(tried) >= 4
    back = [
        asked[0][1] - row[1] for row in asked
    ]  # so many layers went back to float; some had never left it
    assert back == sorted(back)
    assert all(step - 2 <= layers <= step for layers, step in zip(back, tried, strict=True))
    stored = json.loads(bundle.path("report").read_text())["int8"]
    assert (stored["accepted"], stored["kept"], stored["evidence"]) == (False, True, 100)
    assert "had before is kept unchanged" in report.why
    assert bundle.manifest.precisions == made[0].manifest.precisions  # the accepted one is not thrown away
    for role in ("search.int8.ort", "int8_weights"):
        assert bundle.path(role).read_bytes() == made[0].path(role).read_bytes()
    assert Tracker(bundle, precision="int8", threads=1).engine.graph("search") is not None


def test_slow_int8_is_left_out_without_measuring_accuracy(
    quick: pytest.MonkeyPatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "compare_speed", lambda fp32, other: speed.Speed(1.0, 1.25))
    monkeypatch.setattr(gate, "Agreement", lambda *_, **__: SimpleNamespace(accuracy=None))
    copy_bundle(Bundle.open("edgetrack-160"), tmp_path / "plain")
    wanted = GateConfig(threads=1, target=targets.detect().name)
    request = command.Request(str(tmp_path / "plain"), tmp_path / "out", ("int8",), wanted)
    bundle, (report,) = command.make_bundle(request, watch=silent)
    assert "not faster on this machine: at best 0.80 times" in report.why
    assert not bundle.manifest.precisions


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"min_auc_ratio": 0.0}, "expected a number above 0, at most 1"),
        ({"min_auc_ratio": 1.5}, "expected a number above 0, at most 1"),
        ({"target": "toaster"}, "unknown target 'toaster'"),
    ],
)
def test_wrong_options_are_rejected(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        GateConfig(**values)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to do: edgetrack-256 is already a bundle; give --int8 or --fp16"),
        (["--calibration", "x.mp4"], "--calibration has no effect: it applies to other precisions"),
        (["--int8", "--calibration", "gone.mp4"], "gone.mp4 does not exist"),
        (["--int8", "--box", "1,2"], "as in: --box 120,80,64,48"),
        (["--int8", "--accept", "."], "has no labeled clips"),
        (["no-model", "--int8"], "'no-model' is neither a folder nor a shipped model"),
        (["gone.pt"], "gone.pt cannot be loaded"),
        (["--bf16"], "--bf16 has no effect on edgetrack-256: OpenVINO derives it from any"),
    ],
)
def test_user_errors_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["export", *arguments, "--output", "out"])
    assert result.exit_code == 2, result.output
    assert f"{message}" in " ".join(result.output.split())
    assert not list(tmp_path.iterdir())


def test_only_an_older_bundle_is_replaced_and_only_on_request(tmp_path: Path) -> None:
    check_output(tmp_path / "new", force=False)
    check_output(tmp_path, force=False)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ExportError, match="already contains a bundle; replace it with --force"):
        check_output(tmp_path, force=False)
    check_output(tmp_path, force=True)
    (tmp_path / "manifest.json").rename(tmp_path / "photo.jpg")
    with pytest.raises(ExportError, match="exists and is not a bundle"):
        check_output(tmp_path, force=True)
