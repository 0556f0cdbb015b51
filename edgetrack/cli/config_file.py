"""The file of ``--config``: the options of a command as TOML. Each error names the line."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from edgetrack.cli.base import parse_box
from edgetrack.cli.options import option
from edgetrack.errors import ConfigError, EdgetrackError
from edgetrack.toml_file import line_of_key, load_toml

CONFIG = "edgetrack.config"  # key of the `Config` in a context's meta
CAMERA_KEYS = ("source", "text", "box", "every", "max", "zones")  # options that a camera of several may have
CAMERA_TABLE = 'a table such as: [cameras.gate], and below it: text = "red car"'
EXAMPLE = 'source = "rtsp://host/path" and text = "red car"'
KINDS: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: 'a string such as "a", or several: ["a", "b"]',
    str: "a string in quotes",
}


@dataclass(frozen=True)
class Config:
    """What a file says.

    Attributes:
        path: The file; None if there is none.
        values: Values of the command's parameters, by name.
        cameras: The same for each table ``[cameras.NAME]``, by camera.
        places: Where each value is, by the name of its parameter, or ``cameras.NAME.`` and that; also of each table,
            ``cameras.NAME``.
    """

    path: Path | None = None
    values: dict[str, Any] = field(default_factory=dict)
    cameras: dict[str, dict[str, Any]] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)

    @property
    def flat(self) -> dict[str, Any]:
        """All values, by the names of ``places``."""
        own = {
            f"cameras.{name}.{key}": value
            for name, table in self.cameras.items()
            for key, value in table.items()
        }
        return self.values | own


def load_config(context: typer.Context, given: typer.CallbackParam, path: Path | None) -> Path | None:
    """Use the values of the file as defaults of the command; options on the command line take precedence.

    Raises:
        ConfigError: the file cannot be read, or has an unknown key or a wrong value.
    """
    if path is None or context.resilient_parsing:
        return path
    context.meta[CONFIG] = config = read_config(context, path)
    context.default_map = config.values
    return path


def read_config(context: typer.Context, path: Path) -> Config:
    """Read the file for a command.

    Raises:
        ConfigError: the file cannot be read, or has an unknown key or a wrong value.
    """
    file, options = _File(path), _Options(context)
    content, config = dict(file.content), Config(path)
    tables = content.pop("cameras", {}) if options.kinds.get("source") is list else {}
    for key, value in content.items():
        name, config.values[name] = options.read(file, (key,), value)
        config.places[name] = f"{file.place(key)}: {key}"
    if not isinstance(tables, dict):
        raise file.error(("cameras",), f"cameras is {tables!r}", CAMERA_TABLE)
    for camera, table in tables.items():
        config.cameras[camera] = _read_camera(file, options, camera, table, config.places)
    return config


def _read_camera(
    file: _File, options: _Options, camera: str, table: object, places: dict[str, str]
) -> dict[str, Any]:
    from edgetrack.io.camera_names import is_name

    where = ("cameras", camera)
    if not is_name(camera):
        raise file.error(where, f"{camera!r} is not a name of a camera", 'letters, digits, ".", "_" and "-"')
    if not isinstance(table, dict) or not table:
        said = "is empty" if table == {} else f"is {table!r}"
        raise file.error(where, f"cameras.{camera} {said}", CAMERA_TABLE)
    places[f"cameras.{camera}"] = f"{file.place(*where)}: cameras.{camera}"
    values: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            said = 'quotes around a name with dots, such as [cameras."192.168.1.20"]'
            raise file.error((*where, key), f"cameras.{camera}.{key} is a table", said)
        if key in options.kinds and key not in CAMERA_KEYS:
            raise file.wrong(
                (*where, key),
                f"{key!r} is an option of the whole run; move it up, before the first table [cameras.NAME]",
            )
        name, values[name] = options.read(file, (*where, key), value)
        places[f"cameras.{camera}.{name}"] = f"{file.place(*where, key)}: cameras.{camera}.{key}"
    return values


class _Options:
    """The options of a command, by their keys in the file."""

    def __init__(self, context: typer.Context) -> None:
        self._context = context
        self._options = {
            _key(option): option for option in context.command.params if option.name not in ("config", "help")
        }
        hints = get_type_hints(inspect.unwrap(context.command.callback or load_config))
        self.kinds = {key: _kind(hints[str(option.name)]) for key, option in self._options.items()}

    def read(self, file: _File, where: tuple[str, ...], value: Any) -> tuple[str, Any]:
        """Return the name of the parameter, and its value, checked.

        Raises:
            ConfigError: The key is unknown, or the value is wrong.
        """
        key, of_camera = where[-1], len(where) > 1
        known = CAMERA_KEYS if of_camera else tuple(self._options)
        if key not in known:
            raise file.error(where, f"{key!r} is unknown", _nearest(key, known))
        if key == "camera" and isinstance(value, dict):
            raise file.error(where, "camera is a table", CAMERA_TABLE)
        option, kind, name = self._options[key], self.kinds[key], ".".join(where)
        if of_camera and key == "source":
            kind = str  # of a single camera
        none = of_camera and key in ("text", "every") and value == []  # in place of those of all cameras
        if not none and not _is(value, kind):
            raise file.error(where, f"{name} is {value!r}", KINDS[kind])
        try:
            read = [value] if kind is list and isinstance(value, str) else value
            _check(key, read)
            option.process_value(self._context, [read] if kind is str and self.kinds[key] is list else read)
        except typer.BadParameter as error:
            raise file.wrong(where, f"{name}: {error.message}") from error
        except EdgetrackError as error:
            raise file.wrong(where, str(error)) from error
        return str(option.name), read


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
        self._text = text

    def place(self, *keys: str) -> str:
        """Return the file and the line of a key, after those of the tables around it."""
        return f"config {self._path}, line {line_of_key(self._text, *keys)}"

    def error(self, keys: tuple[str, ...], what: str, expected: str) -> ConfigError:
        return self.wrong(keys, f"{what}; expected {expected}")

    def wrong(self, keys: tuple[str, ...], said: str) -> ConfigError:
        return ConfigError(f"{self.place(*keys)}: {said}")


def _key(option: Any) -> str:
    return str(max(option.opts, key=len)).lstrip("-")


def _nearest(key: str, known: Sequence[str]) -> str:
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
