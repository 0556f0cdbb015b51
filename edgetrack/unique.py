"""Objects that hold a network, a device or a thread refuse to be copied, and suggest an alternative."""

from __future__ import annotations

from typing import ClassVar, NoReturn

from edgetrack.errors import NotCopyableError


class Unique:
    """Refuses ``copy.copy``, ``copy.deepcopy`` and ``pickle``, which would share or lose its resources."""

    _instead: ClassVar[str]  # the reason, and the alternative

    def _refuse(self) -> NoReturn:
        raise NotCopyableError(f"{type(self).__name__} cannot be copied or pickled: {self._instead}")

    def __copy__(self) -> NoReturn:
        self._refuse()

    def __deepcopy__(self, memo: object) -> NoReturn:
        self._refuse()

    def __reduce__(self) -> NoReturn:
        self._refuse()
