"""No number of threads or processes exceeds the cores that this process may use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from edgetrack import cores
from edgetrack.cli import app
from edgetrack.cli.options import Threads
from edgetrack.errors import ConfigError

HERE = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text + "\n")


@pytest.mark.parametrize(
    ("own", "groups", "limit"),
    [
        ("0::/a/b", {"a/b": {"cpu__max": "max 100000"}, "a": {"cpu__max": "100000 100000"}}, 1),
        ("0::/a", {"a": {"cpu__max": "50000 100000"}}, 1),  # half a core is one thread
        ("0::/a", {"a": {"cpu__max": "max 100000"}}, HERE),
        ("0::/not/there", {".": {"cpu__max": "100000 100000"}}, 1),  # as a container sees its own
        ("4:cpu,cpuacct:/a", {"cpu,cpuacct/a": {"cpu__cfs_quota_us": "100000", "cpu__cfs_period_us": "100000"}}, 1),
        ("4:cpu:/a", {"cpu/a": {"cpu__cfs_quota_us": "-1", "cpu__cfs_period_us": "100000"}}, HERE),
        ("4:cpuset:/a", {"cpuset/a": {"cpu__max": "100000 100000"}}, HERE),
        ("0::/a", {"a": {"cpu__max": "many"}}, HERE),
        ("nonsense", {}, HERE),
    ],
)  # fmt: skip
def test_limit_of_a_container_counts(
    tmp_path: Path, own: str, groups: dict[str, dict[str, str]], limit: int
) -> None:
    (tmp_path / "own").write_text(f"9:memory:/x\n{own}\n")
    for name, files in groups.items():
        group(tmp_path / "fs" / name, **files)
    assert cores.usable(cgroups=tmp_path / "fs", own=tmp_path / "own") == limit


def test_missing_control_groups_mean_no_limit(tmp_path: Path) -> None:
    assert cores.usable(cgroups=tmp_path, own=tmp_path / "none") == HERE


def test_requested_number_is_used_or_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "usable", lambda: 3)
    assert [cores.checked(value) for value in (None, 1, 3, np.int64(2))] == [2, 1, 3, 2]
    with pytest.raises(ConfigError, match="--workers is 4; expected at most 3, the number of cores"):
        cores.checked(4, "--workers")
    for value in (0, -1, True, 1.0, "2", float("nan"), [1]):
        with pytest.raises(ConfigError, match=r"^threads is .*; expected a whole number of at least 1"):
            cores.checked(value)
    monkeypatch.setattr(cores, "usable", lambda: 1)
    assert cores.checked(None) == 1
    with pytest.raises(ConfigError, match="at most 1"):
        cores.checked(2)


ONE_CORE = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from edgetrack import Tracker, ConfigError
print(Tracker("edgetrack-160").engine.info)
try:
    Tracker("edgetrack-160", threads=2)
except ConfigError as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_default_on_one_core_is_one_thread() -> None:
    done = subprocess.run([sys.executable, "-c", ONE_CORE], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert "1 thread" in first
    assert second == "threads is 2; expected at most 1, the number of cores that this process may use"


@pytest.mark.parametrize(
    "words",
    [
        ["run", "-s", "x.mp4", "-t", "red car", "--threads", "5000"],
        ["demo", "--threads", "5000"],
        ["bench", "--threads", "5000"],
        ["bench", "--compare", "threads=5000"],
        ["replay", "x.mcap", "--threads", "5000"],
        ["export", "edgetrack-256", "--int8", "-o", "out", "--threads", "5000"],
        ["eval", "otb", ".", "-o", "out", "--threads", "5000"],
        ["eval", "otb", ".", "-o", "out", "--workers", "5000"],
    ],
)
def test_each_command_rejects_more_in_one_line(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, words)
    said = result.output + capfd.readouterr().err
    assert result.exit_code == 2, said
    assert f"expected at most {cores.usable()}, the number of cores" in " ".join(said.split())
    assert not list(tmp_path.iterdir())


def test_default_of_a_command_is_limited_to_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "usable", lambda: 1)
    small = typer.Typer()

    @small.command()
    def show(threads: Threads = 2) -> None:
        typer.echo(f"threads {threads}")

    assert CliRunner().invoke(small, []).output == "threads 1\n"
    assert CliRunner().invoke(small, ["--threads", "1"]).output == "threads 1\n"
    assert isinstance(CliRunner().invoke(small, ["--threads", "2"]).exception, ConfigError)
