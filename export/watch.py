"""How far a long step is: said by the step, shown by whoever called it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Watch(Protocol):
    """Passes ``items`` on, one by one, and shows ``title`` and how many of ``total`` are done."""

    def __call__(self, items: Iterable[T], title: str, total: int) -> Iterator[T]: ...


def silent(items: Iterable[T], title: str, total: int) -> Iterator[T]:
    """Shows nothing."""
    del title, total
    yield from items
