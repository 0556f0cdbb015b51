"""The tracker: searches for a target given by a text, a box or both, follows it, and finds it again after a loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgetrack._exit import door
from edgetrack._native import runtime
from edgetrack.arrays import Pixels
from edgetrack.bundle import Bundle
from edgetrack.engines.base import Engine
from edgetrack.errors import BoxError, ConfigError, FrameError, PromptError
from edgetrack.grounders import Grounder, Grounding
from edgetrack.history import History
from edgetrack.opened import (
    Opened,
    check_deadline,
    check_flag,
    check_on_ambiguous,
    four_of,
    parts_of,
    place_of,
)
from edgetrack.outlining import Masks, Outlining
from edgetrack.timing import Timing, timing_of
from edgetrack.types import Box, Candidate, Frame, Track


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
        on_ambiguous: What to do when the text fits several objects about equally well. "best" follows the best
            candidate. "wait" stays "searching" (or "lost") and returns ``Track.candidates``, until ``choose`` or
            ``correct`` says which one is meant, or only one is left. Ambiguous: another candidate at another position
            (IoU below 0.3) has at least half the best one's score (``ambiguous_share`` of the bundle), and enough to
            be followed itself.
        words: What your own words mean in English, such as ``{"Gabelstapler": "forklift"}``: a mapping, or a TOML file
            of such lines. They are replaced in every text.
        strict: Refuse a text with words that the model was not trained on, instead of a ``PromptWarning`` about them.
        masks: Compute the target's pixel mask, ``Track.mask``, in every frame with a box; "logits" adds the network's
            output, ``Mask.logits``. For another network, pass a segmenter's TOML file, or an ``Outliner``.
        grounder: A detector that finds and verifies the target of a text, instead of the model's own networks: an
            argument or result of ``edgetrack.grounders.open_grounder``. It runs in a background thread.

    Attributes:
        engine (Engine): Runs the network; ``name``, ``precision``, ``reason`` (why it was selected) are strings.

    Raises:
        BundleError: The bundle is missing, damaged or foreign.
        ConfigError: An argument is invalid, or conflicts with a given engine; ``masks`` and the bundle gives none.
        PromptError: With ``strict``, one of ``words`` means words that the model was not trained on.
        EngineUnavailable, MissingExtra: The engine or the precision cannot run here.

    Examples:
        >>> with edgetrack.open_source("drive.mp4") as source, edgetrack.Tracker() as tracker:  # doctest: +SKIP
        ...     for frame in source:
        ...         track = tracker.update(frame) if tracker.track else tracker.start(frame, text="red car")
    """

    _instead = (
        "it holds a network and the state of its target; for another target on the same network create "
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
        on_ambiguous: str = "best",
        words: str | Path | Mapping[str, str] | None = None,
        strict: bool = False,
        masks: Masks = False,
        grounder: str | Path | Grounder | Grounding | None = None,
    ) -> None:
        check_flag("static_check", static_check)
        self._outlining = Outlining(masks, threads)
        waits = check_on_ambiguous(on_ambiguous)
        super().__init__(bundle, engine, precision, threads, words, strict, grounder, runtime.Tracker)
        self._targets = 0  # so far
        self._history: History | None = None  # history of the current target
        self._open_core().set_static_check(static_check)
        self._open_core().wait_if_ambiguous(waits)
        with door:
            self._outlining.prepare(self._open_core())

    def start(
        self,
        frame: Pixels | Frame | None = None,
        text: str | None = None,
        *,
        box: Any = None,
        mask: Any = None,
        x: Pixels | Frame | None = None,
        time_s: float | None = None,
    ) -> Track:
        """Set the target and find it in the first frame; a previous target is forgotten.

        Args:
            frame: Image, uint8 (H, W, 3), BGR; rows may be padded, the pixels of a row are contiguous. A numpy array,
                or any array in host memory that supports DLPack, which is read in place; with engine "tensorrt" also
                an array on its GPU (DLPack or ``__cuda_array_interface__``), which is cropped there without a copy.
                A ``Frame`` brings its pixels, its time and its ``x``. None if color is missing, with ``x`` and ``box``.
            text: What the target is, such as "red car"; without ``box`` the whole frame is searched.
            box: ``Box`` or ``(x, y, w, h)`` in pixels, origin at the top left; its center must be inside the frame.
            mask: The target's mask, with ``masks=True``: a ``Mask`` or an array (H, W) of the frame's size, nonzero
                on the target. Without ``box``, the smallest box around it is followed.
            x: Image of a second sensor (thermal, depth) taken at the same time, aligned with the frame and of its
                size, for a bundle that takes one: uint8 (H, W, 3) or (H, W) (see ``sensor_picture``), or a ``Frame``.
            time_s: Time of the frame in seconds, on any clock; see ``update``. Returned as ``Track.time_s``.

        Returns:
            The track of this frame: the given box, or the result of the search.

        Raises:
            FrameError, BoxError, PromptError: Bad input; the tracker keeps its previous target.
            ConfigError: Nothing names the target; a mask without ``masks=True``; GPU memory with ``static_check``.
            ClosedError: The tracker was closed.
        """
        given, (pixels, x, time_s, _) = four_of(box), parts_of(frame, x, time_s)
        whole = self._outlining.first(mask)
        with door, self._turn:
            core = self._open_core()
            given_text = None if text is None else self._native_text(text)
            try:
                with self._outlining.taken(self.engine, pixels, x) as lent:
                    result = core.start(lent, given_text, given, time_s, whole)
            except (FrameError, BoxError, PromptError, ConfigError):
                raise
            except BaseException:
                self._history = None
                raise
            return self._begin(text).add(result, time_s, self._outlining.of(core, lent, result))

    def update(
        self,
        frame: Pixels | Frame | None = None,
        *,
        x: Pixels | Frame | None = None,
        deadline_ms: float | None = None,
        time_s: float | None = None,
    ) -> Track:
        """Find the target in the next frame.

        If inference is expected to exceed the deadline (by the median of its recent runs), the box of a tracked target
        is extrapolated at its recent velocity instead; ``Track.basis`` is then "coasted". The deadline is a goal, not
        a guarantee: inference always runs after 3 coasted frames in a row, and while the target is searched for,
        uncertain or lost.

        The policy counts frames of a video at 30 FPS. If the times of the frames are known, each frame counts for the
        time since the previous one, so that a target is lost, verified and extrapolated after the same number of
        seconds at any frame rate; otherwise each frame counts as one. A time that is not later than the previous one,
        or later by more than a second, is not used: the clock was set. After a ``Frame`` with a ``gap_s`` of more than
        a second, the whole frame is searched before the search region.

        Args:
            frame: As for ``start``; its size may differ from the previous one. None if color is missing.
            x: The second sensor's image; None if it is missing. A frozen or blank one counts as missing.
            deadline_ms: Latency budget in milliseconds from this call, greater than 0; None for no deadline.
            time_s: Time of the frame in seconds, on the clock of ``start``; None for that of a ``Frame``, if any.

        Returns:
            The track of this frame.

        Raises:
            FrameError, ConfigError: Bad input; the frame does not count.
            NotStartedError: There is no target yet.
            ClosedError: The tracker was closed.
        """
        check_deadline(deadline_ms)
        pixels, x, time_s, gap = parts_of(frame, x, time_s)
        with door, self._turn:
            core = self._open_core()
            with self._outlining.taken(self.engine, pixels, x) as lent:
                if gap:
                    core.note_gap()
                result = core.update(lent, deadline_ms, time_s)
            history = self._history or self._begin(None)
            return history.add(result, time_s, self._outlining.of(core, lent, result))

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

    def choose(self, candidate: Candidate | Box | Sequence[float]) -> None:
        """Select a candidate as the target; it is followed from the next frame on instead of the previous object.

        The candidate may have moved since it was found, so the whole next frame is searched, and the candidate at that
        position (IoU of 0.3 or more) is followed, or else what is in the box. That frame takes as long as ``start``.
        The text is kept: while the target is followed, it affects the score but no longer selects another object, and
        it finds the target again when it is lost.

        Args:
            candidate: One of ``Track.candidates``, or its box.

        Raises:
            BoxError: It is not a box, or its center is outside the last frame.
            NotStartedError: There is no target yet.
            ClosedError: The tracker was closed.
        """
        place = place_of(candidate)
        with door, self._turn:
            self._open_core().choose(place)

    def correct(self, box: Box | Sequence[float]) -> None:
        """Set the box of the target in the next frame; it is followed from there, and its appearance is learned again.

        The text is kept, as for ``choose``, and so is ``Track.id``.

        Args:
            box: A ``Box`` or ``(x, y, w, h)`` in pixels of the next frame, origin at the top left.

        Raises:
            BoxError: It is not a box, or its center is outside the last frame.
            NotStartedError: There is no target yet.
            ClosedError: The tracker was closed.
        """
        place = Box.of(box).xywh
        with door, self._turn:
            self._open_core().correct(place)

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
