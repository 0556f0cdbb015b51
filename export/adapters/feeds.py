"""Record what an adapter feeds to its graphs by observing its onnxruntime sessions while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from edgetrack.export.calibration import Keep


@contextmanager
def watched_sessions(paths: Mapping[str, Path], keep: Keep) -> Iterator[None]:
    """Pass the inputs of sessions on ``paths`` to ``keep``, by role, while the context lasts.

    Sessions that were opened earlier, and inputs bound to memory outside the host, are not recorded.
    """
    import onnxruntime

    watch = _Watch(paths, keep)
    session, binding = onnxruntime.InferenceSession, onnxruntime.IOBinding
    replaced = [
        (session, "__init__", watch.opening(session.__init__)),
        (session, "run", watch.running(session.run)),
        (session, "run_with_iobinding", watch.running_bound(session.run_with_iobinding)),
        (binding, "bind_ortvalue_input", watch.binding(binding.bind_ortvalue_input)),
        (binding, "bind_cpu_input", watch.binding(binding.bind_cpu_input)),
    ]
    before = [(kind, name, kind.__dict__.get(name)) for kind, name, _ in replaced]
    for kind, name, method in replaced:
        setattr(kind, name, method)
    try:
        yield
    finally:
        for kind, name, method in before:
            if method is None:  # the method was inherited
                delattr(kind, name)
            else:
                setattr(kind, name, method)


class _Watch:
    def __init__(self, paths: Mapping[str, Path], keep: Keep) -> None:
        self._keep = keep
        self._roles: dict[Any, str] = {}
        for role, path in paths.items():
            self._roles[path.resolve()] = self._roles[path.read_bytes()] = role
        self._of: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
        self._bound: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()

    def opening(self, method: Any) -> Any:
        def init(session: Any, model: Any, *args: Any, **options: Any) -> None:
            method(session, model, *args, **options)
            key = bytes(model) if isinstance(model, (bytes, bytearray)) else Path(model).resolve()
            if key in self._roles:
                self._of[session] = self._roles[key]

        return _keyword(init, "path_or_bytes")

    def running(self, method: Any) -> Any:
        def run(session: Any, outputs: Any, feeds: Any, *args: Any, **options: Any) -> Any:
            self._tell(session, feeds)
            return method(session, outputs, feeds, *args, **options)

        return run

    def running_bound(self, method: Any) -> Any:
        def run(session: Any, bound: Any, *args: Any, **options: Any) -> Any:
            self._tell(session, self._bound.get(bound, {}))
            return method(session, bound, *args, **options)

        return run

    def binding(self, method: Any) -> Any:
        def bind(binding: Any, name: str, value: Any) -> Any:
            self._bound.setdefault(binding, {})[name] = value
            return method(binding, name, value)

        return bind

    def _tell(self, session: Any, feeds: Mapping[str, Any]) -> None:
        role = self._of.get(session)
        if role is None or not feeds:
            return
        arrays = {name: np.asarray(_host(value)) for name, value in feeds.items()}
        self._keep(role, arrays)


def _host(value: Any) -> Any:
    """Return an array from an array or an OrtValue."""
    return value.numpy() if hasattr(value, "numpy") else value


def _keyword(init: Any, name: str) -> Any:
    """Make the first argument available by keyword as well."""

    def taken(session: Any, *args: Any, **options: Any) -> None:
        args = args or (options.pop(name),)
        init(session, *args, **options)

    return taken
