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
    Tokens,
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
    """Follows one target. Trackers share no state; several may share one engine.

    The steps of a frame are C++ (``runtime_cpp``) and run without the interpreter lock, as the network does. Changes of
    the status are logged to "edgetrack.tracker" at level INFO. As a context manager it closes itself.

    Args:
        bundle: folder of a model bundle, name of a shipped one, an open ``Bundle``, or None for the default.
        engine: "auto", one of ``edgetrack.engines.ENGINES`` by its name, or the ``engine`` of another tracker, whose
            bundle, precision and threads are then used.
        precision: "auto", "fp32", "int8", with OpenVINO also "bf16", on a GPU "fp16".
        threads: that one network call may use, at most the cores that this process may use; None: 2, or 1 where there
            is but one core.
        static_check: whether a box that has not moved stands, without the network, while its surroundings hardly
            change, for up to 5 frames in a row; ``Track.basis`` is then "reused". Not for frames in GPU memory.

    Attributes:
        engine: what runs the network: its ``name``, ``precision`` and ``reason`` (why it was taken) are texts.

    Raises:
        BundleError: the bundle is missing, damaged or foreign.
        ConfigError: an argument is not as described, or comes with an engine that has its own.
        EngineUnavailable, MissingExtra: the engine or the precision cannot run here.
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
        """Names the target, and finds it in the first frame; forgets any target before it.

        Args:
            frame: uint8 (H, W, 3) BGR; rows may lie apart, the pixels of a row are packed. A numpy array, or one of
                another library in host memory (DLPack), which is read where it lies; with engine "tensorrt" also one in
                the memory of its GPU (DLPack or ``__cuda_array_interface__``), which is cropped there, never copied.
                A ``Frame`` stands for its pixels and its time.
            text: what it is, such as "red car"; without ``box`` the whole frame is searched.
            box: where it is: a ``Box`` or ``(x, y, w, h)`` in pixels of the frame, origin at the top left, its centre
                inside the frame.
            time_s: when the frame was, in seconds of any clock: comes back as ``Track.time_s``, and is not used.

        Returns:
            The track of this frame: the box that was given, or what was found.

        Raises:
            FrameError, BoxError, PromptError: bad input; the tracker then still has its target from before.
            ConfigError: neither text nor box; a frame in GPU memory with ``static_check``.
            ClosedError: the tracker was closed.
        """
        given, (pixels, time_s) = four_of(box), parts_of(frame, time_s)
        with door, self._turn:
            core = self._open_core()
            tokens = None if text is None else self._tokens(text)
            try:
                with taken(self.engine, pixels) as lent:
                    result = core.start(lent, tokens, given)
            except (FrameError, BoxError, PromptError, ConfigError):
                raise
            except BaseException:
                self._history = None
                raise
            return self._begin(text).add(result, time_s)

    def update(
        self, frame: Pixels | Frame, *, deadline_ms: float | None = None, time_s: float | None = None
    ) -> Track:
        """Finds the target in the next frame.

        With a deadline, a box that is tracked coasts at its velocity of late while the network would take longer than
        there is time (the median of its last runs here); ``Track.basis`` is then "coasted". It is a wish, not a
        guarantee: after 3 coasted frames in a row the network runs whatever the deadline says, as it does while
        the target is searched for, uncertain or lost.

        Args:
            frame: uint8 (H, W, 3) BGR, as for ``start``; its size may differ from the one before.
            deadline_ms: when the answer is wanted, in milliseconds from this call, more than 0; None: when it is ready.
            time_s: when the frame was, as for ``start``.

        Raises:
            FrameError, ConfigError: bad input; the frame does not count.
            NotStartedError: there is no target yet.
            ClosedError: the tracker was closed.
        """
        check_deadline(deadline_ms)
        pixels, time_s = parts_of(frame, time_s)
        with door, self._turn:
            core = self._open_core()
            with taken(self.engine, pixels) as lent:
                result = core.update(lent, deadline_ms)
            return (self._history or self._begin(None)).add(result, time_s)

    def set_text(self, text: str) -> None:
        """Describes another target, from the next frame on: takes milliseconds, nothing is rebuilt.

        Looking starts anew. To keep following what is followed now, under another name, start with its box.

        Raises:
            PromptError: bad text; the target stays what it was.
            NotStartedError: there is no target yet.
            ClosedError: the tracker was closed.
        """
        with door, self._turn:
            self._open_core().set_text(*self._tokens(text))
            self._begin(text)

    def reset(self) -> None:
        """Forgets the target: the next frame needs ``start``. The network stays loaded.

        Raises:
            ClosedError: the tracker was closed.
        """
        with door, self._turn:
            self._open_core().reset()
            self._history = None

    @property
    def track(self) -> Track | None:
        """What the last ``start`` or ``update`` returned; None before there is anything of the present target."""
        return None if self._history is None else self._history.latest

    @property
    def box(self) -> Box | None:
        """Where the target was last; None where there is no box."""
        track = self.track
        return None if track is None else track.box

    @property
    def text(self) -> str | None:
        """What the target was last described by; None without a text."""
        return None if self._history is None else self._history.text

    def warm_up(self) -> None:
        """Load every network and run it, so that neither the first text nor the first loss takes longer.

        The target, if there is one, stays what it is.

        Raises:
            BundleError, EngineUnavailable: a network of the bundle is of no use.
            ClosedError: the tracker was closed.
        """
        with door, self._turn:
            self._open_core().warm_up()

    @property
    def timing(self) -> Timing:
        """Where the time of the last ``start``, ``update`` or ``set_text`` went, without the Python around it."""
        return timing_of(self._open_core().timing())

    def _begin(self, text: str | None) -> History:
        self._targets += 1
        self._history = History(self._targets, "box" if text is None else text, text)
        return self._history

    def _tokens(self, text: str) -> Tokens:
        check_text(text)
        if self._tokenizer is None:
            self._tokenizer = Tokenizer(self.engine.bundle)
        return self._tokenizer.encode(text)
