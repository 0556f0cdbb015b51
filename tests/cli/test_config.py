"""The file of --config: what it may contain, and the errors for one that is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import fakes
import pytest
import typer
from typer.testing import CliRunner

from edgetrack.cli import app

FAKE = [sys.executable, str(Path(fakes.__file__).resolve())]
STREET = 'source = "test://street"\n'


def run(text: str, folder: Path, *words: str) -> tuple[int, str]:
    """Return the exit code and the messages of a run with a fake tracker, in the folder of the file."""
    (folder / "site.toml").write_text(text)
    ran = subprocess.run(
        [*FAKE, "run", "--config", "site.toml", *words],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
    )
    return ran.returncode, " ".join((ran.stdout + ran.stderr).split())


def refused(text: str, folder: Path, *words: str) -> str:
    """Return the error message for a file that is wrong."""
    path = folder / "site.toml"
    path.write_text(text)
    result = CliRunner().invoke(app, ["run", "--config", str(path), *words])
    said = " ".join(result.output.split())
    assert result.exit_code == 2, said
    return said.replace(f"{folder}/", "")


def names(folder: Path, file: str) -> list[str | None]:
    lines = (folder / file).read_text().splitlines()
    return [json.loads(line).get("name") for line in lines]


def test_config_may_describe_a_whole_run(tmp_path: Path) -> None:
    text = (
        STREET
        + 'text = "red car"\nmax-frames = 5\noutput = ["a.jsonl", "b.csv"]\nmask = false\ndeadline-ms = 50\n'
    )
    code, said = run(text, tmp_path)
    assert code == 0, said
    assert names(tmp_path, "a.jsonl") == [None] * 5
    assert (tmp_path / "b.csv").read_text().count("\n") == 6


def test_command_line_overrides_the_config(tmp_path: Path) -> None:
    text = STREET + 'text = ["red car", "dog"]\nmax-frames = 5\noutput = "a.jsonl"\n'
    code, said = run(text, tmp_path, "--max-frames", "2", "--text", "cat", "--output", "b.jsonl")
    assert code == 0, said
    assert names(tmp_path, "b.jsonl") == [None] * 2
    assert not (tmp_path / "a.jsonl").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('\ntransprot = "udp"', "line 2: 'transprot' is unknown; expected transport"),
        ("max_frames = 5", "line 1: 'max_frames' is unknown; expected max-frames"),
        ("xyzzy = 5", "line 1: 'xyzzy' is unknown; expected one of camera, source, text,"),
        ('config = "other.toml"', "line 1: 'config' is unknown"),
        ('[source]\nname = "a.mp4"', "line 1: source is {'name': 'a.mp4'}; expected a string such as"),
        ("# a comment\nmax-frames = true", "line 2: max-frames is True; expected a whole number"),
        ("max-frames = 0", "line 1: max-frames: "),
        ("text = []", 'line 1: text is []; expected a string such as "a", or several: ["a", "b"]'),
        ('strict = "yes"', "line 1: strict is 'yes'; expected true or false"),
        ('deadline-ms = "5"', "line 1: deadline-ms is '5'; expected a number"),
        ('source = ""', "line 1: source is ''; expected a string such as"),
        ('model = ""', "line 1: model is ''; expected a string in quotes"),
        ('on-ambiguous = "ask"', "'ask' is not one of 'best', 'wait'"),
        ('\n\nengine = "fast"', "line 3: engine is 'fast'; expected one of auto, ort,"),
        ('precision = "fp64"', "line 1: precision is 'fp64'; expected one of auto, fp32,"),
        ('transport = "sctp"', "line 1: transport is 'sctp'; expected one of tcp, udp"),
        ('format = "yuv"', "line 1: format is 'yuv'; expected one of bgr24,"),
        ('size = "big"', "line 1: size is 'big'; expected WIDTHxHEIGHT"),
        ('box = "1,2,3"', "line 1: box [1.0, 2.0, 3.0] is not four numbers"),
        ("threads = 100000", "line 1: --threads is 100000; expected at most"),
        ("", "has no effect: it is empty"),
        ("text = red car", "is not TOML: "),
    ],
)
def test_wrong_config_is_rejected_with_its_line(text: str, expected: str, tmp_path: Path) -> None:
    said = refused(text, tmp_path)
    assert said.startswith("error: config site.toml")
    assert expected in said


def test_key_without_an_effect_is_rejected_with_its_line(tmp_path: Path) -> None:
    said = refused(STREET + 'text = "car"\nmax = 3\n', tmp_path)
    assert said == "error: config site.toml, line 3: max has no effect: --every is not given; leave it out"
    said = refused(STREET + 'text = "car"\n', tmp_path, "--max", "3")
    assert said == "error: --max has no effect: --every is not given; leave it out"


def test_missing_config_is_an_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["run", "--config", str(tmp_path / "none.toml")])
    assert result.exit_code == 2
    assert "cannot be read: [Errno 2]" in result.output


def test_every_option_can_be_set_in_the_config(tmp_path: Path) -> None:
    """A value of an invalid type causes a type error, not that of an unknown key."""
    command = typer.main.get_command(app).commands["run"]  # type: ignore[attr-defined]
    keys = {max(option.opts, key=len).lstrip("-") for option in command.params} - {"config", "help"}
    assert len(keys) > 25
    for key in sorted(keys):
        assert f"line 1: {key} is datetime.date(2026, 1, 1); expected " in refused(
            f"{key} = 2026-01-01", tmp_path
        )
