"""Progress of long steps: reported by the step, displayed by its caller."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Watch(Protocol):
    """Yield ``items`` one by one while showing ``title`` and how many of ``total`` are done."""

    def __call__(self, items: Iterable[T], title: str, total: int) -> Iterator[T]: ...


def silent(items: Iterable[T], title: str, total: int) -> Iterator[T]:
    """Show no progress."""
    del title, total
    yield from items
