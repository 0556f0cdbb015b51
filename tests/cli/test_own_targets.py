"""Tables ``[cameras.NAME]`` of the config file: targets, boxes, zones and sources of single cameras."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from camera_runs import FAKE, PLACE, altered, frames_in, read, running, until
from typer.testing import CliRunner
from written_videos import write_video

from edgetrack.cli import app

pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
TWO = 'source = ["gate=in.mp4", "yard=in.mp4"]\n'
TELLS = """
    def set_text(self, text):
        print("set_text", text, flush=True)
"""
ZONES = 'units = "relative"\n[[zone]]\nname = "all"\npoints = [[0, 0], [1, 0], [1, 1], [0, 1]]\n'


def ran(folder: Path, content: str, *words: str, code: int = 0) -> str:
    """Return what a run with a fake tracker reports."""
    write_video(folder / "in.mp4", 60)
    (folder / "site.toml").write_text(content)
    command = [*FAKE, "--config", "site.toml", "--max-frames", "12", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr
    return " ".join((done.stdout + done.stderr).split())


def test_a_table_replaces_the_texts_of_its_camera_only(tmp_path: Path) -> None:
    said = ran(tmp_path, f'{TWO}text = "red car"\noutput = "all.jsonl"\n[cameras.yard]\ntext = "white van"\n')
    assert 'target gate: "red car" target yard: "white van"' in said
    lines = read(tmp_path / "all.jsonl")
    assert len(lines) == 24
    assert all("name" not in line for line in lines)  # one target each, as the camera says
    events = ran(tmp_path, (tmp_path / "site.toml").read_text(), "--log-format", "json")
    assert '"camera": "gate", "source": "in.mp4"' in events
    assert '"targets": [{"text": "white van", "box": null}]' in events.partition('"camera": "yard"')[2]


def test_a_camera_with_several_targets_or_zones_has_them_alone(tmp_path: Path) -> None:
    """With the shipped model; then all lines have the names of their targets."""
    write_video(tmp_path / "in.mp4", 60)
    (tmp_path / "yard.toml").write_text(ZONES)
    own = '[cameras.gate]\ntext = "white van"\n[cameras.yard]\ntext = []\nevery = "person"\nmax = 3\n'
    own += 'zones = "yard.toml"\n[cameras.door]\nbox = "10,10,30,30"\nzones = "yard.toml"\n'
    sources = 'source = ["gate=in.mp4", "yard=in.mp4", "door=in.mp4"]\n'
    shared = 'text = "red car"\nthreads = 1\nmax-frames = 3\noutput = ["all.jsonl", "{camera}.mp4"]\n'
    (tmp_path / "site.toml").write_text(sources + shared + own)
    words = [sys.executable, "-m", "edgetrack", "run", "--config", "site.toml"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    said = " ".join(done.stdout.split())
    assert 'target gate: "white van" every yard: "person" target door: "red car" at box 10,10,30,30' in said
    lines = read(tmp_path / "all.jsonl")
    named = {(line["camera"], line["name"]) for line in lines if "status" in line}
    assert named - {("yard", "person")} == {("gate", "white van"), ("door", "red car")}
    assert {line["camera"] for line in lines if line.get("zone") == "all"} >= {"door"}
    assert "gate" not in {line["camera"] for line in lines if "event" in line and "zone" in line}
    assert [frames_in(tmp_path / f"{name}.mp4") for name in ("gate", "yard", "door")] == [3] * 3


def test_sources_may_be_in_the_tables(tmp_path: Path) -> None:
    both = '[cameras.gate]\nsource = "in.mp4"\n[cameras.yard]\nsource = "in.mp4"\n'
    ran(tmp_path, f'text = "red car"\noutput = "all.jsonl"\n{both}')
    assert [len(read(tmp_path / "all.jsonl", name)) for name in ("gate", "yard")] == [12, 12]
    ran(tmp_path, f'text = "red car"\noutput = "one.jsonl"\n{both}', "--source", "yard=in.mp4")
    assert {line["camera"] for line in read(tmp_path / "one.jsonl")} == {"yard"}


def test_a_box_in_a_table_is_in_the_first_frame_of_its_camera(tmp_path: Path) -> None:
    calls = """
    def start(self, frame, **target):
        print("start", frame.index, target["text"], target["box"] and target["box"].xywh, flush=True)
        return super().start(frame, **target)
"""
    write_video(tmp_path / "in.mp4", 60)
    own = '[cameras.yard]\ntext = []\nbox = "10,20,30,40"\n'
    (tmp_path / "site.toml").write_text(f'{TWO}text = "red car"\nrealtime = true\nmax-frames = 5\n{own}')
    done = subprocess.run(
        [*altered(calls), "--config", "site.toml"],
        cwd=tmp_path,
        env=os.environ | PLACE,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    starts = sorted(
        line.split(maxsplit=2)[2] for line in done.stdout.splitlines() if line.startswith("start")
    )
    assert starts == ["None (10.0, 20.0, 30.0, 40.0)", "red car None"]
    assert "start 0 None" in done.stdout


def test_the_command_line_replaces_the_texts_of_all_tables(tmp_path: Path) -> None:
    own = '[cameras.gate]\ntext = "dog"\n[cameras.yard]\ntext = "white van"\n'
    said = ran(tmp_path, f"{TWO}{own}", "--text", "red car")
    assert said.count("target") == 1
    assert 'target "red car"' in said


def test_a_reload_changes_the_text_of_the_right_camera(tmp_path: Path) -> None:
    site, log, lines = tmp_path / "site.toml", tmp_path / "log", tmp_path / "all.jsonl"
    head = 'source = ["gate=test://street", "yard=test://street"]\ntext = "red car"\noutput = "all.jsonl"\n'

    def become(content: str, said: str) -> None:
        site.write_text(head + content)
        process.send_signal(signal.SIGHUP)
        until(lambda: said in log.read_text(), process)

    site.write_text(head)
    with running(tmp_path, "--config", "site.toml", command=altered(TELLS)) as process:
        until(lambda: min(len(read(lines, name)) for name in ("gate", "yard")) > 3, process)
        become('[cameras.yard]\ntext = "white van"\n', "set_text white van")
        become('[cameras.yrad]\ntext = "bus"\n', "no source has the name 'yrad'")
        become('[cameras.yard]\ntext = "dog"\nzones = "z.toml"\n', "cameras.yard.zones has changed; restart")
        become('[cameras.yard]\ntext = ["dog", "cat"]\n', "there are now several targets")
        become("", 'target  "red car"')
        until(lambda: "set_text red car" in log.read_text(), process)
    said = log.read_text()
    assert [line for line in said.splitlines() if "set_text" in line] == [
        "set_text white van",
        "set_text dog",
        "set_text red car",
    ]
    assert "  target  yard: white van" not in said
    assert '  target  yard: "white van"' in said
    assert (
        "config site.toml, line 4: cameras.yrad: no source has the name 'yrad'; expected one of gate, yard"
        in said
    )
    assert "config site.toml, line 5: cameras.yard.text: there are now several targets" in said
    assert said.count("the run continues unchanged") == 2


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ('[cameras.yrad]\ntext = "dog"', "line 3: cameras.yrad: no source has the name 'yrad'; expected one"),
        ('[cameras.yard]\ntxet = "dog"', "line 4: 'txet' is unknown; expected text"),
        ('[cameras.yard]\n\noutput = "a.jsonl"', "line 5: 'output' is an option of the whole run; move it up"),
        ("[cameras.yard]\ntext = 5", "line 4: cameras.yard.text is 5; expected a string such as"),
        ("[cameras.yard]\nmax = 3", "line 4: cameras.yard.max has no effect: the camera has no every"),
        ('[cameras.yard]\nevery = "dog"\nmax = 99', "line 5: cameras.yard.max: "),
        ("[cameras.yard]\nevery = []", "line 4: cameras.yard.every has no effect: there is no every for all cameras"),
        ("[cameras.yard]\ntext = []", "line 4: cameras.yard.text: nothing to track"),
        ('[cameras.yard]\nbox = "1,2,3"', "line 4: box [1.0, 2.0, 3.0] is not four numbers"),
        ('[cameras.yard]\nbox = ["1,2,3,4", "5,6,7,8"]', "line 4: cameras.yard.box: 1 --text and 2 --box are given"),
        ('[cameras.yard]\nsource = "b.mp4"', "the camera 'yard' has a source in the list and one in its table"),
        ("[cameras.yard]", "line 3: cameras.yard is empty; expected a table such as: [cameras.gate]"),
        ('[cameras."a b"]\ntext = "dog"', "line 3: 'a b' is not a name of a camera; expected letters"),
        ('[camera.yard]\ntext = "dog"', "line 3: camera is a table; expected a table such as: [cameras.gate]"),
        ('[[cameras]]\ntext = "dog"', "line 3: cameras is [{'text': 'dog'}]; expected a table such as"),
        ('cameras.yard.txet = "dog"', "line 3: 'txet' is unknown"),
        ('[cameras]\nyard = { txet = "dog" }', "line 4: 'txet' is unknown"),
        (
            '[cameras.gate]\ntext = "dog"\n[cameras.yard]\ntext = "dog"',
            "line 2: text has no effect: each camera has its own; leave it out",
        ),
        ('[cameras.yard]\nzones = "none.toml"', "line 4: cameras.yard.zones: zones none.toml cannot be read"),
        ('[cameras.10.0.0.7]\ntext = "dog"', "line 3: cameras.10.0 is a table; expected quotes around a name"),
        ('[cameras."10.0.0.7"]\ntext = "dog"', "line 3: cameras.10.0.0.7: no source has the name '10.0.0.7'"),
        ("[cameras.yard]\nbox = []", "line 4: cameras.yard.box is []; expected a string such as"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_an_error_with_its_line(
    table: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site.toml").write_text(f'{TWO}text = "red car"\n{table}\n')
    done = CliRunner().invoke(app, ["run", "--config", "site.toml"])
    assert done.exit_code == 2
    assert done.output.startswith("error: ")
    assert expected in done.output
    assert done.output.count("\n") == 1


def test_a_table_without_a_named_source_says_how_to_name_it(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text('source = "in.mp4"\n[cameras.gate]\ntext = "dog"\n')
    done = CliRunner().invoke(app, ["run", "--config", str(site)])
    assert (
        "line 2: cameras.gate: no source has the name 'gate'; name one as in: source = 'gate=SOURCE'"
        in done.output
    )


def test_zones_of_a_camera_are_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "zones.csv").write_text(ZONES)
    own = '[cameras.yard]\nzones = "zones.csv"\n'
    (tmp_path / "site.toml").write_text(f'{TWO}text = "red car"\noutput = "zones.csv"\n{own}')
    done = CliRunner().invoke(app, ["run", "--config", "site.toml"])
    assert "output zones.csv would overwrite zones.csv" in done.output
    assert (tmp_path / "zones.csv").read_text() == ZONES
