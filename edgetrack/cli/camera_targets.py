"""What each camera of ``edgetrack run`` tracks: those of all, or those of its table in the config file."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from edgetrack.cli.config_file import CONFIG, Config
from edgetrack.cli.wanted import Wanted, read_zones
from edgetrack.errors import ConfigError, EdgetrackError

SHARED = ("text", "every", "max")  # options for all cameras, which one may have for itself


def config_of(context: typer.Context) -> Config:
    """Return what the config file says; nothing if there is none."""
    config: Config = context.meta.get(CONFIG, Config())
    return config


def is_given(context: typer.Context, name: str) -> bool:
    """Return whether an option is on the command line, which takes precedence over the file, its tables included."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def own_sources(context: typer.Context) -> dict[str, str]:
    """Return the sources in tables of the config file, by camera; none if there are sources on the command line."""
    if is_given(context, "source"):
        return {}
    return {name: own["source"] for name, own in config_of(context).cameras.items() if "source" in own}


def zone_files(context: typer.Context, cameras: Collection[str]) -> list[Path]:
    """Return the files of zones in the tables of the cameras."""
    tables = config_of(context).cameras
    return [Path(tables[name]["zones"]) for name in cameras if "zones" in tables.get(name, {})]


def check_tables(context: typer.Context, config: Config, cameras: Collection[str]) -> None:
    """Refuse a table for a camera that neither the run nor the file has, and targets that all tables replace.

    Raises:
        ConfigError: There are some.
    """
    from edgetrack.io.camera_names import name_cameras

    known = {*cameras, *name_cameras(config.values.get("source") or [])}
    for name, own in config.cameras.items():
        if name in known or "source" in own:
            continue
        said = (
            f"expected one of {', '.join(cameras)}"
            if cameras
            else f"name one as in: source = '{name}=SOURCE'"
        )
        raise ConfigError(
            f"{config.places[f'cameras.{name}']}: no source has the name {name!r}; {said}, or a source in this table"
        )
    for key in SHARED:
        everywhere = len(cameras) > 0 and all(key in config.cameras.get(name, {}) for name in cameras)
        if everywhere and key in config.values and not is_given(context, key):
            raise ConfigError(f"{config.places[key]} has no effect: each camera has its own; leave it out")


def wanted_by(context: typer.Context, cameras: Collection[str]) -> dict[str | None, Wanted]:
    """Return what each camera tracks.

    Raises:
        ConfigError: A camera has nothing to track, or its targets are wrong; or an option has no effect.
    """
    config = config_of(context)
    found: dict[str | None, Wanted] = {}
    for name in cameras:
        own = own_values(context, config, name)
        texts, every, most = (own.get(key, context.params[key]) for key in SHARED)
        with placed(place_of(config, name)):
            found[name] = wanted = Wanted.of(texts or [], own.get("box", []), every or [], most, None)
        if "zones" in own:
            with placed(f"{config.places[f'cameras.{name}.zones']}: "):
                found[name] = replace(wanted, zones=read_zones(Path(own["zones"])))
        if "max" in own and not wanted.every:
            raise ConfigError(
                f"{config.places[f'cameras.{name}.max']} has no effect: the camera has no every; leave it out"
            )
    if not all(wanted.is_one for wanted in found.values()):  # then all tracks of the run have names
        found = {name: replace(wanted, named=True) for name, wanted in found.items()}
    return found


def own_values(context: typer.Context, config: Config, name: str) -> dict[str, Any]:
    """Return the values in the table of a camera that the command line does not replace.

    Raises:
        ConfigError: One has no effect.
    """
    own = {key: v for key, v in config.cameras.get(name, {}).items() if not is_given(context, key)}
    for key in ("text", "every"):
        if own.get(key) == [] and not config.values.get(key):
            raise ConfigError(
                f"{config.places[f'cameras.{name}.{key}']} has no effect: there is no {key} for all cameras that it "
                "could replace; leave it out"
            )
    return own


@contextmanager
def placed(place: str) -> Iterator[None]:
    """Put a place in front of an error, as `place_of` returns it."""
    try:
        yield
    except EdgetrackError as error:
        raise ConfigError(f"{place}{error}") from error


def place_of(config: Config, name: str | None = None) -> str:
    """Return where the targets of a camera are given, as the beginning of an error; empty if not in a file."""
    keys = ("text", "every", "box", "zones")
    own = [f"cameras.{name}.{key}" for key in keys] + [f"cameras.{name}"]
    for key in (*own, *keys):
        if key in config.places:
            return f"{config.places[key]}: "
    if name is None:
        return f"config {config.path}: "
    return f"camera {name}: " if config.cameras else ""
