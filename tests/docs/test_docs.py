"""What the Markdown files mention exists: links and their anchors, commands, options, scripts, modules, and tests."""

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
    """Return the anchors of the headings, as GitHub makes them: letters, digits, hyphens, underscores, lower case."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#+ +(.*?) *$", prose(page), re.MULTILINE):
        shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", shown).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
        if found[slug]:
            found[f"{slug}-{found[slug]}"] = 0
    return set(found)


def command_lines(page: Path) -> Iterator[list[str]]:
    """Return the words of each line of the bash blocks, without comments and leading variables."""
    for language, block in FENCE.findall(page.read_text()):
        if language == "bash":
            for line in block.replace("\\\n", " ").replace("&&", "\n").splitlines():
                words = shlex.split(line, comments=True)
                while words and re.match(r"[A-Z_]+=", words[0]):
                    del words[0]
                if words:
                    yield words


def own(words: list[str]) -> list[str]:
    """Return the arguments of ``edgetrack`` if the line runs it, also in a container or by ``-m``; else nothing."""
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
def test_links_have_a_target(page: Path) -> None:
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
    """Sub-commands, arguments, options and values are parsed by the real command line; nothing is run."""
    for words in filter(None, map(own, command_lines(page))):
        command = cli().commands.get(words[0])
        assert command is not None, f"{page.name}: edgetrack has no command {words[0]!r}"
        command.make_context(words[0], words[1:])  # raises a UsageError that names what is wrong


@each_page
def test_options_of_commands_in_prose_exist(page: Path) -> None:
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
def test_mentioned_files_of_the_repository_exist(page: Path) -> None:
    folders = "benchmarks|docs|edgetrack|examples|export|kernels|runtime_cpp|targets|tests|tools"
    for name in re.findall(rf"`((?:{folders})/[\w./-]+\.\w+)`", prose(page)):
        places = (ROOT / name, ROOT / "runtime_cpp" / "include" / name)  # as #include names it
        assert any(place.exists() for place in places), f"{page.name} names {name}"


def steps(page: Path) -> Iterator[tuple[str, Path]]:
    """Return each file in the last column of the tables of a walkthrough.

    A bare name is next to the previous file, or in its parent folder.
    """
    for row in re.findall(r"^\| [^|]+ \| (`[^|]+) \|$", page.read_text(), re.MULTILINE):
        folder = ROOT
        for name in re.findall(r"`([\w/]+\.(?:cpp|h|py))`", row):
            places = (ROOT / name, folder / name, folder.parent / name)
            place = next((place for place in places if place.is_file()), None)
            assert place is not None, f"{page.name} walks through {name} in: {row}"
            folder = place.parent
            yield name, place


def test_walkthroughs_name_existing_files() -> None:
    passed = [place.relative_to(ROOT).as_posix() for _, place in steps(ROOT / "docs" / "architecture.md")]
    assert {"edgetrack/io/sinks.py", "runtime_cpp/src/tokenizer.cpp", "export/gate.py"} <= set(passed)
    assert len(passed) > 50


def test_searches_of_these_tests_find_something() -> None:
    """Each test above would pass if its search found nothing."""
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


def test_snippet_of_several_targets_runs() -> None:
    from edgetrack.demo.scene import Scene

    text = (ROOT / "docs" / "architecture.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {"edgetrack": edgetrack, "frame": next(iter(Scene().frames()))}
    exec(block, names)
    assert set(names["tracks"]) == {"red car", "mine"}
    assert isinstance(names["tracks"]["mine"], edgetrack.Track)
    assert np.isfinite(names["tracks"]["mine"].score)
