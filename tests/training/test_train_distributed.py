"""The documented command for several processes: two of them, on the CPU, connected by gloo."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("cv2")

from training_run import ENVIRONMENT, prepare  # noqa: E402

from edgetrack.training import checkpoint  # noqa: E402


def train(folder: Path, *launcher: str) -> str:
    """Train in one or several subprocesses; return the output."""
    done = subprocess.run(
        [sys.executable, *launcher, "-m", "edgetrack", "train", "tiny.toml"],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.mark.nightly
def test_processes_stay_equal_when_one_unfreezes_a_stage(tmp_path: Path) -> None:
    """The first process decides for both, and gradients of unfrozen parameters are averaged."""
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    done = subprocess.run(
        [sys.executable, *launcher, Path(__file__).parents[1] / "support" / "thawing_rank.py", tmp_path],
        env=ENVIRONMENT,
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


@pytest.mark.nightly
def test_two_processes_train_as_one(tmp_path: Path) -> None:
    """The second process draws other samples, so the averaged gradients differ from those of the first one alone."""
    prepare(tmp_path)
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
