"""The text format of Prometheus, version 0.0.4 (prometheus.io, "Exposition formats")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


@dataclass(frozen=True)
class Family:
    """A metric with its samples.

    Attributes:
        name: Name of the metric; that of a counter ends in ``_total``.
        kind: Its type in Prometheus.
        help: Description, one sentence.
        samples: Labels and value of each sample.
        count: Number of observations of a summary.
        sum: Their sum.
        labels: Labels of all samples, such as that of a camera.
    """

    name: str
    kind: Literal["counter", "gauge", "summary"]
    help: str
    samples: Sequence[tuple[Mapping[str, str], float]]
    count: int | None = None
    sum: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


def exposition(families: Iterable[Family]) -> bytes:
    """Return a page of metrics, in UTF-8; metrics without samples are omitted, those with the same name joined."""
    lines: dict[str, list[str]] = {}
    for family in families:
        rows = [_line(family.name, {**family.labels, **labels}, value) for labels, value in family.samples]
        rows += [
            _line(f"{family.name}_{part}", family.labels, value)
            for part, value in (("sum", family.sum), ("count", family.count))
            if value is not None
        ]
        if rows:
            head = [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}"]
            lines.setdefault(family.name, head).extend(rows)
    page = "\n".join(line for rows in lines.values() for line in rows)
    return f"{page}\n".encode(errors="backslashreplace")  # file names may be invalid UTF-8


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    pairs = ",".join(f'{key}="{text.translate(_ESCAPES)}"' for key, text in labels.items())
    return f"{name}{{{pairs}}} {_number(value)}" if pairs else f"{name} {_number(value)}"


def _number(value: float) -> str:
    return "NaN" if value != value else str(value) if isinstance(value, int) else repr(float(value))
