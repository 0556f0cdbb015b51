"""Conditions as sentences: the canonical form for printing, which parses to the same condition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np

from edgetrack.watching import conditions as c
from edgetrack.watching.subject import Subject
from edgetrack.watching.tokens import is_plain

Mentioned = set[Subject]
UNITS = {"heights": ("height", "heights"), "pixels": ("pixel", "pixels")}


def sentence_of(condition: c.Condition) -> str:
    """Return the sentence of a condition, such as "a person is near the red car for 10 seconds"."""
    return _said(condition, set())


def _said(condition: c.Condition, mentioned: Mentioned) -> str:
    if isinstance(condition, c.Then):
        first = _part(condition.first, mentioned, inner=isinstance(condition.first, c.Then))
        second = _part(condition.second, mentioned)
        return f"{first} then within {_seconds(condition.within_s)} {second}"
    if isinstance(condition, c.Or):
        return " or ".join(_part(part, mentioned, inner=isinstance(part, c.And)) for part in condition.parts)
    if isinstance(condition, c.And):
        return " and ".join(_part(part, mentioned, inner=False) for part in condition.parts)
    said = CLAUSES[type(condition)](condition, lambda subject: _named(subject, mentioned))
    for_s: float | None = getattr(condition, "for_s", None)
    return (
        said
        if for_s is None or for_s == _usual(type(condition), "for_s")
        else f"{said} for {_seconds(for_s)}"
    )


def _usual(kind: type[c.Condition], name: str) -> float:
    """Return the default of a number, which is omitted."""
    return float(next(one.default for one in fields(kind) if one.name == name))  # type: ignore[arg-type]


def _part(part: c.Condition, mentioned: Mentioned, *, inner: bool = False) -> str:
    """Return a part of a condition, in parentheses unless it is a clause or binds more tightly (``inner``).

    "and" binds more tightly than "or", and both more tightly than "then".
    """
    said = _said(part, mentioned)
    return f"({said})" if isinstance(part, (c.And, c.Or, c.Then)) and not inner else said


def _named(subject: Subject, mentioned: Mentioned) -> str:
    text = quoted(subject.text)
    if subject.determiner != "a":
        return f"{subject.determiner} {text}"
    if subject in mentioned:
        return f"the {text}"
    mentioned.add(subject)
    return f"{'an' if subject.text[0].lower() in 'aeiou' else 'a'} {text}"


def quoted(text: str) -> str:
    """Return a phrase or name as written in a sentence: in quotation marks if it contains words of the grammar."""
    return text if is_plain(text) else f'"{text}"'


def number(value: float) -> str:
    """Return a number exactly, without an exponent."""
    return str(np.format_float_positional(float(value), trim="-"))


def _seconds(value: float) -> str:
    return f"{number(value)} second{'' if value == 1 else 's'}"


def _many(value: float, unit: str) -> str:
    return f"{number(value)} {UNITS[unit][value != 1]}"


def _in(zone: str | None) -> str:
    return "" if zone is None else f" in {quoted(zone)}"


def _crosses(one: Any, name: Callable[[Subject], str]) -> str:
    way = "" if one.way is None else f" going {quoted(one.way)}"
    return f"{name(one.subject)} crosses {quoted(one.line)}{way}"


def _heads(one: Any, name: Callable[[Subject], str]) -> str:
    return f"{name(one.subject)} moves {'against ' if one.against else ''}{one.direction}"


def _count(one: Any, name: Callable[[Subject], str]) -> str:
    return (
        f"the count of {quoted(one.subject.text)} is {'above' if one.above else 'below'} {one.number}"
        f"{_in(one.zone)}"
    )


def _reach(one: Any) -> str:
    usual = one.within == _usual(type(one), "within")
    return "" if usual else f" within {_many(one.within, 'heights')}"


CLAUSES: dict[type[c.Condition], Callable[[Any, Callable[[Subject], str]], str]] = {
    c.Present: lambda one, name: f"{name(one.subject)} is present",
    c.Absent: lambda one, name: f"{name(one.subject)} is absent",
    c.Inside: lambda one, name: f"{name(one.subject)} is in {quoted(one.zone)}",
    c.Enters: lambda one, name: f"{name(one.subject)} enters {quoted(one.zone)}",
    c.Leaves: lambda one, name: f"{name(one.subject)} leaves {quoted(one.zone)}",
    c.Crosses: _crosses,
    c.Stops: lambda one, name: f"{name(one.subject)} stops",
    c.Faster: lambda one, name: (
        f"{name(one.subject)} moves faster than {_many(one.speed, one.unit)} a second"
    ),
    c.Heads: _heads,
    c.Approaches: lambda one, name: f"{name(one.subject)} approaches {name(one.other)}",
    c.Near: lambda one, name: f"{name(one.subject)} is near {name(one.other)}{_reach(one)}",
    c.Falls: lambda one, name: f"{name(one.subject)} falls",
    c.LeftBehind: lambda one, name: f"{name(one.subject)} is left behind by {name(one.owner)}",
    c.TakenAway: lambda one, name: f"{name(one.subject)} is taken away",
    c.Loiters: lambda one, name: f"{name(one.subject)} loiters" + _reach(one),
    c.Count: _count,
}
