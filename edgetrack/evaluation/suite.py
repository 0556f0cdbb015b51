"""A whole evaluation, from what is asked for to the files of its report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone

from rich.console import Console

from edgetrack.datasets import RegionSet
from edgetrack.datasets import Sequence as Clip
from edgetrack.errors import ConfigError
from edgetrack.evaluation import machine
from edgetrack.evaluation.claim import claim
from edgetrack.evaluation.cluster import on_cluster
from edgetrack.evaluation.controls import texts
from edgetrack.evaluation.figures import RunFigures, of_run
from edgetrack.evaluation.grounding import Expressions, GroundingFigures, grounding_table, of_parts, parts
from edgetrack.evaluation.grounding_page import grounding_html
from edgetrack.evaluation.page import to_html
from edgetrack.evaluation.records import Record, is_kept, load, save, write_text
from edgetrack.evaluation.report import SHARED, About, summary_tables, write_grounding, write_reports
from edgetrack.evaluation.request import OpenTracker, Request
from edgetrack.evaluation.results import write_results
from edgetrack.evaluation.runner import Run, plan
from edgetrack.evaluation.sentences import cut_note
from edgetrack.evaluation.sequences import check_boxes, check_scored, chosen, digest, open_split, sequences
from edgetrack.evaluation.streams import CLEAN, SWITCH
from edgetrack.evaluation.switching import switched
from edgetrack.evaluation.tables import MORE_TITLE
from edgetrack.evaluation.terminal import open_progress, print_table
from edgetrack.evaluation.trackers import Entrant
from edgetrack.evaluation.work import Job, Setup, Worker, here, in_processes
from edgetrack.status import print_written


def evaluate(request: Request, *, open_edgetrack: OpenTracker, console: Console) -> list[RunFigures]:
    """Runs what is not on disk yet, prints the tables and writes the reports and result files.

    Returns:
        The figures of each run; none of a split whose boxes are not public.

    Raises:
        EdgetrackError: something is missing, wrong or cannot be read; finished sequences stay on disk.
    """
    clips = sequences(request.dataset, request.path, request.split)
    taken = chosen(clips, list(request.names))
    modes = request.modes or ("bbox",)
    if hidden := any(clip.hidden for clip in taken):
        _check_hidden(request)
    if set(modes) != {"nl"}:
        check_boxes(taken)
    setup = _setup(request, clips, open_edgetrack)
    entrants = [setup.open(name) for name in request.trackers]
    runs = plan(entrants, modes, request.controls, request.conditions)
    plain = [run for run in runs if run.condition == CLEAN and run.control == "none"]
    if request.results and not plain:
        raise ConfigError("--results writes the boxes of the true texts; add --text-control none")
    check_scored(taken, dict.fromkeys(run.condition for run in runs), clips=clips, seed=request.seed)
    jobs = _jobs(request, runs, clips, taken)
    labels = digest((clip.name, clip.text, clip.boxes) for clip in clips)
    claim(request.output, {**request.settings(), "labels": labels}, entrants, resume=request.resume)
    told = [clip.text for clip in taken] if any(run.mode != "bbox" for run in runs) else []
    notes = tuple(note for e in entrants if "nl" in e.modes for note in cut_note(e.name, told, e.fit))

    def scored(run: Run) -> tuple[list[Clip], list[Record]]:
        shown = [switched(c, clips=clips, seed=request.seed)[0] for c in taken] if _switches(run) else taken
        return shown, [load(run.file(request.output, c.name), frames=len(c)) for c in shown]

    found: dict[Run, RunFigures] = {}

    def finished(run: Run) -> None:
        if not hidden:
            found[run] = of_run(run, *scored(run))
        auc = "not scored" if hidden else f"AUC {found[run].ope.auc:.3f}"
        console.print(f"{run.tracker} {run.label}: {len(taken)} sequences, {auc}", soft_wrap=True)

    _work(request, jobs, setup, entrants, finished, console)
    for run in runs:
        if run not in found:
            finished(run)
    written = [write_results(f, run, *scored(run), request.output) for f in request.results for run in plain]
    figures = [] if hidden else [found[run] for run in runs]
    if not hidden:
        frames = sum(map(len, taken))
        about = _about(request, entrants, f"{len(taken)} sequences, {frames} frames", notes)
        _show(console, figures, about)
        page = request.output / "report.html"
        write_text(page, to_html(figures, about, taken))
        written += [page, *write_reports(figures, about, request.output)]
    print_written(console, *written)
    return figures


def evaluate_regions(
    request: Request, *, open_edgetrack: OpenTracker, console: Console
) -> list[GroundingFigures]:
    """The same for a grounding set: each sentence is one question.

    Raises:
        EdgetrackError: as of `evaluate`; or an option that is of no use with pictures.
    """
    asked = (request.modes in ((), ("nl",)), request.controls == ("none",), not request.names)
    if not all((*asked, request.conditions == (CLEAN,), not request.results)):
        raise ConfigError(
            f"{request.dataset} has pictures and sentences; expected --mode nl or none, and no --text-control, "
            "--sequences, --results or disturbance"
        )
    opened = open_split(request.dataset, request.path, request.split)
    if not isinstance(opened, RegionSet):
        raise ConfigError(f"{request.dataset} has sequences, no pictures; expected a grounding set")
    found = parts(opened)
    setup = _setup(request, found, open_edgetrack)
    entrants = [setup.open(name) for name in request.trackers]
    runs = plan(entrants, ("nl",), ("none",), (CLEAN,))
    jobs = [
        Job(run, place)
        for run in runs
        for place, part in enumerate(found)
        if not is_kept(run.file(request.output, part.name))
    ]
    labels = digest((part.name, "\0".join(text for _, text in part.pairs), part.boxes) for part in found)
    claim(request.output, {**request.settings(), "labels": labels}, entrants, resume=request.resume)
    _work(request, jobs, setup, entrants, lambda run: None, console)
    told = [text for part in found for _, text in part.pairs]
    records = [[load(r.file(request.output, part.name), frames=len(part)) for part in found] for r in runs]
    rows = [of_parts(r.tracker, found, answers) for r, answers in zip(runs, records, strict=True)]
    notes = tuple(note for e in entrants for note in cut_note(e.name, told, e.fit))
    about = _about(request, entrants, f"{len(opened)} regions, {len(told)} sentences", notes)
    print_table(console, grounding_table(rows))
    _say(console, about)
    page = request.output / "report.html"
    write_text(page, grounding_html(rows, about, found, records))
    print_written(console, page, *write_grounding(rows, about, request.output))
    return rows


def _setup(
    request: Request, clips: Sequence[Clip] | Sequence[Expressions], open_edgetrack: OpenTracker
) -> Setup:
    return Setup(
        clips, open_edgetrack, request.peer_weights, request.threads, request.seed, request.corrupt_init
    )


def _jobs(request: Request, runs: Sequence[Run], clips: list[Clip], taken: list[Clip]) -> list[Job]:
    """What is not on disk yet, with what the tracker is told.

    The runs of a sequence follow each other: a machine that slows down does so for all trackers.
    """
    controls = {run.control for run in runs if run.mode != "bbox"}
    said = {
        control: texts(clips if control == "shuffled" else taken, control, seed=request.seed)
        for control in controls
    }
    places = {clip.name: place for place, clip in enumerate(clips)}
    return [
        Job(run, places[clip.name], "" if run.mode == "bbox" else said[run.control][clip.name])
        for clip in taken
        for run in runs
        if not is_kept(run.file(request.output, clip.name))
    ]


def _work(
    request: Request,
    jobs: Sequence[Job],
    setup: Setup,
    entrants: Sequence[Entrant],
    finished: Callable[[Run], None],
    console: Console,
) -> None:
    """Does the jobs and keeps each record as soon as it is there; ``finished`` hears of runs that are complete."""
    left = Counter(job.run for job in jobs)
    with open_progress(console) as progress:
        bar = progress.add_task("", total=sum(len(setup.clips[job.place]) for job in jobs))

        def on_frame() -> None:
            progress.advance(bar)

        for job, record in _results(request, jobs, setup, entrants, on_frame):
            name = setup.clips[job.place].name
            save(record, job.run.file(request.output, name))
            progress.update(bar, description=f"{job.run.tracker} {job.run.label}: {name}")
            if request.shared:
                progress.advance(bar, len(record.boxes))
            left[job.run] -= 1
            if not left[job.run]:
                finished(job.run)


def _results(
    request: Request,
    jobs: Sequence[Job],
    setup: Setup,
    entrants: Sequence[Entrant],
    on_frame: Callable[[], None],
) -> Iterator[tuple[Job, Record]]:
    if not jobs:
        return iter(())
    if request.ray is not None:
        return on_cluster(jobs, setup, address=request.ray)
    if request.workers > 1:
        return in_processes(jobs, setup, count=min(request.workers, len(jobs)))
    return here(jobs, Worker(setup, entrants), on_frame)


def _check_hidden(request: Request) -> None:
    if not request.results:
        raise ConfigError(
            f"the boxes of {request.dataset} {request.split} are not public, so it cannot be scored here; result files "
            f"for its server can still be written: add --results {request.dataset}"
        )
    if request.conditions != (CLEAN,):
        raise ConfigError(
            f"the boxes of {request.dataset} {request.split} are not public; expected no disturbance and no --switch"
        )


def _switches(run: Run) -> bool:
    return run.condition.name == SWITCH


def _about(request: Request, entrants: Sequence[Entrant], size: str, notes: tuple[str, ...]) -> About:
    split = f" {request.split}" if request.split else ""
    return About(
        command=request.command,
        made=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        dataset=f"{request.dataset} {request.path.name}{split}: {size}",
        settings=request.settings(),
        trackers={entrant.name: entrant.facts for entrant in entrants},
        machine=machine.facts(),
        notes=(*notes, SHARED) if request.shared else notes,
    )


def _show(console: Console, figures: Sequence[RunFigures], about: About) -> None:
    for table in summary_tables(figures):
        if table.title != MORE_TITLE:  # the files have it
            print_table(console, table)
    _say(console, about)


def _say(console: Console, about: About) -> None:
    for note in about.notes:
        console.print(note, soft_wrap=True)
