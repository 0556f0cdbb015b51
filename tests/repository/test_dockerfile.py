"""What Dockerfile.jetson copies and installs exists, and its commands are those of the documentation."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from edgetrack import targets


@pytest.fixture(scope="module")
def instructions(repository: Path) -> list[tuple[str, str]]:
    """Return (name, arguments) pairs, with continued lines joined."""
    text = (repository / "Dockerfile.jetson").read_text()
    code = "\n".join(line for line in text.splitlines() if not line.startswith("#")).replace("\\\n", " ")
    pairs = [line.partition(" ")[::2] for line in code.splitlines() if line.strip()]
    known = "ARG COPY ENTRYPOINT ENV FROM HEALTHCHECK RUN SHELL USER VOLUME WORKDIR"
    assert all(name in known.split() for name, _ in pairs)
    return pairs


def commands(text: str) -> list[str]:
    return [
        line.lstrip("# ").strip()
        for line in text.splitlines()
        if re.match(r"(#\s+)?docker (build|run) ", line)
    ]


def test_copied_files_exist(instructions: list[tuple[str, str]], repository: Path) -> None:
    stages = [words.split(" AS ")[1] for name, words in instructions if name == "FROM" and " AS " in words]
    made = " ".join(words for name, words in instructions if name == "RUN")
    copies = [shlex.split(words) for name, words in instructions if name == "COPY"]
    assert copies
    for *options, source, _ in copies:
        if options:
            (option,) = options
            assert option.removeprefix("--from=") in stages
            assert f"--wheel-dir {source}" in made
        else:
            assert (repository / source).exists()
    ignored = (repository / ".dockerignore").read_text().split()
    needed = re.findall(r'"edgetrack/?\w*" = "(\w+)"', (repository / "pyproject.toml").read_text())
    assert not {*needed, "runtime_cpp", "kernels", "pyproject.toml"} & set(ignored)


def test_switches_and_extras_exist(instructions: list[tuple[str, str]], repository: Path) -> None:
    project = (repository / "pyproject.toml").read_text()
    run = " ".join(words for name, words in instructions if name == "RUN")
    switches = set(re.findall(r"(EDGETRACK_\w+)=", run))
    assert switches == {"EDGETRACK_WERROR", "EDGETRACK_CUDA", "EDGETRACK_TENSORRT"}
    assert all(f"{switch} = {{ env" in project for switch in switches)
    extras = re.findall(r"\.whl\)\[([\w,]+)\]", run)
    assert extras == ["export,video", "mp4,tensorrt"]
    assert re.search(r'^mp4 = \["av>=', project, re.MULTILINE)
    assert re.search(r"^tensorrt = \[.*tensorrt>=10\.3; platform_machine == 'x86_64'", project, re.MULTILINE)
    assert "[video]" not in run


def test_images_match_the_jetpack_versions_of_the_boards(instructions: list[tuple[str, str]]) -> None:
    stages = [words.partition(" AS ")[::2] for name, words in instructions if name == "FROM"]
    assert {stage for _, stage in stages if stage.startswith("jetpack")} == {"jetpack6", "jetpack7"}
    assert ("nvcr.io/nvidia/l4t-jetpack:r36.4.0", "jetpack6") in stages  # L4T 36.4 is JetPack 6.1 and 6.2
    assert stages[-1] == ("jetpack${JETPACK}", "")
    for name in ("jetson-orin-nano", "jetson-agx-orin"):
        assert targets.load(name).jetpack == ("6.1", "8")
    assert targets.load("jetson-thor").jetpack == ("7.0", "8")


def test_image_is_tested_first_and_runs_without_root(
    instructions: list[tuple[str, str]], repository: Path
) -> None:
    (tests,) = (words for name, words in instructions if name == "RUN" and "/pytest " in words)
    files = re.findall(r"tests/\S+", tests)
    assert files
    assert all((repository / file).is_file() for file in files)
    last = [name for name, _ in instructions][-5:]
    assert last == ["USER", "ENV", "VOLUME", "HEALTHCHECK", "ENTRYPOINT"]
    assert (
        "COPY",
        "--from=test /wheels /wheels",
    ) in instructions  # else the stage of the tests would be left out


def test_commands_are_those_of_the_documentation(repository: Path) -> None:
    own = commands((repository / "Dockerfile.jetson").read_text())
    assert len(own) == 5
    assert commands((repository / "docs" / "tensorrt.md").read_text()) == own


def test_options_of_the_commands_exist(repository: Path) -> None:
    from typer.testing import CliRunner

    from edgetrack.cli import app

    for line in commands((repository / "Dockerfile.jetson").read_text()):
        words = shlex.split(line)
        if words[1] == "run":
            own = words[words.index("edgetrack") + 1 :]
            help_text = CliRunner().invoke(app, [own[0], "--help"], env={"COLUMNS": "200"}).stdout
            assert all(word in help_text for word in own if word.startswith("--")), line
