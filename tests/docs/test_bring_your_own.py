"""The commands of docs/bring_your_own.md, on small checkpoints with the tensor names of the published ones."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import trees
from declared_detectors import WAYS, write
from published_weights import (
    make_folder,
    small_tokenizer,
    write_small_sdstrack,
    write_small_sutrack,
    write_small_uvltrack,
)
from tiny_dino import write_dino_folder
from tiny_owl import write_tiny_owl
from typer.testing import CliRunner

import edgetrack
from edgetrack.cli import app
from edgetrack.peers.pairs import depth_picture

cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
pytest.importorskip("torch", reason="needs torch: pip install 'edgetrack[export]'")
pytest.importorskip("onnxscript", reason="needs onnxscript: pip install 'edgetrack[export]'")


def commands(page: Path, heading: str) -> list[list[str]]:
    """Return the commands below a heading, as lists of words."""
    section = page.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    (block,) = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)
    return [shlex.split(line) for line in block.splitlines()]


def write_drive(folder: Path) -> None:
    """Write drive.mp4, and SEQUENCES with the same video and its boxes."""
    rows, writer = [], cv2.VideoWriter(str(folder / "a.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (320, 200))
    for index in range(6):
        frame = np.random.default_rng(0).integers(0, 256, (200, 320, 3)).astype(np.uint8)
        frame[80:128, 120 + 2 * index : 184 + 2 * index] = (30, 60, 240)
        rows.append(f"{120 + 2 * index},80,64,48")
        writer.write(frame)
    writer.release()
    sequences = folder / "SEQUENCES"
    sequences.mkdir()
    (sequences / "a.mp4").write_bytes((folder / "a.avi").read_bytes())  # what is inside decides
    (folder / "a.avi").rename(folder / "drive.mp4")
    (sequences / "a.txt").write_text("\n".join(rows))
    (sequences / "sequences.json").write_text(json.dumps([{"name": "a", "text": "red car"}]))


def follow(lines: list[list[str]]) -> None:
    """Run commands in this process."""
    for words in lines:
        result = CliRunner().invoke(app, words[1:])
        over = words[1] == "bench" and "OVER" in result.output  # this process has torch in its memory
        assert result.exit_code == (1 if over else 0), result.output


@pytest.fixture
def pages(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the page; its commands run in a folder with a video."""
    monkeypatch.chdir(tmp_path)
    write_drive(tmp_path)
    return repository / "docs/bring_your_own.md"


@pytest.mark.nightly
def test_from_a_checkpoint_to_tracks(pages: Path, tmp_path: Path) -> None:
    write_small_uvltrack(tmp_path)
    lines = commands(pages, "UVLTrack")
    assert [words[1] for words in lines] == ["export", "run", "run", "bench", "eval"]
    follow(lines)
    tracks = [json.loads(line) for line in (tmp_path / "tracks.jsonl").read_text().splitlines()]
    assert [row["status"] for row in tracks] == ["tracking"] * 6
    both = [json.loads(line) for line in (tmp_path / "both.jsonl").read_text().splitlines()]
    assert both[0]["box"] == [120, 80, 64, 48]
    assert both[1]["box"] != tracks[1]["box"]
    (report,) = tmp_path.rglob("report.md")
    assert "uvltrack 0.1.0" in report.read_text()
    with edgetrack.open_tracker("uvltrack") as tracker:
        frame = np.zeros((200, 320, 3), np.uint8)
        assert tracker.start(frame, text="red car").box is not None


@pytest.mark.nightly
def test_from_a_recipe_to_tracks(pages: Path, tmp_path: Path, repository: Path) -> None:
    """The recipe that ships, with small data, a small network and two steps."""
    (tmp_path / "data").mkdir()
    for path in write_small_uvltrack(tmp_path):
        shutil.copyfile(path, tmp_path / "data" / path.name)
    trees.lasot(tmp_path / "data/LaSOT", names=tuple(f"car-{i}" for i in range(1, 25)))
    trees.refcoco(tmp_path / "data/RefCOCO")
    recipe = (repository / "edgetrack/training/recipes/litetrack.toml").read_text()
    head, *tables = recipe.split("[[datasets]]")
    tables = [f"[[datasets]]{table}" for table in tables if '"lasot"' in table or '"refcoco"' in table]
    head = head.replace("steps = 300_000", "steps = 2\nheld_out = 0.5\nfrozen_blocks = 2\nleast_frozen = 1")
    head = head.replace("batch = 8", "batch = 2").replace("workers = 8", "workers = 1")
    size = "width = 64, depth = 4, text_layers = 2, text_hidden = 128, vocabulary = 200, template = 4, search = 8"
    (tmp_path / "litetrack.toml").write_text(f"{head}size = {{ {size}, head = 32 }}\n" + "".join(tables))
    lines = commands(pages, "LiteTrack")
    assert [words[1] for words in lines] == ["train", "export", "run", "bench", "eval"]
    follow(lines)
    tracks = [json.loads(line) for line in (tmp_path / "lite.jsonl").read_text().splitlines()]
    assert [row["status"] for row in tracks] == ["tracking"] * 6
    (report,) = tmp_path.rglob("report.md")
    assert "litetrack 0.1.0" in report.read_text()


def test_from_a_folder_of_the_hub_to_tracks(pages: Path, tmp_path: Path) -> None:
    transformers = pytest.importorskip(
        "transformers", reason="needs transformers: pip install 'edgetrack[hf]'"
    )
    make_folder(transformers, "owlv2", tmp_path / "owlv2-base")
    lines = commands(pages, "OWLv2 and OWL-ViT")
    assert [words[1] for words in lines] == ["export", "run", "bench", "eval"]
    follow(lines)
    found = [json.loads(line) for line in (tmp_path / "found.jsonl").read_text().splitlines()]
    assert len(found) == 6
    (report,) = tmp_path.rglob("report.md")
    assert "owlv2 0.1.0" in report.read_text()


@pytest.mark.nightly
def test_from_grounding_dino_to_tracks(pages: Path, tmp_path: Path) -> None:
    transformers = pytest.importorskip(
        "transformers", minversion="5", reason="needs transformers 5: pip install -U transformers"
    )
    write_dino_folder(transformers, tmp_path / "grounding-dino-tiny")
    lines = commands(pages, "Grounding DINO")
    assert [words[1] for words in lines] == ["export", "run", "run"]
    follow(lines)
    for name in ("followed", "found"):
        assert len((tmp_path / f"{name}.jsonl").read_text().splitlines()) == 6


def test_a_detector_finds_for_the_tracker(pages: Path, tmp_path: Path) -> None:
    pytest.importorskip("tokenizers", reason="needs tokenizers: pip install 'edgetrack[hf]'")
    write_tiny_owl(tmp_path / "owlv2")
    lines = commands(pages, "A large detector as a grounder")
    assert ["--grounder" in words for words in lines] == [True]
    follow(lines)
    rows = [json.loads(line) for line in (tmp_path / "followed.jsonl").read_text().splitlines()]
    assert len(rows) == 6


def test_a_detector_in_an_onnx_file_finds(pages: Path, tmp_path: Path) -> None:
    write(tmp_path, WAYS[0][1], "")
    (tmp_path / "a.onnx").rename(tmp_path / "helmets.onnx")
    (declaration,) = re.findall(r"```toml\n(model.*?)```", pages.read_text(), re.DOTALL)
    (tmp_path / "helmets.toml").write_text(declaration)
    follow(commands(pages, "A detector in an ONNX file"))
    rows = [json.loads(line) for line in (tmp_path / "helmets.jsonl").read_text().splitlines()]
    assert rows[0]["status"] == "tracking"
    assert rows[0]["box"] == pytest.approx([60, 0, 40, 40], abs=0.1)


@pytest.mark.nightly
def test_from_a_checkpoint_to_pairs(pages: Path, tmp_path: Path) -> None:
    write_small_sdstrack(tmp_path).rename(tmp_path / "SDSTrack_ep0040.pth.tar")
    follow(commands(pages, "SDSTrack"))
    depth = np.random.default_rng(0).integers(300, 9000, (200, 320)).astype(np.uint16)
    with edgetrack.open_tracker("sdstrack") as tracker:
        frame, x = np.zeros((200, 320, 3), np.uint8), depth_picture(depth)
        assert tracker.start(frame, x=x, box=(120, 80, 64, 48)).index == 0
        assert tracker.update(frame, x=x).box is not None
    result = CliRunner().invoke(
        app, ["run", "--model", "sdstrack", "--source", "drive.mp4", "--box", "9,9,30,30"]
    )
    assert result.exit_code == 2
    assert "tracks in pairs of images" in " ".join(result.output.split())


@pytest.mark.nightly
def test_from_a_checkpoint_to_tracks_with_and_without_a_sentence(pages: Path, tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="needs tokenizers: pip install 'edgetrack[hf]'")
    write_small_sutrack(tmp_path)
    (tmp_path / "tokenizer.json").write_text(small_tokenizer(tokenizers))
    lines = commands(pages, "SUTrack")
    assert [words[1] for words in lines] == ["export", "run", "bench", "eval", "export", "run"]
    follow(lines)
    boxes = [
        [json.loads(line)["box"] for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()]
        for name in ("color", "described")
    ]
    assert boxes[0][0] == boxes[1][0] == [120, 80, 64, 48]
    assert boxes[0][1] != boxes[1][1]
    (report,) = tmp_path.rglob("report.md")
    assert "sutrack 0.1.0" in report.read_text()
