"""The example examples/own_tracker.py: a PyTorch tracker goes through export and eval; and possible errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edgetrack.cli import app
from edgetrack.errors import ConfigError, ParityError
from edgetrack.peers import load_adapter

cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
pytest.importorskip("torch", reason="needs torch: pip install 'edgetrack[export]'")
pytest.importorskip("onnxscript", reason="needs onnxscript: pip install 'edgetrack[export]'")

import torch  # noqa: E402

from edgetrack.export.adapters import torch_graph  # noqa: E402


def command(*words: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


def write_sequence(folder: Path) -> None:
    """Write a striped square that moves four pixels per frame on a shaded background."""
    import numpy as np

    writer = cv2.VideoWriter(str(folder / "a.avi"), cv2.VideoWriter.fourcc(*"png "), 25, (200, 120))
    rows = []
    for index in range(20):
        picture = np.tile(np.linspace(60, 120, 200, dtype=np.uint8)[None, :, None], (120, 1, 3))
        x, y = 20 + 4 * index, 30 + index
        picture[y : y + 40, x : x + 40] = 40
        picture[y : y + 40 : 2, x : x + 40] = (30, 60, 240)
        picture[y + 10 : y + 30, x + 5 : x + 15] = (250, 250, 20)
        writer.write(picture)
        rows.append(f"{x},{y},40,40")
    writer.release()
    (folder / "a.avi").rename(folder / "a.mp4")  # the reader's name for it; what is inside decides
    (folder / "a.txt").write_text("\n".join(rows))
    (folder / "sequences.json").write_text(json.dumps([{"name": "a", "text": "striped square"}]))


def test_custom_tracker_is_exported_and_evaluated(repository: Path, tmp_path: Path) -> None:
    adapter = f"{repository / 'examples/own_tracker.py'}:Matcher"
    torch.manual_seed(0)
    features = torch.nn.Conv2d(3, 8, 5, stride=2, bias=False)
    torch.save(
        {f"features.{name}": value for name, value in features.state_dict().items()}, tmp_path / "m.pt"
    )
    said = command("export", adapter, "--weights", tmp_path / "m.pt", "--output", tmp_path / "matcher")
    assert "search.onnx" in said
    (tmp_path / "data").mkdir()
    write_sequence(tmp_path / "data")
    options = ("--tracker", adapter, "--peer-weights", tmp_path / "matcher", "--threads", 1)
    command("eval", "folder", tmp_path / "data", *options, "--output", tmp_path / "results")
    report = (tmp_path / "results/report.md").read_text()
    assert "Matcher" in report
    (record,) = (tmp_path / "results/records/own_tracker.py-Matcher").rglob("a.json")
    boxes = json.loads(record.read_text())["boxes"]
    assert abs(boxes[-1][0] - 96) < 6  # it moved 76 pixels
    assert abs(boxes[-1][1] - 49) < 6


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("", "has no attribute 'A'"),
        ("class A: pass", "has no modes, graphs, open"),
        ("1/0", "ZeroDivisionError"),
        (
            "class A:\n    def __init__(self, size): ...",
            "expected a class that can be created without arguments",
        ),
    ],
)
def test_invalid_adapter_is_rejected(tmp_path: Path, source: str, complaint: str) -> None:
    (tmp_path / "a.py").write_text(source)
    with pytest.raises(ConfigError, match=complaint):
        load_adapter(f"{tmp_path / 'a.py'}:A")
    with pytest.raises(ConfigError, match=r"b\.py is not a Python file; expected FILE\.py:CLASS"):
        load_adapter(f"{tmp_path / 'b.py'}:A")


def test_nondeterministic_module_is_rejected() -> None:
    class Noisy(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image + torch.rand_like(image)

    with pytest.raises(ParityError, match="output 'score' differs by"):
        torch_graph(Noisy(), inputs={"image": (1, 3, 8, 8)}, outputs=["score"])


def test_conflicting_options_are_rejected(tmp_path: Path) -> None:
    for words, complaint in (
        (
            ["export", "edgetrack-256", "--int8", "--weights", "a.pt"],
            "--weights has no effect: it applies to other trackers",
        ),
        (["export", "nanotrack-v2"], "give --weights FILE"),
        (["export", "nanotrack-v2", "--weights", "none.onnx"], "none.onnx do not exist"),
    ):
        result = CliRunner().invoke(app, [*words, "--output", str(tmp_path / "out")])
        assert result.exit_code == 2
        assert complaint in " ".join(result.output.split())
