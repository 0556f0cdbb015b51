"""A custom tracker as a bundle: exported, quantized with the same gate, trusted, and accepted by every command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import edgetrack
from edgetrack.cli import app
from edgetrack.errors import AdapterError, BundleError, ConfigError, ExportError

cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
torch = pytest.importorskip("torch", reason="needs torch: pip install 'edgetrack[export]'")
pytest.importorskip("onnxscript", reason="needs onnxscript: pip install 'edgetrack[export]'")

from edgetrack.export import calibration, speed  # noqa: E402
from edgetrack.export.adapters import torch_graph  # noqa: E402


def command(*words: object) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a textured square that moves three pixels per frame on a shaded background."""
    path = tmp_path_factory.mktemp("video") / "a.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (320, 160))
    square = np.random.default_rng(0).integers(0, 256, (5, 5, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    ground = np.tile(np.linspace(40, 160, 320, dtype=np.uint8)[None, :, None], (160, 1, 3))
    for index in range(60):
        picture = ground.copy()
        picture[60:100, 20 + 3 * index : 60 + 3 * index] = square
        writer.write(picture)
    writer.release()
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    features = torch.nn.Conv2d(3, 8, 5, stride=2, bias=False)
    path: Path = tmp_path_factory.mktemp("weights") / "m.pt"
    torch.save({f"features.{name}": value for name, value in features.state_dict().items()}, path)
    return path


@pytest.fixture(scope="module")
def matcher(repository: Path, video: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Export examples/own_tracker.py in INT8, for a board whose speed cannot be measured here."""
    out = tmp_path_factory.mktemp("bundle") / "matcher"
    options = (
        "--int8",
        "--calibration",
        video,
        "--box",
        "20,60,40,40",
        "--target",
        "arm-cpu",
        "--threads",
        1,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "FLOOR_FRAMES", 12)
        patch.setattr(speed, "ROUNDS", 3)
        result = command(
            "export",
            f"{repository / 'examples/own_tracker.py'}:Matcher",
            *("--weights", weights, "--min-auc-ratio", 0.8, "--report", "--name", "mine", "--version", "2.1"),
            *options,
            *("--output", out),
        )
    assert result.exit_code == 0, result.output
    return out


def test_every_option_of_an_export_has_its_effect(matcher: Path, repository: Path, weights: Path) -> None:
    manifest = json.loads((matcher / "manifest.json").read_text())
    assert (manifest["kind"], manifest["name"], manifest["version"]) == ("adapter", "mine", "2.1")
    assert manifest["target"] == {"name": "arm-cpu", "latency_budget_ms": 33.0, "memory_budget_mb": 512}
    assert manifest["precisions"] == ["int8"]
    assert list(manifest["weights"]) == ["m.pt"]
    report = json.loads((matcher / "report.json").read_text())["int8"]
    assert (report["accepted"], report["target"], report["threads"]) == (True, "arm-cpu", 1)
    assert report["min_auc_ratio"] == 0.8
    assert report["measured_on"] != "arm-cpu"
    assert "which does not predict the speed of arm-cpu" in report["why"]
    assert report["evidence"] == 58  # all but the frames that begin a turn, which are given their box
    (seen,) = report["calibration"]["seen"]
    assert (seen["source"], seen["frames"], seen["found"]) == ("a.avi", 60, 60)
    assert report["calibration"]["crops of the demo scene"]["search"] > 0
    assert "INT8 is included" in (matcher / "report.html").read_text()
    assert (matcher / "adapter.py").read_bytes() == (repository / "examples/own_tracker.py").read_bytes()
    int8, fp32 = (matcher / folder / "search.onnx" for folder in ("int8", "."))
    assert b"QuantizeLinear" in int8.read_bytes()
    assert b"QuantizeLinear" not in fp32.read_bytes()


def test_consent_is_required_before_its_code_runs(matcher: Path, video: Path, tmp_path: Path) -> None:
    told = r"contains code, adapter\.py \(SHA-256 [0-9a-f]{12}\.\.\.\).* --trust, in Python trust=True"
    with pytest.raises(ConfigError, match=told):
        edgetrack.open_tracker(matcher)
    words = ("run", "--source", video, "--box", "20,60,40,40", "--model", matcher)
    refused = command(*words, "--output", tmp_path / "no.jsonl")
    assert refused.exit_code == 2
    assert "contains code" in " ".join(refused.output.split())
    assert not (tmp_path / "no.jsonl").exists()
    changed = tmp_path / "changed"
    shutil.copytree(matcher, changed)
    with (changed / "adapter.py").open("a") as file:
        file.write("# more\n")
    refused = command("export", matcher, "--bf16", "--trust", "--output", tmp_path / "no")
    assert refused.exit_code == 2
    assert "--bf16 has no effect on mine, which runs in float32 or INT8" in " ".join(refused.output.split())
    with pytest.raises(BundleError, match=r"adapter\.py is damaged"):
        edgetrack.open_tracker(changed, trust=True)


def test_every_command_accepts_the_bundle(matcher: Path, video: Path, tmp_path: Path) -> None:
    pytest.importorskip("mcap", reason="needs mcap: pip install 'edgetrack[mcap]'")
    box, recording = ("--box", "20,60,40,40"), tmp_path / "a.mcap"
    outputs = [word for name in ("a.jsonl", "a.mcap") for word in ("--output", tmp_path / name)]
    mine = ("--model", matcher, "--trust", "--threads", 1)
    result = command("run", "--source", video, *box, *mine, "--precision", "int8", *outputs)
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert len(rows) == 60
    assert abs(rows[-1]["box"][0] - 197) < 12
    result = command("run", "--source", video, "--x", video, *box, *mine, "--output", tmp_path / "no.jsonl")
    assert (result.exit_code, "takes color only" in result.output) == (2, True), result.output
    assert not (tmp_path / "no.jsonl").exists()
    pair = tmp_path / "pair.mcap"
    result = command("run", "--source", video, "--x", video, *box, "--threads", 1, "--output", pair)
    assert result.exit_code == 0, result.output
    result = command("replay", pair, "--against", matcher, "--trust")
    told = "takes color only; expected one of edgetrack's own models"
    assert (result.exit_code, told in " ".join(result.output.split())) == (2, True), result.output
    result = command("replay", recording, "--trust", "--precision", "fp32", "--threads", 1, "--min-iou", 0.3)
    assert result.exit_code == 0, result.output
    words = ("--frames", 10, "--rounds", 2, "--json", tmp_path / "bench.json")
    result = command("bench", "--source", video, *box, *mine, *words)
    assert result.exit_code == 0, result.output
    assert "budget of arm-cpu: update" in result.output
    assert "run the benchmark on arm-cpu" in result.output
    (latency, memory) = json.loads((tmp_path / "bench.json").read_text())["budgets"]["edgetrack"]
    assert (latency["limit"], memory["limit"], latency["within"]) == (33.0, 512.0, None)
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(video, data / "a.mp4")  # the reader's name for it; what is inside decides
    (data / "a.txt").write_text("\n".join(f"{20 + 3 * i},60,40,40" for i in range(60)))
    (data / "sequences.json").write_text(json.dumps([{"name": "a", "text": "square"}]))
    result = command("eval", "folder", data, *mine, "--output", tmp_path / "results")
    assert result.exit_code == 0, result.output
    assert "mine 2.1" in (tmp_path / "results/report.md").read_text()


def test_exceeded_budget_ends_bench_with_exit_code_1(matcher: Path, video: Path, tmp_path: Path) -> None:
    from edgetrack import targets

    changed = tmp_path / "slow"
    shutil.copytree(matcher, changed)
    manifest = json.loads((changed / "manifest.json").read_text())
    manifest["target"] = {"name": targets.detect().name, "latency_budget_ms": 1e-3, "memory_budget_mb": 1e6}
    (changed / "manifest.json").write_text(json.dumps(manifest))
    words = ("--box", "20,60,40,40", "--frames", 5, "--rounds", 2, "--model", changed, "--trust")
    result = command("bench", "--source", video, *words)
    assert result.exit_code == 1, result.output
    assert "of 0.001 ms, OVER" in result.output
    assert "MB, within" in result.output


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("v3.pth", "v3.pth is a file with weights.*edgetrack export nanotrack-v3 --weights"),
        ("v3.pth.tar", "v3.pth.tar is a file with weights.*edgetrack export my.py:Adapter --weights"),
        ("net.onnx", "net.onnx is an ONNX graph.*edgetrack export my.py:Adapter --weights"),
        ("manifest.json", "is a file of a bundle; give its folder"),
        ("gone.pth", "gone.pth does not exist"),
    ],
)
def test_files_that_are_not_a_bundle_say_what_to_do(tmp_path: Path, name: str, says: str) -> None:
    if not name.startswith("gone"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(BundleError, match=says):
        edgetrack.open_tracker(tmp_path / name)
    for words in (
        ("export", tmp_path / name, "--output", tmp_path / "out"),
        ("engines", "--model", tmp_path / name),
    ):
        result = command(*words)
        assert result.exit_code == 2
        assert result.output.count("\n") <= 2
    with pytest.raises(BundleError, match=says):
        edgetrack.Tracker(tmp_path / name)


class Branch(torch.nn.Module):  # type: ignore[misc, name-defined]
    def forward(self, x: Any) -> Any:
        return x * 2 if x.mean() > 0 else x


class Two(torch.nn.Module):  # type: ignore[misc, name-defined]
    def forward(self, x: Any) -> Any:
        return x, x * 2


class Words(torch.nn.Module):  # type: ignore[misc, name-defined]
    def forward(self, x: Any) -> Any:
        return {"s": x}


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (Branch, "Could not guard on data-dependent expression"),
        (Two, r"module Two returns 2 tensors, but outputs has 1 names \(s\)"),
        (Words, "module Words returns a dict; expected one tensor, or a tuple of tensors"),
    ],
)
def test_module_that_cannot_be_exported_says_why(module: Any, says: str) -> None:
    with pytest.raises(ExportError, match=says) as caught:
        torch_graph(module(), inputs={"x": (1, 3, 8, 8)}, outputs=["s"])
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "Next steps" not in str(caught.value)


def test_adapter_error_is_one_sentence(tmp_path: Path, matcher: Path) -> None:
    changed = tmp_path / "wrong"
    shutil.copytree(matcher, changed)
    source = (
        "from edgetrack import Track\nclass Matcher:\n    modes = ('bbox',)\n    graphs = None\n"
        "    def open(self, folder, *, threads): return self\n"
        "    def start(self, frame, *, text=None, box=None): return Track(box, 1.0, 'tracking', 0)\n"
        "    def update(self, frame): return ANSWER\n"
    )
    frame = np.zeros((60, 60, 3), np.uint8)
    for answer, says in (
        ("1 / 0", r"failed with ZeroDivisionError.*adapter\.py:7"),
        ("(1, 2)", "returned \\(1, 2\\)"),
    ):
        (changed / "adapter.py").write_text(source.replace("ANSWER", answer))
        seal(changed)
        tracker = edgetrack.open_tracker(changed, trust=True)
        tracker.start(frame, box=(10, 10, 20, 20))
        with pytest.raises(AdapterError, match=says):
            tracker.update(frame)


def seal(folder: Path) -> None:
    """Update the checksum of the code."""
    import hashlib

    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["code"]["sha256"] = hashlib.sha256((folder / "adapter.py").read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
