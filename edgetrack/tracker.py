"""The tracker: a target named by a sentence, a box or both is searched for, followed, lost and found again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from numbers import Real
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from edgetrack._native import runtime
from edgetrack.arrays import GpuFrame, Pixels, device_of
from edgetrack.bundle import Bundle
from edgetrack.crop import check_packed
from edgetrack.engines import open_engine
from edgetrack.engines.base import Engine
from edgetrack.engines.binding import bind, describe
from edgetrack.errors import ConfigError
from edgetrack.policy import Policy
from edgetrack.prompt import Tokenizer
from edgetrack.types import Basis, Box, Status, Timing, Track


class Tracker:
    """Follows one target. Trackers share no state; several may share one engine.

    The steps of a frame are C++ (``runtime_cpp``) and run without the interpreter lock, as the network does.

    Args:
        bundle: folder of a model bundle, name of a shipped one, an open ``Bundle``, or None for the default.
        engine: "auto", one of ``edgetrack.engines.ENGINES`` by its name, or the ``engine`` of another tracker, whose
            bundle is then used.
        precision: "auto", "fp32", "int8", with OpenVINO also "bf16", on a GPU "fp16".
        threads: that one network call may use.
        static_check: whether a box that has not moved stands, without the network, while its surroundings hardly
            change, for up to 5 frames in a row; ``Track.basis`` is then "reused". Not for frames in GPU memory.

    Attributes:
        engine: what runs the network: its ``name``, ``precision`` and ``reason`` (why it was taken) are texts.

    Raises:
        BundleError: the bundle is missing, damaged or foreign.
        ConfigError: an argument is not as described, or a bundle comes with an engine that has one.
        EngineUnavailable, MissingExtra: the engine or the precision cannot run here.
    """

    def __init__(
        self,
        bundle: str | Path | Bundle | None = None,
        *,
        engine: str | Engine = "auto",
        precision: str = "auto",
        threads: int = 2,
        static_check: bool = False,
    ) -> None:
        if not isinstance(static_check, bool):
            raise ConfigError(f"static_check is {static_check!r}; expected True or False")
        self.engine = shared_engine(bundle, engine, precision, threads)
        self._tokenizer: Tokenizer | None = None
        self._core = runtime.Tracker(**core_options(self.engine))
        self._core.set_static_check(static_check)

    def start(self, frame: Pixels, *, text: str | None = None, box: Any = None) -> Track:
        """Names the target, and finds it in the first frame; forgets any target before it.

        Args:
            frame: uint8 (H, W, 3) BGR; rows may lie apart, the pixels of a row are packed. A numpy array, or one of
                another library in host memory (DLPack), which is read where it lies; with engine "tensorrt" also one in
                the memory of its GPU (DLPack or ``__cuda_array_interface__``), which is cropped there, never copied.
            text: what it is, such as "red car"; without ``box`` the whole frame is searched.
            box: where it is: a ``Box`` or ``(x, y, w, h)`` in pixels of the frame, origin at the top left, its centre
                inside the frame.

        Returns:
            The track of this frame: the box that was given, or what was found.

        Raises:
            FrameError, BoxError, PromptError: bad input; the tracker then still has its target from before.
            ConfigError: neither text nor box; a frame in GPU memory with ``static_check``.
        """
        given = None if box is None else Box.of(box).xywh
        tokens = None if text is None else self._tokens(text)
        with taken(self.engine, frame) as pixels:
            return track_of(self._core.start(pixels, tokens, given))

    def update(self, frame: Pixels, *, deadline_ms: float | None = None) -> Track:
        """Finds the target in the next frame.

        With a deadline, a box that is tracked coasts at its velocity of late while the network would take longer than
        there is time (the median of its last runs here); ``Track.basis`` is then "coasted". It is a wish, not a
        guarantee: after 3 coasted frames in a row the network runs whatever the deadline says, as it does while
        the target is searched for, uncertain or lost.

        Args:
            frame: uint8 (H, W, 3) BGR, as for ``start``; its size may differ from the one before.
            deadline_ms: when the answer is wanted, in milliseconds from this call, more than 0; None: when it is ready.

        Raises:
            FrameError, ConfigError: bad input; the frame does not count.
            NotStartedError: there is no target yet.
        """
        if deadline_ms is not None and (not isinstance(deadline_ms, Real) or isinstance(deadline_ms, bool)):
            raise ConfigError(
                f"deadline_ms is {deadline_ms!r}; expected a positive number of milliseconds, or None for no deadline"
            )
        with taken(self.engine, frame) as pixels:
            return track_of(self._core.update(pixels, deadline_ms))

    def set_text(self, text: str) -> None:
        """Describes another target, from the next frame on: takes milliseconds, nothing is rebuilt.

        Looking starts anew. To keep following what is followed now, under another name, start with its box.

        Raises:
            PromptError: bad text; the target stays what it was.
            NotStartedError: there is no target yet.
        """
        self._core.set_text(*self._tokens(text))

    @property
    def timing(self) -> Timing:
        """Where the time of the last ``start``, ``update`` or ``set_text`` went, without the Python around it."""
        return timing_of(self._core.timing())

    def _tokens(self, text: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        if self._tokenizer is None:
            self._tokenizer = Tokenizer(self.engine.bundle)
        return self._tokenizer.encode(text)


def taken(engine: Engine, frame: Pixels) -> AbstractContextManager[NDArray[np.uint8] | GpuFrame]:
    """A frame as the C++ trackers take it, while the context lasts: of an engine that has ``lend``, also on its GPU.

    Raises:
        FrameError: it is no frame, or lies where the engine cannot crop it.
    """
    lend: Callable[[Pixels], AbstractContextManager[GpuFrame]] | None = getattr(engine, "lend", None)
    if lend is None or device_of(frame) is None:
        return nullcontext(check_packed(frame))
    return lend(frame)


def core_options(engine: Engine) -> dict[str, Any]:
    """What the C++ trackers are made of."""
    manifest = engine.bundle.manifest
    return {
        "graph": lambda role: describe(engine.graph(role)),
        "bind": lambda role, inputs, outputs: bind(engine.graph(role), inputs, outputs),
        "template_factor": manifest.factors["template"],
        "search_factor": manifest.factors["search"],
        "mean": manifest.mean,
        "std": manifest.std,
        "fill": manifest.fill,
        "policy": asdict(Policy.of(manifest.thresholds_of(engine.precision))),
    }


def track_of(result: tuple[tuple[float, float, float, float] | None, float, str, int, str]) -> Track:
    """The track that the C++ tracker's tuple stands for."""
    box, score, status, index, basis = result
    return Track(None if box is None else Box(*box), score, cast(Status, status), index, cast(Basis, basis))


def timing_of(seconds: tuple[float, float, float]) -> Timing:
    """Of the seconds of crop, network and whole."""
    crop_s, network_s, total_s = seconds
    return Timing(crop_s * 1e3, network_s * 1e3, (total_s - crop_s - network_s) * 1e3)


def shared_engine(
    bundle: str | Path | Bundle | None, engine: str | Engine, precision: str, threads: int
) -> Engine:
    """The engine that is given, or a new one for the bundle; see ``Tracker``."""
    if isinstance(engine, str):
        opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
        opened.check_tensors()
        return open_engine(opened, engine=engine, precision=precision, threads=threads)
    if not hasattr(engine, "bundle"):
        raise ConfigError(f"engine is {engine!r}; expected the name of an engine, or the engine of a tracker")
    if bundle is not None:
        raise ConfigError(
            "got a bundle and an open engine, which has its own bundle; give the tracker one of the two"
        )
    return engine
