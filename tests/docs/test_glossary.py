"""Public names use the terms of docs/glossary.md, or plain words; certain quaint words occur in none of them."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import typer
from typer.core import TyperGroup

import edgetrack
from edgetrack.cli import app
from edgetrack.policy import Policy
from edgetrack.types import BASES, STATUSES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "glossary.md").read_text()

# Words that any program has and any engineer knows need no entry.
PLAIN = {
    "absent", "accept", "add", "against", "allow", "batched", "busy", "camera", "center", "check", "close",
    "closed", "compare", "concurrent", "config", "confirm", "copyable", "corrupt", "count", "counts",
    "coverage", "dict", "diff", "digests", "draws", "edgetrack", "error", "facts", "failed", "failure",
    "folder", "force", "format", "fps", "from", "gone", "h", "html", "id", "ids", "index", "init", "ints",
    "json", "k", "max", "memory", "min", "missing", "ms", "multi", "name", "names", "no", "not", "ns", "of", "on",
    "open", "other", "out", "output", "path", "picture", "pixels", "points", "ratio", "ray", "read", "reader",
    "recorded", "remove", "reset", "results", "resume", "rounds", "s", "seconds", "seed", "set", "shapes",
    "show", "start", "started", "sum", "summary", "time", "to", "total", "type", "unavailable", "version", "w",
    "x", "xywh", "xyxy", "y",
}  # fmt: skip
# Words of a private dialect and British spellings, with their replacements.
BANNED = {
    "behaviour": "behavior", "belief": "confidence", "claim": "prepare", "colour": "color", "contestant": "tracker",
    "dice": "random", "disturbance": "perturbation", "disturbances": "perturbations", "doubt": "uncertain",
    "entrant": "tracker", "everywhere": "full frame", "haste": "velocity", "labelled": "labeled", "lend": "map",
    "loan": "handle", "look": "inference", "looks": "inference", "moments": "failure cases",
    "patience": "max_uncertain_frames", "stills": "images", "surest": "most confident", "thaw": "unfreeze",
    "thing": "object", "told": "prompt", "unlabelled": "unlabeled", "widen": "expand",
}  # fmt: skip


def words_of(name: str) -> list[str]:
    """Split ``MultiTracker`` into multi, tracker; ``--min-auc-ratio`` into min, auc, ratio."""
    return re.findall(r"[a-z]+|[0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())


def terms() -> set[str]:
    """Return the words of the bold entries and of the names in code font, in singular and plural."""
    entries = re.findall(r"\*\*(.+?)\*\*", PAGE) + re.findall(r"`([^`]+)`", PAGE)
    found = {word for entry in entries for word in re.findall(r"[a-z]+|[0-9]+", entry.lower())}
    return found | {f"{word}{ending}" for word in found for ending in ("s", "es")}


def cli() -> TyperGroup:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return group


def identifiers() -> Iterator[tuple[str, str]]:
    """Yield where each public name is, and the name: the package's, their members and parameters, the command's."""
    for name in edgetrack.__all__:
        yield "edgetrack", name
        value = getattr(edgetrack, name)
        if isinstance(value, type) and not issubclass(value, Exception):
            for member in (member for member in dir(value) if not member.startswith("_")):
                yield name, member
        if callable(value) and not (isinstance(value, type) and issubclass(value, Exception)):
            yield from ((f"{name}()", parameter) for parameter in inspect.signature(value).parameters)
    for kind in (edgetrack.Box, edgetrack.Frame, edgetrack.Timing, edgetrack.Track, Policy):
        yield from ((kind.__name__, field.name) for field in dataclasses.fields(kind))
    yield from (("Track.status", status) for status in STATUSES)
    yield from (("Track.basis", basis) for basis in BASES)
    for name, command in cli().commands.items():
        yield "edgetrack", name
        for parameter in command.params:
            yield from ((name, option) for option in parameter.opts if option.startswith("--"))


IDENTIFIERS = sorted(set(identifiers()))


def test_glossary_has_terms_and_the_package_has_names() -> None:
    assert len(terms()) > 200
    assert len(IDENTIFIERS) > 180
    assert words_of("MultiTracker") == ["multi", "tracker"]
    assert words_of("--min-auc-ratio") == ["min", "auc", "ratio"]


def test_public_names_use_the_terms() -> None:
    known = terms() | PLAIN
    unknown = {
        f"{where} {name}": word for where, name in IDENTIFIERS for word in words_of(name) if word not in known
    }
    assert not unknown, "use a term of docs/glossary.md, or add it there"


def test_every_status_and_basis_is_explained() -> None:
    for name in (*STATUSES, *BASES):
        assert f"| **{name}** |" in PAGE


def test_public_names_and_help_are_free_of_quaint_words() -> None:
    texts = {f"{where} {name}": words_of(name) for where, name in IDENTIFIERS}
    for name, command in cli().commands.items():
        texts[f"edgetrack {name} --help"] = words_of(command.help or "")
        for parameter in command.params:
            texts[f"edgetrack {name} {parameter.opts[0]}"] = words_of(getattr(parameter, "help", "") or "")
    quaint = {
        where: f"{word}: say {BANNED[word]}"
        for where, words in texts.items()
        for word in words
        if word in BANNED
    }
    assert not quaint
    assert sum(map(len, texts.values())) > 1000
    assert not BANNED.keys() & terms()
