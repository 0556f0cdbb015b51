"""The options of the source of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast, get_args

from edgetrack.cli.base import EXAMPLE
from edgetrack.cli.engine_options import Rule
from edgetrack.errors import ConfigError

if TYPE_CHECKING:
    from edgetrack.io.source import Source


@dataclass(frozen=True)
class SourceOptions:
    """How a source is read: the settings of live sources and of raw frames."""

    realtime: bool = False
    transport: str = "tcp"
    give_up_s: float | None = None
    size: str | None = None
    pixel_format: str | None = None


def open_given(camera: int | None, source: str | None, options: SourceOptions) -> Source:
    """Open the camera or the source, whichever is given.

    Raises:
        ConfigError: both are given or neither is, or an option has an unknown value.
        SourceError: it cannot be opened.
    """
    from edgetrack.io.connections import Transport
    from edgetrack.io.raw import FORMATS
    from edgetrack.io.sources import open_source
    from edgetrack.io.uri import parse_size

    if source is not None and camera is not None:
        raise ConfigError(f"both --camera and --source are given; expected one of them, as in: {EXAMPLE}")
    if source is None and camera is None:
        raise ConfigError(f"neither --camera nor --source is given; expected one of them, as in: {EXAMPLE}")
    if options.transport not in get_args(Transport):
        raise ConfigError(f"--transport is {options.transport!r}; expected tcp or udp")
    if options.pixel_format not in (None, *FORMATS):
        raise ConfigError(f"--format is {options.pixel_format!r}; expected one of {', '.join(FORMATS)}")
    place = camera if source is None else source
    assert place is not None
    return open_source(
        place,
        realtime=options.realtime,
        transport=cast("Transport", options.transport),
        give_up_s=options.give_up_s,
        size=None if options.size is None else parse_size(options.size, "--size"),
        pixel_format=options.pixel_format or "bgr24",
    )


def source_rules(source: str | None, *, realtime: bool) -> dict[str, Rule]:
    """Return the rules of the options that only some kinds of sources take."""
    from edgetrack.io.names import is_local

    name = source or "a camera"
    raw = source == "-"
    live = source is None or not (raw or is_local(source))
    return {
        "size": (raw, f"{name} does not have raw frames"),
        "pixel_format": (raw, f"{name} does not have raw frames"),
        "transport": (live, f"{name} is not live"),
        "give_up_s": (live, f"{name} is not live"),
        "realtime": (source is not None, "a camera is always live"),
        "max_age_ms": (live or realtime, f"{name} is not live"),
    }
