"""The evaluation of images with phrases, from request to report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import groupby, product

from edgetrack.datasets import Phrase
from edgetrack.errors import ConfigError
from edgetrack.evaluation.execution.events import FramesDone, Planned, Provenance
from edgetrack.evaluation.execution.request import OpenTracker, Request
from edgetrack.evaluation.phrases.language import DATASET, known_parts
from edgetrack.evaluation.phrases.metrics import PhraseMetrics, Result, Swapped, best_iou, score_phrases
from edgetrack.evaluation.phrases.models import ModelEntry, open_model
from edgetrack.evaluation.phrases.reading import load_phrases
from edgetrack.evaluation.phrases.swaps import swapped
from edgetrack.evaluation.phrases.types import Answer, Respondent
from edgetrack.evaluation.trackers.text_length import truncation_note
from edgetrack.evaluation.types import Pixels
from edgetrack.reporting import machine

REPEATS = 30  # repeated frames in which an absent phrase must not be tracked
ONE_PHRASE = FramesDone(1)


@dataclass(frozen=True, slots=True)
class PhraseReport:
    """All results of an evaluation of images with phrases.

    Attributes:
        provenance: how the metrics were measured.
        rows: the metrics of each system.
        results: the answers of each system, in the order of the phrases.
    """

    provenance: Provenance
    rows: Sequence[PhraseMetrics]
    results: Sequence[Sequence[Result]]
    is_language: bool = False  # sentences with known answers, instead of phrases


def evaluate_phrases(
    request: Request, *, open_edgetrack: OpenTracker
) -> Iterator[Planned | FramesDone | PhraseReport]:
    """Evaluate every system on every phrase, and yield the progress; the last item is the report.

    The systems alternate on each phrase, so that a machine that slows down affects all of them. Nothing is written.

    Args:
        request: request, of which dataset, path, split, trackers, threads and command are used.
        open_edgetrack: function that opens edgetrack's tracker, such as ``edgetrack.open_tracker``.

    Yields:
        `Planned`, a `FramesDone` for each phrase and system, finally a `PhraseReport`.

    Raises:
        EdgetrackError: an input is missing, invalid or unreadable.
    """
    if request.output.exists() and (not request.output.is_dir() or any(request.output.iterdir())):
        raise ConfigError(
            f"{request.output} contains other files; expected an empty folder: choose another --output"
        )
    phrases = load_phrases(request.dataset, request.path, request.split)
    entries = [
        open_model(name, open_edgetrack=open_edgetrack, threads=request.threads) for name in request.trackers
    ]
    yield Planned(len(phrases) * len(entries))
    results: list[list[Result]] = [[] for _ in entries]
    for _, same_picture in groupby(phrases, key=lambda phrase: phrase.image):
        asked = list(same_picture)
        pixels = asked[0].read()
        for phrase, (entry, found) in product(asked, list(zip(entries, results, strict=True))):
            ask = _sentence if request.dataset == DATASET else _result
            found.append(ask(entry, phrase, pixels))
            yield ONE_PHRASE
    rows = [score_phrases(e.name, found) for e, found in zip(entries, results, strict=True)]
    provenance = _provenance(request, entries, phrases)
    yield PhraseReport(provenance, rows, results, request.dataset == DATASET)


def _result(entry: ModelEntry, phrase: Phrase, pixels: Pixels) -> Result:
    answer = entry.respondent.ask(pixels, entry.fit(phrase.text))
    if phrase.absent:
        return Result(phrase, answer, 0.0, _tracked_after(entry.respondent, pixels, answer))
    iou, other = best_iou(answer.box, phrase.boxes), swapped(phrase.text)
    if other is None:
        return Result(phrase, answer, iou, None)
    swap, text = other
    return Result(
        phrase, answer, iou, None, Swapped(swap, text, entry.respondent.ask(pixels, entry.fit(text)))
    )


def _sentence(entry: ModelEntry, phrase: Phrase, pixels: Pixels) -> Result:
    """Evaluate a sentence with a known answer, and its parts."""
    answer = entry.respondent.ask(pixels, entry.fit(phrase.text))
    parts = [known_parts(entry.respondent.ask(pixels, text), boxes) for text, boxes in phrase.parts]
    return Result(
        phrase,
        answer,
        best_iou(answer.box, phrase.boxes),
        0 if phrase.absent and answer.tracking else None,
        parts=min(parts, default=None),
    )


def _tracked_after(respondent: Respondent, pixels: Pixels, answer: Answer) -> int | None:
    """Return the number of repeats of the image after which tracking was reported; None if it never was."""
    if answer.tracking:
        return 0
    return next((i for i in range(1, REPEATS + 1) if respondent.repeat(pixels)), None)


def _provenance(request: Request, entries: Sequence[ModelEntry], phrases: Sequence[Phrase]) -> Provenance:
    split = f" {request.split}" if request.split else ""
    texts = [phrase.text for phrase in phrases]
    absent, images = sum(phrase.absent for phrase in phrases), {phrase.image for phrase in phrases}
    size = f"{len(phrases)} phrases, {absent} of them absent, {len(images)} images"
    return Provenance(
        command=request.command,
        made=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        dataset=f"{request.dataset} {request.path.name}{split}: {size}",
        settings={"dataset": request.dataset, "split": request.split, "path": str(request.path.resolve())},
        trackers={entry.name: entry.facts for entry in entries},
        machine=machine.facts(),
        notes=tuple(note for e in entries for note in truncation_note(e.name, texts, e.fit)),
    )
