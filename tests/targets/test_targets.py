"""Every board file is valid, and a wrong one is rejected with a helpful sentence."""

from __future__ import annotations

import pytest

from edgetrack import targets
from edgetrack.errors import ConfigError

GOOD = """
title = "A board"
status = "untried"
engines = ["ort"]
precisions = ["fp32"]
threads = 2
latency_budget_ms = 33.0
memory_budget_mb = 512
"""


@pytest.mark.parametrize("name", targets.names())
def test_every_board_loads(name):
    target = targets.load(name)
    assert target.name == name
    assert (target.compute_capability is not None) == ("jetson" in name or "cuda" in name)
    assert (target.tensorrt is not None) == (target.cuda is not None) == ("tensorrt" in target.engines)
    assert (target.jetpack is not None) == (target.camera_pipeline is not None) == ("jetson" in name)
    if target.camera_pipeline:
        filled = target.camera_pipeline.format(sensor=0, width=1280, height=720, fps=30)
        assert "sensor-id=0" in filled
        assert filled.endswith("max-buffers=1")


def test_planned_boards_exist():
    boards = {"jetson-orin-nano", "jetson-agx-orin", "jetson-thor", "x86-cuda", "x86-cpu", "arm-cpu"}
    assert boards == set(targets.names())


def test_unknown_board_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"unknown target 'toaster'; expected one of .*jetson-orin-nano"):
        targets.load("toaster")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("threads = 2", "threads = 2\ncores = 4"), "unknown key 'cores'"),
        (("threads = 2", ""), "lacks the key 'threads'"),
        (("threads = 2", "threads = 0"), "threads is 0; expected a number above 0"),
        (("threads = 2", "threads = true"), "threads is True"),
        (('"untried"', '"maybe"'), "status has 'maybe'; expected one of tested, untried"),
        (('["fp32"]', '["fp8"]'), "precisions has 'fp8'; expected one of fp32, fp16, int8"),
        (('["ort"]', '"ort"'), "engines is 'ort'; expected a list"),
        (("memory_budget_mb = 512", ""), "lacks the key 'memory_budget_mb'"),
        (("threads = 2", 'threads = 2\ntensorrt = "10.3"'), "tensorrt is '10.3'; expected two versions"),
        (("threads = 2", 'threads = 2\ncuda = ["13.0", "12.6"]'), "cuda is .*; expected two versions"),
        (("threads = 2", "threads = 2\njetpack = [6, 7]"), "jetpack is .*; expected two versions"),
    ],
)
def test_wrong_file_is_rejected(change, says):
    assert targets.parse("board", GOOD).threads == 2
    with pytest.raises(ConfigError, match=says):
        targets.parse("board", GOOD.replace(*change))


@pytest.mark.parametrize(
    ("machine", "files", "name"),
    [
        ("x86_64", {}, "x86-cpu"),
        ("AMD64", {}, "x86-cpu"),
        ("x86_64", {"proc/driver/nvidia/version": "NVRM version"}, "x86-cuda"),
        ("aarch64", {}, "arm-cpu"),
        ("arm64", {"proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0"}, "arm-cpu"),
        ("aarch64", {"proc/device-tree/model": "NVIDIA Jetson AGX Orin Developer Kit\0"}, "jetson-agx-orin"),
        (
            "aarch64",
            {"proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0"},
            "jetson-orin-nano",
        ),
        ("aarch64", {"proc/device-tree/model": "NVIDIA Jetson AGX Thor Developer Kit\0"}, "jetson-thor"),
    ],
)
def test_this_machine_is_detected(tmp_path, monkeypatch, machine, files, name):
    monkeypatch.setattr("platform.machine", lambda: machine)
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    assert targets.detect(root=tmp_path).name == name
