"""Opens a tracker, whichever kind its bundle is of: edgetrack's own model, or an adapter's."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack import cores, targets
from edgetrack.bundle import Bundle
from edgetrack.crop import check_packed
from edgetrack.engines.info import EngineInfo
from edgetrack.engines.ort import saturates
from edgetrack.errors import AdapterError, BoxError, ConfigError, EdgetrackError, NotStartedError
from edgetrack.peers import FrameTracker, Mode
from edgetrack.peers.bundle import AdapterBundle, is_adapter_bundle
from edgetrack.tracker import Tracker
from edgetrack.types import STATUSES, Box, Frame, Track

ENGINE = "adapter"  # name of the engine: an adapter brings its own


@dataclass(frozen=True, slots=True)
class AdapterEngine:
    """What runs an adapter's graphs, as far as edgetrack knows: the facts that ``edgetrack.Tracker.engine`` has."""

    bundle: AdapterBundle
    precision: str
    info: EngineInfo
    name: str = ENGINE

    def wait(self) -> None:
        """Returns at once: it runs on nothing else."""

    def close(self) -> None:
        """Does nothing: what the adapter has opened ends with its tracker."""


class AdapterTracker:
    """A tracker that an adapter has opened, with the checks of ``edgetrack.Tracker`` around it.

    Attributes:
        engine: facts: ``name``, ``precision``, ``info`` and ``bundle``.
        modes: how its target can be given: "nl" (a text), "bbox", "nlbbox".

    Args:
        tracker: what ``Adapter.open`` returned.
    """

    def __init__(self, tracker: FrameTracker, modes: tuple[Mode, ...], engine: AdapterEngine) -> None:
        self.engine, self.modes = engine, modes
        self._tracker, self._started = tracker, False

    def start(self, frame: NDArray[np.uint8] | Frame, text: str | None = None, *, box: Any = None) -> Track:
        """Names the target in the first frame, uint8 (H, W, 3) BGR; forgets any target before it.

        Raises:
            FrameError, BoxError: bad input.
            ConfigError: a way to give the target that the adapter does not have.
            AdapterError: the adapter failed, or returned something else than a ``Track``.
        """
        pixels, given = _pixels(frame), None if box is None else Box.of(box)
        self._check_target(text, given)
        if given is not None:
            height, width = pixels.shape[:2]
            if not (0 <= given.center[0] < width and 0 <= given.center[1] < height):
                raise BoxError(
                    f"box {given.xywh} has its center outside the frame of {width}x{height} pixels; "
                    "expected (x, y, w, h) in pixels"
                )
        track = self._checked("start", lambda: self._tracker.start(pixels, text=text, box=given))
        self._started = True
        return track

    def update(self, frame: NDArray[np.uint8] | Frame, *, deadline_ms: float | None = None) -> Track:
        """Finds the target in the next frame, uint8 (H, W, 3) BGR.

        Raises:
            FrameError: bad input.
            ConfigError: a deadline, which adapters do not have.
            NotStartedError: there is no target yet.
            AdapterError: the adapter failed, or returned something else than a ``Track``.
        """
        if deadline_ms is not None:
            raise ConfigError(
                f"deadline_ms has no effect: {self._name} is an adapter's, which does not coast; leave it out"
            )
        if not self._started:
            raise NotStartedError("update() before start(); call start(frame, ...) first")
        pixels = _pixels(frame)
        return self._checked("update", lambda: self._tracker.update(pixels))

    def set_text(self, text: str) -> None:
        """Describes another target, from the next frame on.

        Raises:
            ConfigError: the adapter takes no text.
            NotStartedError: there is no target yet.
            AdapterError: the adapter failed.
        """
        if "nl" not in self.modes and "nlbbox" not in self.modes:
            raise ConfigError(f"{self._name} takes no text; start it with a box")
        if not self._started:
            raise NotStartedError("set_text() before start(); call start(frame, ...) first")
        self._guarded("set_text", lambda: self._tracker.set_text(text))

    def close(self) -> None:
        """Lets go of the tracker, by its own ``close`` where it has one."""
        close = getattr(self._tracker, "close", None)
        if close is not None:
            self._guarded("close", close)

    def __enter__(self) -> AdapterTracker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _name(self) -> str:
        return self.engine.bundle.manifest.name

    def _check_target(self, text: str | None, box: Box | None) -> None:
        if text is None and box is None:
            raise ConfigError("nothing to track; give start() a text, a box (x, y, w, h), or both")
        wanted: Mode = "nlbbox" if text is not None and box is not None else "bbox" if text is None else "nl"
        if wanted not in self.modes:
            ways = {"nl": "a text", "bbox": "a box", "nlbbox": "a text with a box"}
            raise ConfigError(
                f"{self._name} takes {' or '.join(ways[mode] for mode in self.modes)}, and was given {ways[wanted]}"
            )

    def _checked(self, step: str, call: Callable[[], Track]) -> Track:
        track = self._guarded(step, call)
        if not isinstance(track, Track) or not (track.box is None or isinstance(track.box, Box)):
            raise AdapterError(
                f"{step}() of {self._name} returned {track!r:.200}; expected an edgetrack.Track"
            )
        if track.status not in STATUSES or not math.isfinite(track.score):
            raise AdapterError(
                f"{step}() of {self._name} returned status {track.status!r} and score {track.score!r}; expected one of "
                f"{', '.join(STATUSES)}, and a number 0..1"
            )
        return track

    def _guarded(self, step: str, call: Callable[[], Any]) -> Any:
        return guarded(f"{step}() of {self._name}", call)


def _pixels(frame: NDArray[np.uint8] | Frame) -> NDArray[np.uint8]:
    return check_packed(frame.pixels if isinstance(frame, Frame) else frame)


def guarded(what: str, call: Callable[[], Any]) -> Any:
    """What ``call`` returns.

    Raises:
        AdapterError: it raised something else than an EdgetrackError; the message names the line.
    """
    try:
        return call()
    except EdgetrackError:
        raise
    except Exception as error:  # whatever the user's code does
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise AdapterError(
            f"{what} failed with {type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"
        ) from error


def open_tracker(
    bundle: str | Path | Bundle | AdapterBundle | None = None,
    *,
    engine: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    static_check: bool = False,
    on_ambiguous: str = "best",
    words: str | Path | Mapping[str, str] | None = None,
    strict: bool = False,
    masks: bool = False,
    trust: bool = False,
) -> Tracker | AdapterTracker:
    """Open the tracker of any bundle: a ``Tracker`` for edgetrack's own models, or the tracker of an adapter.

    Args:
        bundle: Folder of a bundle, name of a shipped model, an open bundle, or None for the default model.
        engine: As for ``Tracker``; an adapter brings its own engine.
        precision: "auto", or a precision that the bundle has.
        threads: CPU threads for inference; None for 2, or 1 on a single core.
        static_check: As for ``Tracker``; not available for an adapter.
        on_ambiguous: As for ``Tracker``; not available for an adapter.
        words: As for ``Tracker``; not available for an adapter.
        strict: As for ``Tracker``; not available for an adapter.
        masks: As for ``Tracker``; not available for an adapter.
        trust: Run the code in an adapter's bundle.

    Returns:
        A tracker with ``start`` and ``update``.

    Raises:
        BundleError: The bundle is missing, damaged or foreign.
        ConfigError: An argument is invalid or has no effect, or the bundle's code is not trusted.
        AdapterError: The adapter cannot open its graphs.
        EngineUnavailable, MissingExtra: The engine or the precision cannot run here.
    """
    if not isinstance(bundle, AdapterBundle) and is_adapter_bundle(bundle):
        bundle = AdapterBundle.open(bundle)  # type: ignore[arg-type]
    if not isinstance(bundle, AdapterBundle):
        return Tracker(
            bundle,
            engine=engine,
            precision=precision,
            threads=threads,
            static_check=static_check,
            on_ambiguous=on_ambiguous,
            words=words,
            strict=strict,
            masks=masks,
        )
    unused = {
        f"engine {engine!r}": engine not in ("auto", ENGINE),
        "static_check": static_check,
        f"on_ambiguous {on_ambiguous!r}": on_ambiguous != "best",
        "words": words is not None,
        "strict": strict,
        "masks": masks,
    }
    option = next((name for name, given in unused.items() if given), None)
    if option is not None:
        raise ConfigError(
            f"{option} has no effect: {bundle.manifest.name} is an adapter's bundle, which runs its graphs itself; "
            "leave it out"
        )
    return open_adapter(bundle, precision=precision, threads=threads, trust=trust)


def open_adapter(
    bundle: AdapterBundle, *, precision: str = "auto", threads: int | None = None, trust: bool = False
) -> AdapterTracker:
    """The tracker of an adapter's bundle; see ``open_tracker``."""
    threads = cores.checked(threads)
    taken, why = _automatic(bundle) if precision == "auto" else (precision, "asked for")
    folder, adapter = bundle.graphs(taken), bundle.adapter(trust=trust)
    name = bundle.manifest.name
    tracker = guarded(f"open() of {name}", lambda: adapter.open(folder, threads=threads))
    if missing := [step for step in ("start", "update") if not callable(getattr(tracker, step, None))]:
        raise AdapterError(
            f"open() of {name} returned {tracker!r:.200} without {' and '.join(missing)}(); expected an "
            "edgetrack.peers.FrameTracker"
        )
    info = EngineInfo(backend="the adapter's own", threads=threads, precision=taken, precision_reason=why)
    return AdapterTracker(tracker, bundle.manifest.modes, AdapterEngine(bundle, taken, info))


def _automatic(bundle: AdapterBundle) -> tuple[str, str]:
    target = targets.detect()
    if "int8" not in bundle.manifest.precisions:
        return "fp32", "the bundle has no INT8"
    if "int8" not in target.precisions:
        return "fp32", f"{target.name} does not list INT8"
    if saturates() and not bundle.manifest.narrow:
        return "fp32", "the bundle has INT8, but this processor has no VNNI and would round sums of it"
    return "int8", f"the bundle has INT8 and {target.name} runs it"
