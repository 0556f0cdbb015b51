"""How ``run`` and ``watch`` report what happens: in words for people, or as JSON lines for programs."""

from __future__ import annotations

import json
import sys
import threading
from datetime import datetime, timezone
from enum import Enum
from typing import Annotated, Any, Literal

import typer

from edgetrack.cli.options import option

Level = Literal["info", "warning", "error"]

_SETTLED = "edgetrack.log.settled"  # key in a context's meta: the option itself was processed
_lock = threading.Lock()  # outputs report from their own threads


class LogFormat(str, Enum):
    """The values of --log-format."""

    text = "text"
    json = "json"


class _Chosen:
    """The format of this process, which errors need after the command has ended."""

    format = LogFormat.text


def reset() -> None:
    """Report in words, as at the beginning of each command."""
    _Chosen.format = LogFormat.text


def is_json() -> bool:
    """Return whether reports are JSON lines on standard error."""
    return _Chosen.format is LogFormat.json


def write(level: Level, event: str, **fields: Any) -> None:
    """Write a line of JSON to standard error; fields that are None are left out.

    It is written by a single call, so that lines of different threads do not mix. Characters that are not ASCII are
    escaped, so no text can manipulate a terminal or imitate another line.
    """
    time = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    known = {key: value for key, value in fields.items() if value is not None}
    line = json.dumps({"time": time, "level": level, "event": event, **known})
    with _lock:
        sys.stderr.write(f"{line}\n")


def _choose(context: typer.Context, given: typer.CallbackParam, value: LogFormat) -> LogFormat:
    """Apply the format as soon as it is known, so that errors in other options have it, too.

    The value of a config file is checked before the option itself is processed, and again when the file is reloaded;
    then the format must not change any more.
    """
    if not context.resilient_parsing and _SETTLED not in context.meta:
        _Chosen.format = LogFormat(value)
        if context.get_parameter_source(str(given.name)) is not None:
            context.meta[_SETTLED] = True
    return value


LogFormatOption = Annotated[
    LogFormat,
    option(
        "Report states of the source, notes, errors and the summary as text, or as JSON lines on standard error.",
        "--log-format",
        panel="Result",
        is_eager=True,
        callback=_choose,
    ),
]
