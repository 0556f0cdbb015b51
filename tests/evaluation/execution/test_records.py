"""Records on disk: what was written is read again, and invalid records are rejected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgetrack.errors import ConfigError
from edgetrack.evaluation.execution import records
from edgetrack.evaluation.types import Burst

CONTENT: dict[str, list[Any]] = {
    "boxes": [None, [1.0, 2.0, 3.5, 4.0]] * 3,
    "scores": [0.25, 1] * 3,
    "statuses": ["lost", "tracking"] * 3,
    "milliseconds": [0.0, 7.5] * 3,
    "scored": [True, False] * 3,
    "bursts": [[1, 2, 3, 6]],
}


def test_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(CONTENT))
    record = records.load(tmp_path / "a.json", frames=6)
    assert record.scores == [0.25, 1.0] * 3
    assert record.bursts == [Burst(1, 2, 3, 6)]
    records.save(record, tmp_path / "b.json")
    assert records.load(tmp_path / "b.json", frames=6) == record


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        *(("scores", wrong) for wrong in (float("nan"), 7.0, -0.5, "0.5", True, None)),
        ("scores", 10**400),
        *(("boxes", wrong) for wrong in ([0, 0, float("inf"), 9], [1, 2, 3], 0, "none", [1, 2, 3, "4"])),
        *(("milliseconds", wrong) for wrong in (float("inf"), -1.0)),
        *(("scored", wrong) for wrong in ("no", 1, None)),
        ("statuses", "asleep"),
        *(("bursts", wrong) for wrong in ([1, 2, 3, 7], [-1, 2, 3, 4], [1, 3, 2, 4], [1, 2, 3], 5)),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_invalid_records_are_rejected(tmp_path: Path, key: str, wrong: object) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps({**CONTENT, key: [*CONTENT[key][:-1], wrong]}))
    with pytest.raises(
        ConfigError, match=r"a\.json cannot be read .* delete the file and run again with --resume"
    ):
        records.load(file, frames=6)
