"""What the Markdown files name is there: links and their anchors, commands, options, scripts, modules, and tests."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.core import TyperGroup

import edgetrack
from edgetrack.cli import app

ROOT = Path(__file__).resolve().parents[2]
MADE = {"build", "dist", "runs"}  # folders that are not the repository's, beside those that are hidden
FOLDERS = [folder for folder in ROOT.glob("[!.]*/") if folder.is_dir() and folder.name not in MADE]
PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in folder.rglob("*.md"))])
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """Of its headings, as GitHub makes them: letters, digits, hyphens and underscores in lower case."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#+ +(.*?) *$", prose(page), re.MULTILINE):
        shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", shown).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
        if found[slug]:
            found[f"{slug}-{found[slug]}"] = 0
    return set(found)


def command_lines(page: Path) -> Iterator[list[str]]:
    """The words of each line of its bash blocks, without comments and variables in front."""
    for language, block in FENCE.findall(page.read_text()):
        if language == "bash":
            for line in block.replace("\\\n", " ").replace("&&", "\n").splitlines():
                words = shlex.split(line, comments=True)
                while words and re.match(r"[A-Z_]+=", words[0]):
                    del words[0]
                if words:
                    yield words


def own(words: list[str]) -> list[str]:
    """What follows ``edgetrack`` where it is what a line runs, also in a container or by ``-m``; else nothing."""
    if (
        words[0] in {"edgetrack", "docker", "torchrun"}
        and "edgetrack" in words
        and words[:2] != ["docker", "build"]
    ):
        return words[words.index("edgetrack") + 1 :]
    return []


def cli() -> TyperGroup:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return group


def options_of(command: str) -> set[str]:
    return {
        name for option in cli().commands[command].params for name in (*option.opts, *option.secondary_opts)
    }


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if link.startswith(("http://", "https://")):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place) if place else page
        assert target.exists(), f"{page.name} links to {link}, and there is no such file"
        assert not anchor or anchor in anchors(target), (
            f"{page.name}: {link} is none of {sorted(anchors(target))}"
        )


@each_page
def test_commands_parse(page: Path) -> None:
    """Sub-command, arguments, options and their values, by the command line's own parser; nothing is run."""
    for words in filter(None, map(own, command_lines(page))):
        command = cli().commands.get(words[0])
        assert command is not None, f"{page.name}: edgetrack has no command {words[0]!r}"
        command.make_context(words[0], words[1:])  # raises a UsageError that names what is wrong


@each_page
def test_commands_in_prose_have_these_options(page: Path) -> None:
    for text in re.findall(r"`edgetrack ([^`]*)`", re.sub(r"\s+", " ", prose(page))):
        name, *words = text.split()
        assert name in cli().commands, f"{page.name}: edgetrack has no command {name!r}"
        named = {word.strip("[]") for word in words if word.strip("[]").startswith("-")}
        assert named <= options_of(name), f"{page.name}: {text}"


@each_page
def test_scripts_and_modules_exist_with_these_options(page: Path) -> None:
    for interpreter, *words in command_lines(page):
        if interpreter != "python":
            continue
        if words[0] == "-m":
            assert find_spec(words[1]) is not None, f"{page.name}: python -m {words[1]}"
            continue
        script = ROOT / words[0]
        assert script.is_file(), f"{page.name}: {words[0]}"
        for option in (word for word in words[1:] if word.startswith("--")):
            assert f'"{option}"' in script.read_text(), f"{page.name}: {words[0]} has no option {option}"


@each_page
def test_files_of_the_repository_that_are_named_exist(page: Path) -> None:
    folders = "benchmarks|docs|edgetrack|examples|export|kernels|runtime_cpp|targets|tests|tools"
    for name in re.findall(rf"`((?:{folders})/[\w./-]+\.\w+)`", prose(page)):
        places = (ROOT / name, ROOT / "runtime_cpp" / "include" / name)  # as #include names it
        assert any(place.exists() for place in places), f"{page.name} names {name}"


def steps(page: Path) -> Iterator[tuple[str, Path]]:
    """Each file in the last column of a walk's tables; a bare name lies beside the file before it, or in its parent."""
    for row in re.findall(r"^\| [^|]+ \| (`[^|]+) \|$", page.read_text(), re.MULTILINE):
        folder = ROOT
        for name in re.findall(r"`([\w/]+\.(?:cpp|h|py))`", row):
            places = (ROOT / name, folder / name, folder.parent / name)
            place = next((place for place in places if place.is_file()), None)
            assert place is not None, f"{page.name} walks through {name} in: {row}"
            folder = place.parent
            yield name, place


def test_the_walks_pass_files_that_exist() -> None:
    passed = [place.relative_to(ROOT).as_posix() for _, place in steps(ROOT / "docs" / "architecture.md")]
    assert {"edgetrack/io/sinks.py", "runtime_cpp/src/tokenizer.cpp", "export/gate.py"} <= set(passed)
    assert len(passed) > 50


def test_what_is_checked_is_there() -> None:
    """The searches above find something; each would pass on nothing."""
    lines = [words for page in PAGES for words in command_lines(page)]
    assert len(PAGES) > 15
    assert {words[0] for words in map(own, lines) if words} >= {
        "run",
        "eval",
        "export",
        "bench",
        "replay",
        "train",
    }
    assert sum(words[0] == "python" for words in lines) > 10
    assert "frames-without-the-network" in anchors(ROOT / "docs" / "architecture.md")


def test_the_snippet_of_several_targets_runs() -> None:
    from edgetrack.demo.scene import Scene

    text = (ROOT / "docs" / "architecture.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {"edgetrack": edgetrack, "frame": next(iter(Scene().frames()))}
    exec(block, names)
    assert set(names["tracks"]) == {"red car", "mine"}
    assert isinstance(names["tracks"]["mine"], edgetrack.Track)
    assert np.isfinite(names["tracks"]["mine"].score)
