"""The systems under test: edgetrack, and any `PhraseModel`."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrack.bundle import Bundle
from edgetrack.errors import ConfigError, PromptWarning
from edgetrack.evaluation.phrases.detector import DetectorModel
from edgetrack.evaluation.phrases.types import Answer, PhraseModel, Respondent, ScoredBox
from edgetrack.evaluation.trackers.opencv import sha256
from edgetrack.evaluation.trackers.registry import open_entry
from edgetrack.evaluation.trackers.text_length import FitText
from edgetrack.evaluation.types import DETECTOR, OWN, Pixels, is_own
from edgetrack.peers import FrameTracker
from edgetrack.types import Track
from edgetrack.words import Vocabulary


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """An opened system."""

    name: str
    respondent: Respondent
    facts: dict[str, str]  # facts for the report
    fit: FitText = str  # truncates phrases that are too long for the model


class TrackerRespondent:
    """A tracker that takes a text. A box is shown if the status of the first frame is tracking or uncertain.

    The score is ``Track.score``, which without a box is the confidence that the target is in view.
    """

    def __init__(self, tracker: FrameTracker) -> None:
        self._tracker = tracker
        bundle = getattr(getattr(tracker, "engine", None), "bundle", None)
        self._vocabulary = Vocabulary.of(bundle) if isinstance(bundle, Bundle) else None

    def ask(self, picture: Pixels, phrase: str) -> Answer:
        """Start the tracker on an image with a phrase."""
        warned = self._vocabulary is not None and bool(self._vocabulary.unknown(phrase))
        begin_s = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PromptWarning)
            track = self._tracker.start(picture, text=phrase)
        milliseconds = 1e3 * (time.perf_counter() - begin_s)
        tracking = track.status == "tracking"
        return Answer(_considered(track), track.score, track.box is not None, tracking, milliseconds, warned)

    def repeat(self, picture: Pixels) -> bool:
        """Update the tracker with the same image."""
        return self._tracker.update(picture).status == "tracking"


def _considered(track: Track) -> tuple[ScoredBox, ...]:
    """Return the candidates of a track, best first; for other trackers only the box that they give."""
    if track.candidates:
        return tuple((candidate.box.xywh, candidate.score) for candidate in track.candidates)
    return () if track.box is None else ((track.box.xywh, track.score),)


class ModelRespondent:
    """A model for single images. A box is shown, and tracking, if its score reaches the model's threshold."""

    def __init__(self, model: PhraseModel) -> None:
        self._model = model
        self._tracking = False

    def ask(self, picture: Pixels, phrase: str) -> Answer:
        """Find a phrase with the model."""
        begin_s = time.perf_counter()
        found = self._model.find(picture, phrase)
        milliseconds = 1e3 * (time.perf_counter() - begin_s)
        score = found[0][1] if found else 0.0
        self._tracking = score >= self._model.threshold
        return Answer(tuple(found), score, self._tracking, self._tracking, milliseconds)

    def repeat(self, picture: Pixels) -> bool:
        """Return the last answer again, because the same image has the same boxes."""
        return self._tracking


def open_model(name: str, *, open_edgetrack: Callable[..., Any], threads: int) -> ModelEntry:
    """Open a system by name: "edgetrack", "edgetrack:MODEL@PRECISION", or "detector:FILE.onnx".

    Args:
        name: name as in ``--tracker``.
        open_edgetrack: function like ``edgetrack.open_tracker``.
        threads: number of threads of a detector; edgetrack's are set by ``open_edgetrack``.

    Raises:
        ConfigError: the name is unknown, the tracker takes no text, or the detector has no description.
        EngineUnavailable: the system cannot run on this machine.
    """
    kind, _, file = name.partition(":")
    if kind == DETECTOR:
        model = DetectorModel(Path(file), threads=threads)
        facts = {
            "model": f"{model.path.name}, with rules that select among its boxes",
            "sha256": sha256(model.path),
            "engine": f"ONNX Runtime, {threads} threads",
            "shown from": f"score {model.threshold:g}",
        }
        return ModelEntry(f"{DETECTOR}:{model.path.name}", ModelRespondent(model), facts)
    if not is_own(name):
        raise ConfigError(
            f"tracker {name!r} cannot be evaluated on phrases; expected {OWN}[:MODEL][@PRECISION] or "
            f"{DETECTOR}:FILE.onnx"
        )
    entry = open_entry(name, open_edgetrack=open_edgetrack, peer_weights=None, threads=threads)
    if "nl" not in entry.modes:
        raise ConfigError(
            f"tracker {name!r} takes no text, and this dataset gives phrases only; leave this tracker out"
        )
    return ModelEntry(name, TrackerRespondent(entry.tracker), entry.facts, entry.fit)
