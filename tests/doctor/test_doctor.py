"""The checks of the doctor, each on a machine that has the fault; and the output of the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edgetrack import doctor, targets
from edgetrack.cli import app
from edgetrack.doctor import Finding, Machine, packages, system
from edgetrack.doctor.machine import Answer, ask, installed

NOW_S = 4e9  # after any installation
MISSING = "ModuleNotFoundError: No module named 'x'"


def machine(
    root: Path,
    *,
    board: str = "x86-cpu",
    answers: Mapping[str, Answer | str] | None = None,
    have: tuple[str, ...] = (),
    may_use: bool = True,
    now_s: float = NOW_S,
) -> Machine:
    """Make a machine on which importing a module gives its entry; a module without an entry is missing."""

    def asked(program: str) -> Answer:
        module = program.replace(",", " ").replace(";", " ").split()[1]
        answer = (answers or {}).get(module, Answer(False, MISSING))
        return answer if isinstance(answer, Answer) else Answer(True, answer)

    return Machine(
        root=root,
        target=targets.load(board),
        prefix=Path("/opt/venv"),
        packages=dict.fromkeys(have, "1.0"),
        ask=asked,
        may_use=lambda path: may_use,
        now_s=now_s,
    )


def write(root: Path, path: str, text: str = "") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def told(finding: Finding) -> tuple[str, str]:
    assert finding.command is not None
    return finding.state, finding.command


def test_healthy_machine_has_no_findings(tmp_path: Path) -> None:
    write(tmp_path, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n")
    write(tmp_path, "proc/meminfo", "MemTotal: 99 kB\nMemAvailable:   8000000 kB\n")
    write(tmp_path, "dev/video0")
    answers = {"edgetrack": "0.1.0", "onnxruntime": "1.22.0 CPU", "cv2": "4.11.0 NO", "av": "14.0"}
    here = machine(tmp_path, answers=answers, have=("onnxruntime", "opencv-python-headless"))
    findings = doctor.examine(here)
    assert [(found.state, found.command) for found in findings] == [("ok", None)] * len(doctor.CHECKS)
    assert len({found.name for found in findings}) == len(doctor.CHECKS)


@pytest.mark.parametrize("check", [packages.check_runtime, packages.check_onnxruntime, packages.check_opencv])
def test_numpy_2_breaks_packages_built_for_numpy_1(check: doctor.Check, tmp_path: Path) -> None:
    failed = Answer(False, "ImportError: numpy.core.multiarray failed to import")
    found = check(machine(tmp_path, answers=dict.fromkeys(("edgetrack", "onnxruntime", "cv2"), failed)))
    assert told(found) == ("broken", 'pip install "numpy<2"')


def test_compiled_module_that_does_not_load_is_reported(tmp_path: Path) -> None:
    state, command = told(packages.check_runtime(machine(tmp_path)))
    assert (state, "--force-reinstall" in command) == ("broken", True)


def test_two_onnxruntimes_in_one_folder_are_reported(tmp_path: Path) -> None:
    both = ("onnxruntime", "onnxruntime-gpu")
    found = packages.check_onnxruntime(machine(tmp_path, have=both, answers={"onnxruntime": "1.22.0 CPU"}))
    uninstall = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install "
    assert told(found) == ("broken", f"{uninstall}onnxruntime")
    on_gpu = packages.check_onnxruntime(machine(tmp_path, have=both, board="x86-cuda"))
    assert told(on_gpu) == ("broken", f"{uninstall}'onnxruntime-gpu[cuda,cudnn]'")


def test_onnxruntime_without_its_gpu_provider_is_reported(tmp_path: Path) -> None:
    answers = {"onnxruntime": "1.22.0 CPUExecutionProvider"}
    found = packages.check_gpu_provider(machine(tmp_path, board="x86-cuda", answers=answers))
    assert told(found) == ("warning", packages.ORT_GPU)
    found = packages.check_gpu_provider(machine(tmp_path, board="jetson-orin-nano", answers=answers))
    assert told(found) == ("warning", packages.ORT_JETSON)
    thor = packages.check_gpu_provider(machine(tmp_path, board="jetson-thor", answers=answers))
    assert (thor.state, thor.command) == ("ok", None)  # there is no package for it
    answers = {"onnxruntime": "1.22.0 CUDAExecutionProvider CPUExecutionProvider"}
    assert packages.check_gpu_provider(machine(tmp_path, board="x86-cuda", answers=answers)).state == "ok"


def test_tensorrt_invisible_to_the_environment_is_reported(tmp_path: Path) -> None:
    on = machine(tmp_path, board="jetson-orin-nano")
    assert told(packages.check_tensorrt(on)) == ("warning", "sudo apt install python3-libnvinfer")
    write(tmp_path, "usr/lib/python3.10/dist-packages/tensorrt/__init__.py")
    state, command = told(packages.check_tensorrt(on))
    assert state == "broken"
    assert command.startswith("sed -i ")
    assert command.endswith("'/opt/venv/pyvenv.cfg'")
    assert packages.check_tensorrt(machine(tmp_path)).state == "ok"


def test_suggested_command_changes_the_environment_setting(tmp_path: Path) -> None:
    settings = tmp_path / "pyvenv.cfg"
    settings.write_text("home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.10.12\n")
    command = packages._see_system(Machine(prefix=tmp_path))
    subprocess.run(command, shell=True, check=True)
    assert settings.read_text().splitlines()[1] == "include-system-site-packages = true"


def test_two_opencvs_in_one_folder_are_reported(tmp_path: Path) -> None:
    have = ("opencv-python", "opencv-python-headless")
    state, command = told(packages.check_opencv(machine(tmp_path, have=have, answers={"cv2": "4.11.0 NO"})))
    assert state == "broken"
    assert command.startswith("pip uninstall -y opencv-python opencv-python-headless && ")


@pytest.mark.parametrize(
    ("have", "said", "state", "command"),
    [
        ((), MISSING, "warning", "pip install 'edgetrack[video]'"),
        (("opencv-python",), "ImportError: libGL.so.1: cannot open", "broken", "opencv-python-headless"),
        (("opencv-python",), "Python was ended by signal 11", "broken", "--force-reinstall"),
    ],
)
def test_opencv_that_does_not_load_is_reported(
    have: tuple[str, ...], said: str, state: str, command: str, tmp_path: Path
) -> None:
    found = packages.check_opencv(machine(tmp_path, have=have, answers={"cv2": Answer(False, said)}))
    assert (found.state, command in told(found)[1]) == (state, True)


def test_jetson_opencv_without_gstreamer_is_reported(tmp_path: Path) -> None:
    wheel = machine(
        tmp_path, board="jetson-orin-nano", answers={"cv2": "4.11.0 NO"}, have=("opencv-python-headless",)
    )
    state, command = told(packages.check_gstreamer(wheel))
    assert state == "broken"
    assert command.startswith("pip uninstall -y opencv-python-headless && sudo apt install libopencv-python")
    assert command.endswith("'/opt/venv/pyvenv.cfg'")
    system_wide = machine(tmp_path, board="jetson-orin-nano", answers={"cv2": "4.8.0 YES"})
    assert packages.check_gstreamer(system_wide).state == "ok"
    bindings = machine(tmp_path, board="jetson-orin-nano", answers={"gi": ""})
    assert packages.check_gstreamer(bindings).state == "ok"


def test_streams_need_pyav(tmp_path: Path) -> None:
    assert told(packages.check_streams(machine(tmp_path))) == ("warning", "pip install 'edgetrack[av]'")


def test_cameras_without_permission_are_reported(tmp_path: Path) -> None:
    assert system.check_cameras(machine(tmp_path)).state == "ok"
    write(tmp_path, "dev/video0")
    closed = machine(tmp_path, may_use=False)
    assert told(system.check_cameras(closed)) == ("broken", "sudo usermod -aG video $USER")
    assert "/dev/video0" in system.check_cameras(closed).said
    write(tmp_path, ".dockerenv")
    assert told(system.check_cameras(closed)) == ("broken", "docker run --group-add video ...")


def test_container_without_a_camera_is_reported(tmp_path: Path) -> None:
    write(tmp_path, "run/.containerenv")
    assert told(system.check_cameras(machine(tmp_path))) == ("warning", "docker run --device /dev/video0 ...")


def test_jetson_without_its_camera_service_is_reported(tmp_path: Path) -> None:
    jetson = machine(tmp_path, board="jetson-agx-orin")
    assert told(system.check_argus(jetson)) == ("broken", "sudo systemctl restart nvargus-daemon")
    write(tmp_path, ".dockerenv")
    assert "-v /tmp/argus_socket:/tmp/argus_socket" in told(system.check_argus(jetson))[1]
    write(tmp_path, "tmp/argus_socket")
    assert system.check_argus(jetson).state == "ok"


def test_slow_cpu_governor_is_reported(tmp_path: Path) -> None:
    for core, governor in enumerate(("performance", "schedutil")):
        write(tmp_path, f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor", governor)
    found = system.check_governor(machine(tmp_path))
    assert told(found) == ("warning", system.FAST)
    assert "performance, schedutil" in found.said
    jetson = machine(tmp_path, board="jetson-orin-nano")
    assert told(system.check_governor(jetson)) == ("warning", system.JETSON_FAST)


def test_too_little_memory_is_reported(tmp_path: Path) -> None:
    here = machine(tmp_path)
    assert system.check_memory(here).state == "ok"
    write(tmp_path, "proc/meminfo", "MemAvailable: 204800 kB\n")
    found = system.check_memory(here)
    assert told(found)[0] == "warning"
    assert found.said.startswith("200 MB are free")
    write(tmp_path, "sys/fs/cgroup/memory.max", str(100 << 20))
    needed = 2 * here.target.memory_budget_mb
    assert told(system.check_memory(here)) == ("warning", f"docker run --memory {needed}m ...")


def test_clock_that_starts_in_1970_is_reported(tmp_path: Path) -> None:
    found = system.check_clock(machine(tmp_path, now_s=3600.0))
    assert told(found) == ("broken", "sudo timedatectl set-ntp true")
    assert "1970-01-01" in found.said


def test_failing_check_leaves_the_others_alone(tmp_path: Path) -> None:
    def check_of_nothing(machine: Machine) -> Finding:
        raise RuntimeError("no such file")

    findings = doctor.examine(machine(tmp_path), [check_of_nothing, system.check_clock])
    assert findings[0] == Finding("of nothing", "warning", "cannot be checked: RuntimeError: no such file")
    assert findings[1].state == "ok"


def test_imports_are_tested_in_a_subprocess() -> None:
    assert ask("print('a'); print('b')") == Answer(True, "b")
    assert ask("import edgetrack.nothing").text.startswith("ModuleNotFoundError")
    assert ask("import os; os.abort()") == Answer(False, "Python was ended by signal 6")
    assert "numpy" in installed()


def test_command_prints_a_table_or_json_and_fails_on_a_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [Finding("a", "ok", "all [good]"), Finding("b", "warning", "slow", "make 'it' fast")]
    monkeypatch.setattr(doctor, "examine", lambda machine: found)
    table = CliRunner().invoke(app, ["doctor"])
    assert table.exit_code == 0
    assert "all [good]" in table.output
    assert "\n  make 'it' fast\n" in table.output
    found.append(Finding("c", "broken", "gone", "put it back"))
    listed = CliRunner().invoke(app, ["doctor", "--json"])
    assert listed.exit_code == 1
    report = json.loads(listed.output)
    assert [check["state"] for check in report["checks"]] == ["ok", "warning", "broken"]
    assert report["target"] in targets.names()


def test_this_machine_can_be_examined() -> None:
    """The environment of the tests works, so nothing that the tests need may be reported as broken."""
    command = [sys.executable, "-m", "edgetrack", "doctor", "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, env=os.environ, timeout=300)
    checks = {check["name"]: check for check in json.loads(ran.stdout)["checks"]}
    assert checks["edgetrack"]["state"] == "ok"
    assert checks["ONNX Runtime"]["state"] == "ok"
    assert all(check["command"] for check in checks.values() if check["state"] == "broken")
    assert ran.returncode == any(check["state"] == "broken" for check in checks.values())
