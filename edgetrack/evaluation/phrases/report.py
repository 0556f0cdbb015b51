"""The report of images with phrases: tables, phrases.json, and report.html with images of the failures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgetrack.evaluation.execution.records import write_texts
from edgetrack.evaluation.metrics.proportions import Proportion
from edgetrack.evaluation.phrases.evaluate import REPEATS, PhraseReport
from edgetrack.evaluation.phrases.language import CLEAR, LanguageMetrics, score_language
from edgetrack.evaluation.phrases.metrics import Parts, PhraseMetrics, Result
from edgetrack.evaluation.report.failure_cases import thumbnail
from edgetrack.evaluation.report.files import plain
from edgetrack.evaluation.report.html import evaluation_page
from edgetrack.reporting import html
from edgetrack.reporting.table import Table, number

MAX_FAILURES = 48  # images per system
MAX_CANDIDATES = 5  # per phrase in phrases.json
DEFINITIONS = (
    "Best box: fraction of the phrases that name something in the image for which the best candidate, "
    "whatever its score, has IoU >= 0.5 with one of the true boxes; for a tracker without candidates, the "
    "box that it shows. 95 %: Wilson interval.",
    "Shown: the best box is right and shown to the user after one frame. For edgetrack: the status is "
    "tracking or uncertain, which requires the model's candidate_threshold. For a detector: its best score "
    "reaches its threshold.",
    "Tracking: the best box is right and the status after one frame is tracking, which requires "
    "text_detect_threshold; for a detector, the same as shown.",
    f"Absent phrases: fraction reported as tracking on the first frame, and within {REPEATS} more frames "
    "with the same image. A detector gives the same result in each of them.",
    "AUROC of presence: scores of phrases that name something against scores of absent ones; of class nouns: "
    "phrases whose kind begins with class or absent_class. Score: Track.score on the first frame; for a "
    "detector, the score of its best box.",
    "Swapped: phrases with one word swapped (left and right, largest and smallest, one color and another). "
    "Changed: a different best box (IoU < 0.5), or a box that is no longer shown. Of right: among phrases "
    "with a right answer.",
    "ms: median time of a first frame, for information only; it includes other load on the machine.",
)
LANGUAGE_DEFINITIONS = (
    "Right: after one frame, a box is shown (tracking or uncertain) and has IoU >= 0.5 with one of the true "
    "boxes. Refused: no box is shown, or the user is warned that the model was not trained on a word. Wrong: "
    "neither. 95 %: Wilson interval of right or refused. Tracking wrong: fraction of all phrases that show a "
    "wrong box with the status tracking.",
    "Parts found: only sentences whose parts were found. A part is a plain phrase, such as car in second car "
    "from the left; it was found if the first candidates for this phrase alone are exactly its objects.",
    f"Parts told apart: the parts were found, their objects score at least {CLEAR} of the best one, and nothing "
    "else does.",
)
LANGUAGE = "kind|model|sentences|right|refused|right or refused|95 %|tracking wrong"
SUMMARY = "model|phrases|best box|shown|tracking|"
SUMMARY += "absent|tracking at once|repeated|AUROC|AUROC classes|swapped|changed|ms"
PRESENT = "kind|model|phrases|best box|95 %|shown|95 %|tracking|95 %"
ABSENT = "kind|model|phrases|tracking at once|95 %|repeated|95 %"
SWAPPED = "swap|model|phrases|changed|95 %|of right|changed|95 %"
COUNTS = (  # of sentences: title of the table, name in the JSON file, and how well the parts must be known
    ("Sentences", "all", None),
    ("Sentences whose parts were found", "parts_found", Parts.FOUND),
    ("Sentences whose parts were told apart", "parts_told_apart", Parts.TOLD_APART),
)


def phrase_tables(rows: Sequence[PhraseMetrics]) -> list[Table]:
    """Return the tables: summary, phrases by kind, absent phrases, and swapped words."""
    kinds = [
        [p.kind, row.model, str(p.best.total), *_share(p.best), *_share(p.shown), *_share(p.tracking)]
        for row, p in _turns((row, row.present) for row in rows)
    ]
    absent = [
        [a.kind, row.model, str(a.at_once.total), *_share(a.at_once), *_share(a.repeated)]
        for row, a in _turns((row, row.absent) for row in rows)
    ]
    swaps = [
        [
            s.swap,
            row.model,
            str(s.changed.total),
            *_share(s.changed),
            str(s.changed_right.total),
            *_share(s.changed_right),
        ]
        for row, s in _turns((row, row.swaps) for row in rows)
    ]
    found = [
        Table("Phrases", SUMMARY.split("|"), [_summary(row) for row in rows], words=1),
        Table("Phrases by kind", PRESENT.split("|"), kinds),
    ]
    if any(row.absent[0].at_once.total for row in rows):
        found.append(Table("Absent phrases", ABSENT.split("|"), absent))
    if any(row.swaps[0].changed.total for row in rows):
        found.append(Table("Swapped words", SWAPPED.split("|"), swaps))
    return found


def language_tables(rows: Sequence[PhraseMetrics], results: Sequence[Sequence[Result]]) -> list[Table]:
    """Return the tables of right and refused answers to all sentences, and to those whose parts are known."""
    tables = []
    for title, _, parts in COUNTS:
        scored = [score_language(answers, parts=parts) for answers in results]
        kinds = list(dict.fromkeys(entry.kind for entries in scored for entry in entries))
        lines = [
            _language_row(entry, row.model)
            for kind in kinds
            for row, entries in zip(rows, scored, strict=True)
            for entry in entries
            if entry.kind == kind
        ]
        tables.append(Table(title, LANGUAGE.split("|"), lines, words=2))
    return tables


def _language_row(entry: LanguageMetrics, model: str) -> list[str]:
    shares = [number(value.share) for value in (entry.right, entry.refused)]
    return [
        entry.kind,
        model,
        str(entry.right.total),
        *shares,
        *_share(entry.either),
        number(entry.tracking_wrong.share),
    ]


def report_tables(report: PhraseReport) -> list[Table]:
    """Return the tables of a report, for sentences with known answers or for phrases."""
    if report.is_language:
        return language_tables(report.rows, report.results)
    return phrase_tables(report.rows)


def write_phrase_report(report: PhraseReport, output: Path, *, page: bool = True) -> list[Path]:
    """Write phrases.json and, unless ``page`` is False, report.html, for which the images of failures are read again.

    Raises:
        DatasetError: an image cannot be read.
        SinkError: a file cannot be written.
    """
    texts = {"phrases.json": _to_json(report)}
    if page:
        texts = {"report.html": _to_html(report), **texts}
    return write_texts(output, texts)


def _turns(columns: Iterable[tuple[PhraseMetrics, Sequence[Any]]]) -> list[tuple[PhraseMetrics, Any]]:
    """Return the first entry of each system, then the second of each, and so on."""
    pairs = [[(row, entry) for entry in entries] for row, entries in columns]
    return [pair for turn in zip(*pairs, strict=True) for pair in turn]


def _share(value: Proportion) -> list[str]:
    interval = f"{number(value.low)}-{number(value.high)}" if value.total else "-"
    return [number(value.share), interval]


def _summary(row: PhraseMetrics) -> list[str]:
    present, absent, swaps = row.present[0], row.absent[0], row.swaps[0]
    cells = [row.model, str(present.best.total)]
    cells += [number(value.share) for value in (present.best, present.shown, present.tracking)]
    cells += [str(absent.at_once.total), number(absent.at_once.share), number(absent.repeated.share)]
    cells += [number(row.auroc), number(row.auroc_classes)]
    return [*cells, str(swaps.changed.total), number(swaps.changed.share), number(row.first_ms, digits=1)]


def _to_json(report: PhraseReport) -> str:
    content: dict[str, Any] = asdict(report.provenance)
    content["definitions"] = LANGUAGE_DEFINITIONS if report.is_language else DEFINITIONS
    if report.is_language:
        content["language"] = [
            {name: [asdict(row) for row in score_language(results, parts=parts)] for _, name, parts in COUNTS}
            for results in report.results
        ]
    content["models"] = [
        {**asdict(row), "answers": [_answer(result) for result in results]}
        for row, results in zip(report.rows, report.results, strict=True)
    ]
    return json.dumps(plain(content), indent=1) + "\n"


def _answer(result: Result) -> dict[str, Any]:
    phrase, answer, other = result.phrase, result.answer, result.swapped
    content: dict[str, Any] = {
        "image": phrase.image.name,
        "phrase": phrase.text,
        "kind": phrase.kind,
        "boxes": phrase.boxes,
        "candidates": [[*box, score] for box, score in answer.candidates[:MAX_CANDIDATES]],
        "score": answer.score,
        "shown": answer.shown,
        "tracking": answer.tracking,
        "milliseconds": answer.milliseconds,
    }
    if phrase.absent:
        content["tracked_after"] = result.tracked_after
    else:
        content |= {"iou": result.iou, "right": result.right}
    if phrase.parts:
        content["parts"] = None if result.parts is None else result.parts.name.lower()
    content["outcome"] = result.outcome
    if other is not None:
        content["swapped"] = {"phrase": other.text, "box": other.answer.box, "changed": result.changed}
    return content


def _to_html(report: PhraseReport) -> str:
    parts = [*map(html.table, report_tables(report))]
    for row, results in zip(report.rows, report.results, strict=True):
        failures = find_failures(results, language=report.is_language)
        title = f"Failures: {row.model}"
        shown = [_figure(result) for result in failures[:MAX_FAILURES]]
        parts += [html.gallery(title, shown), html.paragraph(_count(failures), quiet=True)]
    definitions = LANGUAGE_DEFINITIONS if report.is_language else DEFINITIONS
    return evaluation_page(report.provenance, parts, definitions)


def _count(failures: Sequence[Result]) -> str:
    return (
        f"{min(len(failures), MAX_FAILURES)} of {len(failures)} failures, most confident first, taking the "
        "kinds in turn; true boxes in white, the best box in orange."
    )


def find_failures(results: Sequence[Result], *, language: bool = False) -> list[Result]:
    """Return wrong best boxes and tracked absent phrases, alternating between kinds, highest scores first.

    With ``language``, return the results whose outcome is wrong.
    """
    wrong = [r for r in results if (r.outcome == "wrong" if language else _is_failure(r))]
    ranked: list[tuple[int, str, Result]] = []
    for kind in sorted({r.phrase.kind for r in wrong}):
        rows = sorted((r for r in wrong if r.phrase.kind == kind), key=lambda r: -r.answer.score)
        ranked += [(rank, kind, row) for rank, row in enumerate(rows)]
    return [row for _, _, row in sorted(ranked, key=lambda entry: entry[:2])]


def _is_failure(result: Result) -> bool:
    return result.tracked_after is not None if result.phrase.absent else not result.right


def _figure(result: Result) -> str:
    phrase, answer = result.phrase, result.answer
    if phrase.absent and result.tracked_after is None:
        verdict = "absent, shown as uncertain"
    elif phrase.absent:
        verdict = f"absent, tracking after {result.tracked_after} repeats"
    else:
        verdict = f"IoU {result.iou:.2f}" if answer.box else "no box"
    source = thumbnail(phrase.read(), phrase.boxes, [answer.box])
    return html.figure(source, f"{phrase.text} ({phrase.kind}): {verdict}, score {answer.score:.2f}")
