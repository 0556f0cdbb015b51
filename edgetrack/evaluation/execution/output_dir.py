"""The output folder of an evaluation: new, or resumed under the same settings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgetrack.errors import MALFORMED, ConfigError
from edgetrack.evaluation.execution.records import tracker_folder, write_text
from edgetrack.evaluation.trackers.registry import TrackerEntry

SETTINGS_FILE = "settings.json"


def prepare_output_dir(
    output: Path, settings: Mapping[str, Any], entries: Sequence[TrackerEntry], *, resume: bool
) -> None:
    """Use a new or empty folder, or resume the evaluation in an existing one.

    Args:
        output: the folder.
        settings: settings that must be equal for records to be comparable.
        entries: trackers, whose facts must be equal, too.
        resume: whether the folder may already contain an evaluation.

    Raises:
        ConfigError: it contains other files, an evaluation with other settings, or the records of another tracker
            under the name of an entry.
        SinkError: the folder cannot be written.
    """
    file = output / SETTINGS_FILE
    now = {"settings": dict(settings), "trackers": {e.name: e.facts for e in entries}}
    if not file.exists():
        if output.is_dir() and any(output.iterdir()):
            raise ConfigError(
                f"{output} contains other files; expected an empty folder: choose another --output"
            )
        write_text(file, json.dumps(now, indent=1) + "\n")
        return
    if not resume:
        raise ConfigError(
            f"{output} already contains an evaluation; add --resume, or choose another --output"
        )
    before = _read(file)
    if changed := _changes(before, now):
        raise ConfigError(f"cannot resume in {output}: {'; '.join(changed)}; choose another --output")
    merged = {"settings": now["settings"], "trackers": {**before["trackers"], **now["trackers"]}}
    write_text(file, json.dumps(merged, indent=1) + "\n")


def _read(file: Path) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {key: {**content[key]} for key in ("settings", "trackers")}
    except (OSError, *MALFORMED) as error:
        raise ConfigError(f"{file} cannot be read ({error!r}); choose another --output") from error


def _changes(before: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]]) -> list[str]:
    """Return descriptions of all differences, including trackers that would reuse another tracker's records."""
    old, new = {**before["settings"], **before["trackers"]}, {**now["settings"], **now["trackers"]}
    changed = [
        f"{key} was {old[key]} and is now {new[key]}" for key in new if key in old and old[key] != new[key]
    ]
    owners = {tracker_folder(name): name for name in before["trackers"]}
    for name, facts in now["trackers"].items():
        owner = owners.get(tracker_folder(name), name)
        if owner != name and before["trackers"][owner] != facts:
            changed.append(f"{name} would be confused with {owner}, whose records are there")
    return changed
