"""The file of --config, reloaded during a run: what changes at once, what needs a new run, and errors."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import fakes
import pytest
import typer
from fake_engine import FakeEngine
from red_scene import FakeTokenizer
from runs import wait_for_lines

from edgetrack.cli import app
from edgetrack.cli.reload import Reload, change_many, change_one
from edgetrack.cli.wanted import Wanted
from edgetrack.multi_tracker import MultiTracker

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGHUP")
FAKE = [sys.executable, str(Path(fakes.__file__).resolve())]
STREET = 'source = "test://street"\n'


class Site:
    """The config of a run, and the object that applies its changes."""

    def __init__(self, path: Path, content: str, *words: str) -> None:
        self._path = path
        path.write_text(STREET + content)
        command = typer.main.get_command(app).commands["run"]  # type: ignore[attr-defined]
        context = command.make_context("run", ["--config", str(path), *words])
        given = context.params
        wanted = Wanted.of(given["text"] or [], given["box"] or [], given["every"] or [], given["max"], None)
        self._reload = Reload(context, path, {None: wanted})

    def becomes(self, content: str, change: Any) -> None:
        self._path.write_text(content)
        assert self._reload.on_hangup is not None
        self._reload.on_hangup()
        self._reload.between_frames(change)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Any:
    def read() -> str:
        out, err = capsys.readouterr()
        return " ".join((out + err).split())

    return read


def test_reloaded_text_is_followed_and_a_broken_config_changes_nothing(tmp_path: Path) -> None:
    site, lines = tmp_path / "site.toml", tmp_path / "a.jsonl"
    site.write_text(f'{STREET}text = "red car"\noutput = "a.jsonl"\n')
    process = subprocess.Popen(
        [*FAKE, "run", "--config", "site.toml"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for_lines(lines, 3, process)
    for content in (
        f'{STREET}txet = "dog"\n',
        f'{STREET}text = "white van"\nmax-frames = 9\noutput = "a.jsonl"\n',
    ):
        site.write_text(content)
        process.send_signal(signal.SIGHUP)
        wait_for_lines(lines, lines.read_text().count("\n") + 3, process)
    process.send_signal(signal.SIGTERM)
    out = " ".join(process.communicate(timeout=30)[0].split())
    assert process.returncode == 130
    assert "line 2: 'txet' is unknown; expected text; the run continues unchanged" in out
    assert "line 3: max-frames has changed; restart the run to apply it" in out
    assert 'target "white van"' in out


def test_single_target_gets_another_text(tmp_path: Path, said: Any) -> None:
    tracker: Any = fakes.FakeTracker()
    site = Site(tmp_path / "s.toml", 'text = "red car"\n')
    site.becomes(STREET + 'text = "red car"\n', change_one(tracker))
    assert tracker.calls == []
    site.becomes(STREET + 'text = "dog"\n', change_one(tracker))
    site.becomes(STREET + 'text = ["dog", "cat"]\n', change_one(tracker))
    assert tracker.calls == [("set_text", "dog", None)]
    assert "line 2: text: there are now several targets, but the run was started with one" in said()


def test_command_line_still_overrides_the_reloaded_config(tmp_path: Path, said: Any) -> None:
    tracker: Any = fakes.FakeTracker()
    site = Site(
        tmp_path / "s.toml", 'text = "red car"\nmax-frames = 5\n', "--text", "dog", "--max-frames", "9"
    )
    site.becomes(STREET + 'text = "white van"\nmax-frames = 6\n', change_one(tracker))
    assert tracker.calls == []
    assert said() == 'target "dog"'


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> MultiTracker:
    monkeypatch.setattr("edgetrack.words.Tokenizer", FakeTokenizer)
    tracker = MultiTracker(engine=FakeEngine())
    for text in ("car", "dog"):
        tracker.add(text)
    return tracker


def test_target_becomes_a_query_and_a_query_becomes_a_target(
    many: MultiTracker, tmp_path: Path, said: Any
) -> None:
    many.every("bus")
    site = Site(tmp_path / "s.toml", 'text = ["car", "dog"]\nevery = "bus"\n')
    site.becomes(STREET + 'text = ["dog", "bus"]\nevery = ["car"]\n', change_many(many))
    assert "unchanged" not in said()
    assert (set(many.names), set(many.queries)) == ({"dog", "bus"}, {"car"})


def test_adding_and_removing_targets_leaves_the_others_unchanged(
    many: MultiTracker, tmp_path: Path, said: Any
) -> None:
    many.every("bus")
    site = Site(tmp_path / "s.toml", 'text = ["car", "dog"]\nevery = "bus"\n')
    dog = many._histories["dog"].id
    site.becomes(STREET + 'text = ["dog", "cat"]\nevery = ["van"]\n', change_many(many))
    assert (set(many.names), set(many.queries)) == ({"dog", "cat"}, {"van"})
    assert many._histories["dog"].id == dog
    assert said() == 'target "dog" target "cat" every "van"'


def test_rejected_text_undoes_the_other_changes(many: MultiTracker, tmp_path: Path, said: Any) -> None:
    site = Site(tmp_path / "s.toml", 'text = ["car", "dog"]\n')
    for wrong in (
        'text = ["ant", "dog", " "]\n',
        'text = ["dog", "dog"]\n',
        "every = 5\n",
        "max-frames = 2\n",
    ):
        site.becomes(STREET + wrong, change_many(many))
        assert said().endswith("; the run continues unchanged")
        assert many.names == ("car", "dog")


def test_boxes_apply_to_the_first_frame_only(tmp_path: Path, said: Any) -> None:
    tracker: Any = fakes.FakeTracker()
    boxed = Site(tmp_path / "s.toml", 'text = "car"\nbox = "1,2,30,20"\n')
    boxed.becomes(STREET + 'text = "dog"\nbox = "1,2,30,20"\n', change_one(tracker))
    assert tracker.calls == [("set_text", "dog", None)]
    boxed.becomes(STREET + 'box = "1,2,30,20"\n', change_one(tracker))
    assert "a box without a text refers to the first frame; restart the run" in said()
