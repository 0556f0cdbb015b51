"""The documented command for several processes: two of them, on the CPU, joined by gloo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("cv2")

import trees  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

import edgetrack  # noqa: E402
from edgetrack.network.network import EdgetrackNet  # noqa: E402
from edgetrack.network.text import CHECKPOINT, TOKENIZER, MiniLM  # noqa: E402
from edgetrack.training import checkpoint  # noqa: E402

RECIPE = """
name = "tiny"
data = ""
teachers = ""
text = "text"
output = "run"
initial = "initial.pt"
steps = 2
held_out = 0.15
search_side = 96
tracking_batch = 2
grounding_batch = 1
warmup_steps = 1
validate_steps = 2

[[datasets]]
name = "lasot"
path = "LaSOT"
split = "train"

[[datasets]]
name = "refcoco"
path = "RefCOCO"
split = "train"
weight = 0.5
"""


def random_text_encoder(folder: Path) -> None:
    """The shipped vocabulary with weights of no meaning."""
    folder.mkdir()
    shipped = Path(edgetrack.__file__).parent / "models" / "edgetrack-256" / "tokenizer.json"
    (folder / TOKENIZER).write_bytes(shipped.read_bytes())
    rows = Tokenizer.from_file(str(shipped)).get_vocab_size()
    torch.save(MiniLM(rows).state_dict(), folder / CHECKPOINT)


def train(folder: Path, *launcher: str) -> str:
    """Trains in a process of its own, or in several; returns what it printed."""
    done = subprocess.run(
        [sys.executable, *launcher, "-m", "edgetrack", "train", "tiny.toml"],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    return done.stdout


def test_processes_stay_equal_when_one_thaws_a_stage(tmp_path: Path) -> None:
    """The first process decides for both, and the gradients of what has thawed are joined."""
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    done = subprocess.run(
        [sys.executable, *launcher, Path(__file__).with_name("thawing_rank.py"), tmp_path],
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert [(tmp_path / f"rank{rank}.txt").read_text() for rank in (0, 1)] == ["10", "10"]
    one, two = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in (0, 1))
    for name, value in one["live"].items():
        torch.testing.assert_close(two["live"][name], value, rtol=0, atol=1e-6, msg=name)
    thawed = "trunk.blocks.11.project.conv.weight"
    assert not torch.equal(one["begun"][thawed], one["live"][thawed])


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    """The second process draws other samples, so the joined gradients lead elsewhere than the first one's alone."""
    torch.manual_seed(0)
    random_text_encoder(tmp_path / "text")
    checkpoint.save(tmp_path / "initial.pt", {"model": EdgetrackNet().state_dict(), "config": {}})
    trees.lasot(tmp_path / "LaSOT", names=tuple(f"car-{i}" for i in range(1, 73)))
    trees.refcoco(tmp_path / "RefCOCO")
    (tmp_path / "tiny.toml").write_text(RECIPE)
    train(tmp_path)
    alone = checkpoint.load(tmp_path / "run" / "last.pt")
    (tmp_path / "run").rename(tmp_path / "alone")

    printed = train(tmp_path, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    joined = checkpoint.load(tmp_path / "run" / "last.pt")
    assert alone["step"] == joined["step"] == 2
    assert [entry["name"] for entry in joined["recipe"]["datasets"]] == ["lasot", "refcoco"]
    learned = [name for name in alone["live"] if name.endswith("conv.weight") and "trunk.blocks.15" in name]
    assert learned
    for name in learned:
        assert not torch.allclose(alone["live"][name], joined["live"][name], atol=1e-6)
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert lines, "the first process reports"
    assert printed.count("step 2/2") == len(lines), "and it alone"
