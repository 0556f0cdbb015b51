"""The file of ``--config``: the options of a command as TOML. Each error names the line."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from edgetrack.cli.base import parse_box
from edgetrack.cli.options import option
from edgetrack.errors import ConfigError, EdgetrackError
from edgetrack.toml_file import load_toml

PLACES = "edgetrack.config.places"  # key in a context's meta: where each parameter was given, by name
EXAMPLE = 'source = "rtsp://host/path" and text = "red car"'
KINDS: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: 'a string such as "a", or several: ["a", "b"]',
    str: "a string in quotes",
}


def load_config(context: typer.Context, given: typer.CallbackParam, path: Path | None) -> Path | None:
    """Use the values of the file as defaults of the command; options on the command line take precedence.

    Raises:
        ConfigError: the file cannot be read, or has an unknown key or a wrong value.
    """
    if path is None or context.resilient_parsing:
        return path
    defaults, places = read_config(context, path)
    context.default_map = defaults
    context.meta[PLACES] = places
    return path


def read_config(context: typer.Context, path: Path) -> tuple[dict[str, Any], dict[str | None, str]]:
    """Return the values by parameter, and the place of each one in the file.

    Raises:
        ConfigError: the file cannot be read, or has an unknown key or a wrong value.
    """
    options = {
        _key(option): option for option in context.command.params if option.name not in ("config", "help")
    }
    hints = get_type_hints(inspect.unwrap(context.command.callback or load_config))
    file = _File(path)
    values: dict[str, Any] = {}
    for key, value in file.content.items():
        if key not in options:
            raise file.error(key, f"{key!r} is unknown", _nearest(key, options))
        option = options[key]
        kind = _kind(hints[str(option.name)])
        if not _is(value, kind):
            raise file.error(key, f"{key} is {value!r}", KINDS[kind])
        try:
            values[str(option.name)] = [value] if kind is list and isinstance(value, str) else value
            _check(key, values[str(option.name)])
            option.process_value(context, values[str(option.name)])
        except typer.BadParameter as error:
            raise file.wrong(key, f"{key}: {error.message}") from error
        except EdgetrackError as error:
            raise file.wrong(key, str(error)) from error
    return values, {options[key].name: f"{file.place(key)}: {key}" for key in file.content}


ConfigFile = Annotated[
    Path | None,
    option(
        'Read options from a file: their names without dashes, such as text = "red car". Options given here '
        "replace those of the file.",
        "--config",
        metavar="FILE.toml",
        is_eager=True,
        callback=load_config,
    ),
]


class _File:
    """The file's keys and values, and where they are."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.content: dict[str, Any]
        try:
            text, self.content = load_toml(path)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"config {path} cannot be read: {error}; expected a TOML file such as: {EXAMPLE}"
            ) from error
        except ValueError as error:
            raise ConfigError(
                f"config {path} is not TOML: {error}; expected lines such as: {EXAMPLE}"
            ) from error
        if not self.content:
            raise ConfigError(f"config {path} has no effect: it is empty; expected lines such as: {EXAMPLE}")
        self._lines = text.splitlines()

    def place(self, key: str) -> str:
        """Return the file and the line of a key at the top level."""
        pattern = re.compile(rf"\s*(\[+\s*)?[\"']?{re.escape(key)}[\"']?\s*[=.\]]")
        line = next((n for n, line in enumerate(self._lines, 1) if pattern.match(line)), 1)
        return f"config {self._path}, line {line}"

    def error(self, key: str, what: str, expected: str) -> ConfigError:
        return self.wrong(key, f"{what}; expected {expected}")

    def wrong(self, key: str, said: str) -> ConfigError:
        return ConfigError(f"{self.place(key)}: {said}")


def _key(option: Any) -> str:
    return str(max(option.opts, key=len)).lstrip("-")


def _nearest(key: str, known: Sequence[str] | dict[str, Any]) -> str:
    """Return what to expect instead of an unknown key: the nearest one, or all."""
    near = difflib.get_close_matches(key.strip("-").replace("_", "-"), known, n=1)
    return near[0] if near else f"one of {', '.join(known)}"


def _kind(hint: Any) -> type:
    """Return the TOML type for a parameter of that type, as the key of `KINDS`."""
    choices = [choice for choice in get_args(hint) if choice is not NoneType]
    inner = choices[0] if choices and get_origin(hint) is not list else hint
    if get_origin(inner) is list:
        return list
    return inner if inner in (bool, int, float) else str


def _is(value: object, kind: type) -> bool:
    if kind is list:
        several = value if isinstance(value, list) else [value]
        return bool(several) and all(isinstance(one, str) and one for one in several)
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return type(value) is kind and value != ""


def _check(key: str, value: Any) -> None:
    """Check a value that the command itself would check later, when the line in the file is no longer known.

    Raises:
        EdgetrackError: the option does not accept the value.
    """
    from edgetrack.engines import ENGINES, PRECISIONS
    from edgetrack.io.connections import Transport
    from edgetrack.io.raw import FORMATS
    from edgetrack.io.uri import parse_size
    from edgetrack.peers.bundle import COMPUTED

    choices = {
        "engine": ENGINES,
        "precision": tuple(dict.fromkeys((*PRECISIONS, *COMPUTED))),
        "format": FORMATS,
        "transport": get_args(Transport),
    }
    if key in choices and value not in choices[key]:
        raise ConfigError(f"{key} is {value!r}; expected one of {', '.join(choices[key])}")
    checks: dict[str, Callable[[], Any]] = {
        "size": lambda: parse_size(value, "size"),
        "box": lambda: [parse_box(box) for box in value],
    }
    checks.get(key, lambda: None)()
