"""Shared code of ``Tracker`` and ``MultiTracker``: the engine, the checks of arguments, and closing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Generic, TypeVar
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from edgetrack._exit import door
from edgetrack._native import runtime
from edgetrack.arrays import GpuFrame, Pixels, device_of
from edgetrack.bundle import MASK, PAIRS, Bundle
from edgetrack.crop import check_packed
from edgetrack.engines import open_engine
from edgetrack.engines.base import Engine, SupportsConcurrency, SupportsDeviceFrames
from edgetrack.engines.binding import bind_mended, describe
from edgetrack.errors import ClosedError, ConfigError, FrameError, PromptError
from edgetrack.finite import is_finite
from edgetrack.grounders import Grounder, Grounding, grounding_of
from edgetrack.policy import Policy
from edgetrack.sensor import pair_of
from edgetrack.types import GAP_S, Box, Candidate, Frame
from edgetrack.unique import Unique
from edgetrack.words import TextReader

Core = TypeVar("Core")
Self = TypeVar("Self", bound="Opened[Any]")

AMBIGUOUS = ("best", "wait")
# A frame for the C++ trackers: in host memory, on a GPU, or a pair of color (None if it is missing) and x.
Taken = NDArray[np.uint8] | GpuFrame | tuple[NDArray[np.uint8] | None, NDArray[np.uint8]]

# C++ trackers, each of which may have a search in progress in a background thread
_cores: WeakSet[Any] = WeakSet()


def _rest() -> None:
    """Wait for these searches: a thread must not need the interpreter after its end, nor be lost in a fork."""
    for core in list(_cores):
        core.rest()


door.when_empty(_rest)


class Opened(Unique, Generic[Core]):
    """An engine and the C++ tracker on it, until ``close``.

    Args:
        bundle, engine, precision, threads, words, strict, grounder: as for ``Tracker``.
        make: creates the C++ tracker from ``core_options``.
    """

    def __init__(
        self,
        bundle: str | Path | Bundle | None,
        engine: str | Engine,
        precision: str,
        threads: int | None,
        words: str | Path | Mapping[str, str] | None,
        strict: bool,
        grounder: str | Path | Grounder | Grounding | None,
        make: Callable[..., Core],
    ) -> None:
        check_flag("strict", strict)
        self._grounding = grounding_of(grounder, strict=strict, threads=threads)
        self.engine = shared_engine(bundle, engine, precision, threads)
        self._own_engine = self.engine is not engine
        self.reader = self._opened_reader(words, strict)  # parses texts, with your own words
        self._turn = RLock()  # serializes threads that share a tracker by mistake
        with door:
            self._core: Core | None = make(**core_options(self.engine))
            if self._grounding is not None:
                self._grounding.hand_to(self._core)
        _cores.add(self._core)

    def close(self) -> None:
        """Release the target and the network's memory. May be called twice, and while another thread is tracking.

        A given engine stays open. An engine that this tracker opened is closed; other trackers that share it
        continue, and reload what they need.
        """
        with self._turn:
            was_open, self._core = self._core is not None, None
            if was_open and self._own_engine:
                self.engine.close()

    def __enter__(self: Self) -> Self:
        self._open_core()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _opened_reader(self, words: str | Path | Mapping[str, str] | None, strict: bool) -> TextReader:
        try:
            return TextReader(self.engine.bundle, words, strict=strict, warn=self._grounding is None)
        except BaseException:
            if self._own_engine:
                self.engine.close()
            raise

    def _native_text(self, text: str) -> runtime.Text:
        check_text(text)
        read = self.reader.read(text)
        if self._grounding is not None:
            self._grounding.check(read.phrases)
        return read

    def _open_core(self) -> Core:
        core = self._core
        if core is None:
            name = type(self).__name__
            raise ClosedError(f"this {name} was closed; create another one: edgetrack.{name}()")
        return core


def shared_engine(
    bundle: str | Path | Bundle | None, engine: str | Engine, precision: str, threads: int | None
) -> Engine:
    """Return the given engine, or a new one for the bundle; see ``Tracker``."""
    if isinstance(engine, str):
        opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
        opened.check_tensors()
        return open_engine(opened, engine=engine, precision=precision, threads=threads)
    if not hasattr(engine, "bundle"):
        raise ConfigError(f"engine is {engine!r}; expected the name of an engine, or the engine of a tracker")
    given = {"bundle": bundle, "precision": None if precision == "auto" else precision, "threads": threads}
    for name, value in given.items():
        if value is not None:
            raise ConfigError(
                f"got {name}={value!r} and an open engine, which has its own {name}; leave out one of the two"
            )
    return engine


def core_options(engine: Engine) -> dict[str, Any]:
    """Return the arguments of the C++ trackers."""
    manifest = engine.bundle.manifest
    return {
        "graph": lambda role: describe(engine.graph(role)),
        "concurrent": isinstance(engine, SupportsConcurrency) and engine.concurrent,
        "bind": lambda role, inputs, outputs: bind_mended(engine, role, inputs, outputs),
        "template_factor": manifest.factors["template"],
        "search_factor": manifest.factors["search"],
        "mean": manifest.mean,
        "std": manifest.std,
        "fill": manifest.fill,
        "ranks": "rank" in manifest.tensors,
        "mask_factor": manifest.factors["mask"] if MASK in manifest.tensors else 0.0,
        "pairs": all(role in manifest.tensors for role in PAIRS),
        "policy": asdict(Policy.of(manifest.thresholds_of(engine.precision))),
    }


def taken(
    engine: Engine, frame: Pixels | None, x: Pixels | Frame | None = None
) -> AbstractContextManager[Taken]:
    """Convert a frame for the C++ trackers, valid in the context; on a GPU if the engine ``SupportsDeviceFrames``.

    Raises:
        FrameError: it is not a frame, or is in memory that the engine cannot use; the two of a pair differ in size.
    """
    if x is not None:
        return nullcontext(pair_of(frame, x))
    if frame is None:
        raise FrameError(
            "frame is None, and there is no x; expected a numpy array, uint8, shape (height, width, 3), colors "
            "in BGR order, or the image of a second sensor"
        )
    in_host_memory = isinstance(frame, np.ndarray) or device_of(frame) is None
    if in_host_memory or not isinstance(engine, SupportsDeviceFrames):
        return nullcontext(check_packed(frame))
    return engine.lend(frame)


def color_of(lent: Taken) -> NDArray[np.uint8] | GpuFrame:
    """Return the color image of the result of ``taken``, for queries.

    Raises:
        FrameError: it is missing.
    """
    if isinstance(lent, GpuFrame) or not isinstance(lent, tuple):
        return lent
    if lent[0] is None:
        raise FrameError("every() searches the color frame, but no color frame was given; pass frame as well")
    return lent[0]


def parts_of(
    frame: Pixels | Frame | None, x: Pixels | Frame | None, time_s: float | None
) -> tuple[Pixels | None, Pixels | Frame | None, float | None, bool]:
    """Return color, the second sensor and the time of a frame argument, and whether it comes after a gap.

    Raises:
        ConfigError: ``time_s`` is not a finite number.
    """
    if time_s is not None and not is_finite(time_s):
        raise ConfigError(f"time_s is {time_s!r}; expected a finite number of seconds, or None")
    if isinstance(frame, Frame):
        color = frame.pixels if frame.color else None
        at_s = frame.time_s if time_s is None else float(time_s)
        return color, frame.x if x is None else x, at_s, frame.gap_s > GAP_S
    return frame, x, None if time_s is None else float(time_s), False


def check_deadline(deadline_ms: object) -> None:
    """Raise ConfigError unless it is a number or None; its range is checked in C++."""
    if deadline_ms is not None and not is_finite(deadline_ms):
        raise ConfigError(
            f"deadline_ms is {deadline_ms!r}; expected a positive number of milliseconds, or None for no deadline"
        )


def check_flag(name: str, value: object) -> None:
    """Raise ConfigError unless it is True or False."""
    if not isinstance(value, bool):
        raise ConfigError(f"{name} is {value!r}; expected True or False")


def check_on_ambiguous(value: object) -> bool:
    """Return whether a tracker waits if its text is ambiguous.

    Raises:
        ConfigError: the value is neither "best" nor "wait".
    """
    if value not in AMBIGUOUS:
        raise ConfigError(
            f"on_ambiguous is {value!r}; expected 'best' (follow the best candidate) or 'wait' (until one is chosen, "
            "or only one is left)"
        )
    return value == "wait"


def place_of(candidate: Any) -> tuple[float, float, float, float]:
    """Convert the box of a candidate, or four numbers, for the C++ trackers.

    Raises:
        BoxError: it is not a valid box.
    """
    return (candidate.box if isinstance(candidate, Candidate) else Box.of(candidate)).xywh


def check_name(name: object) -> str:
    """Check the name of a target.

    Raises:
        ConfigError: it is not a valid name.
    """
    if not isinstance(name, str):
        raise ConfigError(f"name is {name!r}, a {type(name).__name__}; expected a string such as 'red car'")
    if not name:
        raise ConfigError("the name of a target is empty; give it one, such as 'red car'")
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"name {name!r} is not valid Unicode; expected a string such as 'red car'"
        ) from error
    return name


def check_text(text: object) -> None:
    """Raise PromptError unless it is a string; the message tells how to give a box."""
    if not isinstance(text, str):
        raise PromptError(
            f"text is a {type(text).__name__}; expected a string such as 'red car'; pass a box by keyword: "
            "box=(x, y, w, h)"
        )


def four_of(box: Any) -> tuple[float, float, float, float] | None:
    """Convert a box for the C++ trackers.

    Raises:
        BoxError: it is not a valid box.
    """
    return None if box is None else Box.of(box).xywh
