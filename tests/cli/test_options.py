"""An option without an effect is an error, in every command; each option is listed here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from edgetrack.cli import app

pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[int8]'")
pytest.importorskip("mcap", reason="needs mcap: pip install 'edgetrack[mcap]'")

# Options that always have an effect: they say what to read, what to write, or how.
ALWAYS = {
    "run": "camera source text box every zones output webhook mqtt publish rerun metrics clips show max_frames "
    "x threads "
    "precision model config log_format",
    "demo": "output text threads precision model",
    "unusual": "camera source state per_day report max_frames",
    "export": "model output int8 fp16 bf16 target force",
    "bench": "source text box frames rounds compare peer absent busy fps json threads precision model",
    "eval": "dataset path split mode sequences occlusion switch real_time corruption output html results workers "
    "ray resume tracker threads sensors failure",
    "replay": "recording against recorded min_iou allow picture json threads precision",
    "build": "graph precision model",
    "engines": "model",
    "parse": "text words model",
    "models": "",
    "cameras": "as_json",
    "align": "color x output pairs picture",
    "doctor": "as_json",
    "targets": "",
    "train": "recipe",
    "vot": "threads engine precision model",
    "watch": "camera source rule rules zones unusual check output clips webhook mqtt publish rerun metrics show "
    "max_frames deadline_ms words strict threads engine precision model config log_format",
    "dataset": "",
}
RUN = "run --source {video} --box 1,2,30,20"
WATCH = "watch --source {video} --rules {rules}"
EVAL = "eval folder {data} --output {out}"
# The others, each in a command line in which it has no effect.
IDLE = {
    "run": {
        "engine": RUN + " --model {adapter} --trust --engine ort",
        "static_check": RUN + " --model {adapter} --trust --static-check",
        "on_ambiguous": RUN + " --on-ambiguous wait",
        "words": RUN + " --words {out}",
        "strict": RUN + " --strict",
        "mask": "run --source {video} --every car --mask",
        "segmenter": RUN + " --segmenter {out}",
        "grounder": RUN + " --grounder edgetrack-160",
        "blur": RUN + " --blur target",
        "x_homography": RUN + " --x-homography {out}",
        "x_within_ms": RUN + " --x-within-ms 20",
        "x_range": RUN + " --x-range 6000,300",
        "deadline_ms": RUN + " --model {adapter} --trust --deadline-ms 8",
        "trust": RUN + " --trust",
        "max": RUN + " --max 4",
        "max_age_ms": RUN + " --max-age-ms 50",
        "transport": RUN + " --transport udp",
        "realtime": "run --camera 0 --box 1,2,30,20 --realtime",
        "give_up_s": RUN + " --give-up-s 3",
        "size": RUN + " --size 640x480",
        "pre_roll_s": RUN + " --pre-roll 2",
        "post_roll_s": RUN + " --post-roll 2",
        "clips_mb": RUN + " --clips-mb 100",
        "pixel_format": RUN + " --format gray8",
    },
    "watch": {
        "max": WATCH + " --max 4",
        "pre_roll_s": WATCH + " --pre-roll 2",
        "post_roll_s": WATCH + " --post-roll 2",
        "clips_mb": WATCH + " --clips-mb 100",
        "max_age_ms": WATCH + " --max-age-ms 50",
        "transport": WATCH + " --transport udp",
        "realtime": "watch --camera 0 --rules {rules} --realtime",
        "give_up_s": WATCH + " --give-up-s 3",
        "size": WATCH + " --size 640x480",
        "pixel_format": WATCH + " --format gray8",
        "per_day": WATCH + " --per-day 2",
    },
    "unusual": {
        "learn": "unusual --source {video} --no-learn",
        "transport": "unusual --source {video} --transport udp",
        "realtime": "unusual --camera 0 --realtime",
        "give_up_s": "unusual --source {video} --give-up-s 3",
        "size": "unusual --source {video} --size 640x480",
        "pixel_format": "unusual --source {video} --format gray8",
    },
    "demo": {
        "engine": "demo --model {adapter} --trust --engine ort --output {out}.mp4",
        "trust": "demo --trust --output {out}.mp4",
    },
    "export": {
        "calibration": "export edgetrack-256 --output {out} --calibration {video}",
        "text": "export edgetrack-256 --output {out} --text car",
        "box": "export edgetrack-256 --output {out} --box 1,2,30,20",
        "accept": "export nanotrack-v2 --weights a.onnx --output {out} --accept /nonexistent",
        "min_auc_ratio": "export edgetrack-256 --output {out} --min-auc-ratio 0.9",
        "threads": "export some.pt --output {out} --threads 2",
        "report": "export nanotrack-v2 --weights a.onnx --output {out} --report",
        "weights": "export edgetrack-256 --output {out} --int8 --weights a.onnx",
        "trust": "export edgetrack-256 --output {out} --int8 --trust",
        "text_encoder": "export edgetrack-256 --output {out} --int8 --text-encoder runs/text",
        "grounder": "export nanotrack-v2 --weights a.onnx --output {out} --grounder last.pt",
        "sensor": "export nanotrack-v2 --weights a.onnx --output {out} --sensor last.pt",
        "masks": "export nanotrack-v2 --weights a.onnx --output {out} --masks last.pt",
        "name": "export edgetrack-256 --output {out} --int8 --name mine",
        "version": "export {adapter} --output {out} --int8 --trust --version 2.0.0",
    },
    "bench": {
        "peer_weights": "bench --peer-weights {out}",
        "engine": "bench --box 1,2,30,20 --model {adapter} --trust --engine ort",
        "trust": "bench --trust",
    },
    "eval": {
        "phrases": EVAL + " --phrases",
        "mask": EVAL + " --tracker opencv-mil --mask found",
        "text_control": EVAL + " --text-control empty",
        "robustness": EVAL + " --robustness --corruption fog",
        "severity": EVAL + " --severity 2",
        "draws": EVAL + " --corruption fog --draws 3",
        "corrupt_init": EVAL + " --occlusion --corrupt-init",
        "x_model": EVAL + " --x-model infrared",
        "peer_weights": EVAL + " --peer-weights {out}",
        "seed": EVAL + " --seed 1",
        "engine": EVAL + " --tracker opencv-mil --engine ort",
        "precision": EVAL + " --tracker edgetrack:@fp32 --precision int8",
        "model": EVAL + " --tracker edgetrack:edgetrack-160 --model edgetrack-256",
        "trust": EVAL + " --trust",
    },
    "replay": {
        "engine": "replay {recording} --trust --engine ort",
        "trust": "replay {recording} --recorded --against edgetrack-160 --trust",
    },
}
CODE = """
from edgetrack import Track
class A:
    modes = ("bbox",)
    graphs = None
    def open(self, folder, *, threads): return self
    def start(self, frame, *, text=None, box=None): self.box = box; return Track(box, 1.0, "tracking", 0)
    def update(self, frame): return Track(self.box, 1.0, "tracking", 1)
"""


def commands() -> dict[str, Any]:
    return dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    import cv2
    import numpy as np

    folder = tmp_path_factory.mktemp("options")
    video, adapter = folder / "a.avi", folder / "adapter"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for _ in range(3):
        writer.write(np.full((48, 64, 3), 90, np.uint8))
    writer.release()
    adapter.mkdir()
    files = {"g": ("g.onnx", b"graph"), "code": ("adapter.py", CODE.encode())}
    for name, content in files.values():
        (adapter / name).write_bytes(content)
    entries = {r: {"path": n, "sha256": hashlib.sha256(c).hexdigest()} for r, (n, c) in files.items()}
    about = {
        "name": "a",
        "version": "1",
        "adapter": "A",
        "modes": ["bbox"],
        "graphs": ["g"],
        "files": entries,
    }
    (adapter / "manifest.json").write_text(json.dumps({"schema": 2, "kind": "adapter", **about}))
    recording = folder / "a.mcap"
    words = ["run", "--source", str(video), "--box", "1,2,30,20", "--model", str(adapter), "--trust"]
    result = CliRunner().invoke(app, [*words, "--output", str(recording)])
    assert result.exit_code == 0, result.output
    rules = folder / "rules.toml"
    rules.write_text('[[rule]]\nwhen = "the car stops"\n')
    return {
        "video": video,
        "adapter": adapter,
        "recording": recording,
        "rules": rules,
        "data": folder,
        "out": folder / "out",
    }


def cases() -> Iterator[tuple[str, str, str]]:
    for command, options in IDLE.items():
        for name, line in options.items():
            yield command, name, line


@pytest.mark.parametrize(("command", "name", "line"), list(cases()), ids=[f"{c}-{n}" for c, n, _ in cases()])
def test_option_without_an_effect_is_rejected(
    command: str, name: str, line: str, places: dict[str, Path]
) -> None:
    result = CliRunner().invoke(app, [word.format(**places) for word in line.split()])
    said = " ".join(result.output.split())
    assert result.exit_code == 2, said
    (option,) = (max(p.opts, key=len) for p in commands()[command].params if p.name == name)
    assert f"error: {option} has no effect: " in said
    assert said.endswith("; leave it out")
    assert not places["out"].exists()


def test_every_option_is_listed_here() -> None:
    assert commands().keys() == ALWAYS.keys()
    for command, found in commands().items():
        names = {parameter.name for parameter in found.params} - {"help"}
        accounted = [*ALWAYS[command].split(), *IDLE.get(command, {})]
        assert sorted(names) == sorted(accounted), command


def test_explicitly_given_default_counts_as_given(places: dict[str, Path]) -> None:
    words = ["export", "edgetrack-256", "--output", str(places["out"]), "--min-auc-ratio", "0.99"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert "--min-auc-ratio has no effect" in " ".join(result.output.split())
