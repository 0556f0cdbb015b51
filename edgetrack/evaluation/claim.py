"""The folder of an evaluation: new, or gone on with under the same settings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgetrack.errors import ConfigError
from edgetrack.evaluation.records import write_text
from edgetrack.evaluation.runner import folder_of
from edgetrack.evaluation.trackers import Entrant

SETTINGS = "settings.json"


def claim(output: Path, settings: Mapping[str, Any], entrants: Sequence[Entrant], *, resume: bool) -> None:
    """Takes the folder, or goes on in it.

    Args:
        output: the folder.
        settings: what must be the same for records to stand beside each other.
        entrants: whose facts must be the same, too.
        resume: whether the folder may hold an evaluation.

    Raises:
        ConfigError: it holds something else, an evaluation with other settings, or another tracker's records where
            an entrant's would be.
        SinkError: it cannot be written.
    """
    file = output / SETTINGS
    now = {"settings": dict(settings), "trackers": {e.name: e.facts for e in entrants}}
    if not file.exists():
        if output.is_dir() and any(output.iterdir()):
            raise ConfigError(
                f"{output} holds other files; expected an empty folder: choose another --output"
            )
        write_text(file, json.dumps(now, indent=1) + "\n")
        return
    if not resume:
        raise ConfigError(f"{output} holds an evaluation already; add --resume, or choose another --output")
    try:
        before = json.loads(file.read_text(encoding="utf-8"))
        old = {**before["settings"], **before["trackers"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{file} cannot be read ({error!r}); choose another --output") from error
    new = {**now["settings"], **now["trackers"]}
    changed = [
        f"{key} was {old[key]} and is {new[key]}" for key in new if key in old and old[key] != new[key]
    ]
    owners = {folder_of(name): name for name in before["trackers"]}
    for name, facts in now["trackers"].items():
        owner = owners.get(folder_of(name), name)
        if owner != name and before["trackers"][owner] != facts:
            changed.append(f"{name} would take the records of {owner} for its own")
    if changed:
        raise ConfigError(f"cannot resume in {output}: {'; '.join(changed)}; choose another --output")
    merged = {"settings": now["settings"], "trackers": {**before["trackers"], **now["trackers"]}}
    write_text(file, json.dumps(merged, indent=1) + "\n")
