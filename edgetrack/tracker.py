"""The tracker: a target named by a sentence, a box or both is searched for, followed, lost and found again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgetrack._exit import door
from edgetrack._native import runtime
from edgetrack.arrays import Pixels
from edgetrack.bundle import Bundle
from edgetrack.engines.base import Engine
from edgetrack.errors import BoxError, ConfigError, FrameError, PromptError
from edgetrack.history import History
from edgetrack.opened import (
    Opened,
    check_deadline,
    check_flag,
    check_text,
    four_of,
    parts_of,
    taken,
    timing_of,
)
from edgetrack.prompt import Tokenizer
from edgetrack.types import Box, Frame, Timing, Track


class Tracker(Opened[runtime.Tracker]):
    """Follow one target, frame by frame.

    Trackers share no state; several may share one engine. Each frame is processed in C++ without holding the
    interpreter lock. Status changes are logged to "edgetrack.tracker" at level INFO. A tracker is a context manager
    that closes itself.

    Args:
        bundle: Folder of a model bundle, name of a shipped model, an open ``Bundle``, or None for the default model.
        engine: "auto", the name of an engine (``edgetrack engines`` lists them), or the ``engine`` of another
            tracker, whose bundle, precision and threads are then used.
        precision: "auto", "fp32" or "int8"; with OpenVINO also "bf16", on a GPU "fp16".
        threads: CPU threads for inference, at most the cores available to this process; None for 2, or 1 on a
            single core.
        static_check: Skip inference while the target and its surroundings are static, for at most 5 frames in a row;
            ``Track.basis`` is then "reused". Not available for frames in GPU memory.

    Attributes:
        engine (Engine): The engine that runs the network: ``name``, ``precision`` and ``reason`` (why it was
            selected) are strings.

    Raises:
        BundleError: The bundle is missing, damaged or foreign.
        ConfigError: An argument is invalid, or conflicts with a given engine.
        EngineUnavailable, MissingExtra: The engine or the precision cannot run here.

    Examples:
        >>> with edgetrack.open_source("drive.mp4") as source, edgetrack.Tracker() as tracker:  # doctest: +SKIP
        ...     for frame in source:
        ...         track = tracker.update(frame) if tracker.track else tracker.start(frame, text="red car")
    """

    _instead = (
        "it holds a network and what it has seen of its target; for another target on the same network make "
        "edgetrack.Tracker(engine=tracker.engine), in another process edgetrack.Tracker() there"
    )

    def __init__(
        self,
        bundle: str | Path | Bundle | None = None,
        *,
        engine: str | Engine = "auto",
        precision: str = "auto",
        threads: int | None = None,
        static_check: bool = False,
    ) -> None:
        check_flag("static_check", static_check)
        super().__init__(bundle, engine, precision, threads, runtime.Tracker)
        self._tokenizer: Tokenizer | None = None
        self._targets = 0  # so far
        self._history: History | None = None  # of the present one
        self._open_core().set_static_check(static_check)

    def start(
        self,
        frame: Pixels | Frame,
        text: str | None = None,
        *,
        box: Any = None,
        time_s: float | None = None,
    ) -> Track:
        """Set the target and find it in the first frame; a previous target is forgotten.

        Args:
            frame: Image, uint8 (H, W, 3), BGR; rows may be padded, the pixels of a row are contiguous. A numpy array,
                or any array in host memory that supports DLPack, which is read in place; with engine "tensorrt" also
                an array on its GPU (DLPack or ``__cuda_array_interface__``), which is cropped there without a copy.
                A ``Frame`` brings its pixels and its time.
            text: What the target is, such as "red car"; without ``box`` the whole frame is searched.
            box: Where the target is: a ``Box`` or ``(x, y, w, h)`` in pixels of the frame, origin at the top left.
                Its center must be inside the frame.
            time_s: Time of the frame in seconds, on any clock; returned as ``Track.time_s``, otherwise unused.

        Returns:
            The track of this frame: the given box, or what was found.

        Raises:
            FrameError, BoxError, PromptError: Bad input; the tracker keeps its previous target.
            ConfigError: Neither text nor box was given, or a frame in GPU memory with ``static_check``.
            ClosedError: The tracker was closed.
        """
        given, (pixels, time_s) = four_of(box), parts_of(frame, time_s)
        with door, self._turn:
            core = self._open_core()
            given_text = None if text is None else self._native_text(text)
            try:
                with taken(self.engine, pixels) as lent:
                    result = core.start(lent, given_text, given)
            except (FrameError, BoxError, PromptError, ConfigError):
                raise
            except BaseException:
                self._history = None
                raise
            return self._begin(text).add(result, time_s)

    def update(
        self, frame: Pixels | Frame, *, deadline_ms: float | None = None, time_s: float | None = None
    ) -> Track:
        """Find the target in the next frame.

        If inference is expected to exceed the deadline (by the median of its recent runs), the box of a tracked target
        is extrapolated at its recent velocity instead; ``Track.basis`` is then "coasted". The deadline is a goal, not
        a guarantee: inference always runs after 3 coasted frames in a row, and while the target is searched for,
        uncertain or lost.

        Args:
            frame: Image, uint8 (H, W, 3), BGR, as for ``start``; its size may differ from the previous one.
            deadline_ms: Latency budget in milliseconds from this call, greater than 0; None for no deadline.
            time_s: Time of the frame, as for ``start``.

        Returns:
            The track of this frame.

        Raises:
            FrameError, ConfigError: Bad input; the frame does not count.
            NotStartedError: There is no target yet.
            ClosedError: The tracker was closed.
        """
        check_deadline(deadline_ms)
        pixels, time_s = parts_of(frame, time_s)
        with door, self._turn:
            core = self._open_core()
            with taken(self.engine, pixels) as lent:
                result = core.update(lent, deadline_ms)
            return (self._history or self._begin(None)).add(result, time_s)

    def set_text(self, text: str) -> None:
        """Describe another target, from the next frame on. This takes milliseconds; nothing is rebuilt.

        The search starts over. To keep following the current object under a new text, call ``start`` with its box.

        Raises:
            PromptError: Bad text; the target stays what it was.
            NotStartedError: There is no target yet.
            ClosedError: The tracker was closed.
        """
        with door, self._turn:
            self._open_core().set_text(self._native_text(text))
            self._begin(text)

    def reset(self) -> None:
        """Forget the target: the next frame needs ``start``. The network stays loaded.

        Raises:
            ClosedError: The tracker was closed.
        """
        with door, self._turn:
            self._open_core().reset()
            self._history = None

    @property
    def track(self) -> Track | None:
        """The track that the last ``start`` or ``update`` returned; None if the current target has none yet."""
        return None if self._history is None else self._history.latest

    @property
    def box(self) -> Box | None:
        """The box of the last track; None without one."""
        track = self.track
        return None if track is None else track.box

    @property
    def text(self) -> str | None:
        """The text of the current target; None without one."""
        return None if self._history is None else self._history.text

    def warm_up(self) -> None:
        """Load and run every network, so that no later call is slower than the rest.

        The current target is not affected.

        Raises:
            BundleError, EngineUnavailable: A network of the bundle cannot be used.
            ClosedError: The tracker was closed.
        """
        with door, self._turn:
            self._open_core().warm_up()

    @property
    def timing(self) -> Timing:
        """Time spent in the last ``start``, ``update`` or ``set_text``, without the Python around it."""
        return timing_of(self._open_core().timing())

    def _begin(self, text: str | None) -> History:
        self._targets += 1
        self._history = History(self._targets, "box" if text is None else text, text)
        return self._history

    def _native_text(self, text: str) -> runtime.Text:
        check_text(text)
        if self._tokenizer is None:
            self._tokenizer = Tokenizer(self.engine.bundle)
        return self._tokenizer.text(text)
