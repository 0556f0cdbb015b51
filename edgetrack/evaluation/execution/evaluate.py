"""An evaluation, from request to report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from itertools import chain

from edgetrack.datasets import RegionSet
from edgetrack.datasets import Sequence as Clip
from edgetrack.datasets.derived import with_x
from edgetrack.errors import ConfigError
from edgetrack.evaluation.execution.dataset import (
    check_initial_boxes,
    check_pairs,
    check_scored,
    digest,
    expression_batches,
    is_grounding,
    load_sequences,
    open_split,
    select,
)
from edgetrack.evaluation.execution.events import (
    SHARED_TIMING_NOTE,
    FramesDone,
    GroundingReport,
    Planned,
    Progress,
    Provenance,
    Report,
    RunDone,
    SequenceDone,
    is_plain,
)
from edgetrack.evaluation.execution.output_dir import prepare_output_dir
from edgetrack.evaluation.execution.plan import Job, plan, plan_batches, plan_jobs
from edgetrack.evaluation.execution.ray import on_ray
from edgetrack.evaluation.execution.records import load, record_path, save
from edgetrack.evaluation.execution.request import OpenTracker, Request
from edgetrack.evaluation.execution.worker import Done, Worker, WorkerSetup, in_processes, in_this_process
from edgetrack.evaluation.metrics.grounding import score_grounding
from edgetrack.evaluation.metrics.runs import RunMetrics, score_run
from edgetrack.evaluation.perturbations.prompt_switching import splice
from edgetrack.evaluation.trackers.registry import TrackerEntry
from edgetrack.evaluation.trackers.text_length import truncation_note
from edgetrack.evaluation.types import CLEAN, SWITCH, ExpressionBatch, Record, Run
from edgetrack.reporting import machine

ONE_FRAME = FramesDone(1)


def evaluate(
    request: Request, *, open_edgetrack: OpenTracker
) -> Iterator[Progress | Report | GroundingReport]:
    """Run the jobs without a record on disk, score all records, and yield the progress; the last item is the report.

    Each record is saved in ``request.output`` as soon as it is complete, so that an interrupted evaluation can be
    resumed; nothing else is written, and nothing is printed. To get only the report:

    >>> *_, report = evaluate(request, open_edgetrack=edgetrack.open_tracker)  # doctest: +SKIP

    Args:
        request: trackers, dataset and settings of the evaluation.
        open_edgetrack: function that opens edgetrack's tracker, such as ``edgetrack.open_tracker``.

    Yields:
        `Planned` before anything is written, then `FramesDone`, `SequenceDone` and `RunDone` as they occur; finally a
        `Report`, or for a grounding set a `GroundingReport`.

    Raises:
        EdgetrackError: an input is missing, invalid or unreadable; finished sequences stay on disk.
    """
    if is_grounding(request.dataset):
        yield from _evaluate_regions(request, open_edgetrack)
    else:
        yield from _evaluate_sequences(request, open_edgetrack)


def _evaluate_sequences(request: Request, open_edgetrack: OpenTracker) -> Iterator[Progress | Report]:
    clips = load_sequences(request.dataset, request.path, request.split)
    if request.x_model:
        clips = [with_x(clip, request.x_model) for clip in clips]
    selected = select(clips, list(request.names))
    hidden = any(clip.hidden for clip in selected)
    if hidden:
        _check_hidden(request)
    if request.modes != ("nl",):
        check_initial_boxes(selected)
    if request.first_mask and (bare := next((clip.name for clip in selected if clip.masks is None), None)):
        raise ConfigError(
            f"--mask has no masks to compare with: sequence {bare} of {request.dataset} has none; expected "
            "davis, davis2016, youtube-vos or mose"
        )
    check_pairs(request, selected)
    setup = _setup(request, clips, open_edgetrack)
    entries = [setup.open(name) for name in request.trackers]
    runs = plan(entries, request.modes or ("bbox",), request.controls, request.conditions, request.sensors)
    if request.results and not any(map(is_plain, runs)):
        raise ConfigError(
            "--results writes only boxes that were predicted with the true texts; add --text-control none"
        )
    check_scored(selected, dict.fromkeys(run.condition for run in runs), clips=clips, seed=request.seed)
    jobs = plan_jobs(request, runs, clips, selected)
    yield Planned(_frames(jobs, clips), scored=not hidden)
    labels = digest((clip.name, clip.text, clip.boxes) for clip in clips)
    prepare_output_dir(
        request.output, {**request.settings(), "labels": labels}, entries, resume=request.resume
    )
    records: dict[Run, list[Record]] = {}
    metrics: dict[Run, RunMetrics] = {}
    for item in chain(_perform(request, jobs, setup, entries), runs):
        if not isinstance(item, Run):
            yield item
        elif item not in records:  # complete, now or on disk from the start
            shown = _as_tracked(item, selected, clips, request.seed)
            records[item] = [load(record_path(request.output, item, c.name), frames=len(c)) for c in shown]
            if not hidden:
                metrics[item] = score_run(item, shown, records[item])
            yield RunDone(item, len(shown), metrics.get(item))
    provenance = _sequence_provenance(request, entries, runs, selected)
    scored = [metrics[run] for run in runs if run in metrics]
    yield Report(provenance, selected, scored, {run: records[run] for run in runs})


def _evaluate_regions(request: Request, open_edgetrack: OpenTracker) -> Iterator[Progress | GroundingReport]:
    """Evaluate a grounding set, sentence by sentence."""
    allowed = (
        request.modes in ((), ("nl",)),
        request.controls == ("none",),
        not request.names,
        request.sensors == ("color",),
        not request.x_model,
    )
    if not all((*allowed, request.conditions == (CLEAN,), not request.results, not request.first_mask)):
        raise ConfigError(
            f"{request.dataset} has images and sentences; expected --mode nl or no --mode, and no "
            "--text-control, --sequences, --mask, --results, --sensors or perturbations"
        )
    regions = open_split(request.dataset, request.path, request.split)
    assert isinstance(regions, RegionSet)
    batches = expression_batches(regions)
    setup = _setup(request, batches, open_edgetrack)
    entries = [setup.open(name) for name in request.trackers]
    runs = plan(entries, ("nl",), ("none",), (CLEAN,))
    jobs = plan_batches(request, runs, batches)
    yield Planned(_frames(jobs, batches))
    labels = digest(
        (batch.name, "\0".join(text for _, text in batch.pairs), batch.boxes) for batch in batches
    )
    prepare_output_dir(
        request.output, {**request.settings(), "labels": labels}, entries, resume=request.resume
    )
    for event in _perform(request, jobs, setup, entries):
        if not isinstance(event, Run):
            yield event
    records = [
        [load(record_path(request.output, run, b.name), frames=len(b)) for b in batches] for run in runs
    ]
    rows = [score_grounding(r.tracker, batches, found) for r, found in zip(runs, records, strict=True)]
    texts = [text for batch in batches for _, text in batch.pairs]
    size = f"{len(regions)} regions, {len(texts)} sentences"
    yield GroundingReport(_provenance(request, entries, size, texts), batches, rows, records)


def _frames(jobs: Sequence[Job], clips: Sequence[Clip] | Sequence[ExpressionBatch]) -> int:
    return sum(len(clips[job.index]) for job in jobs)


def _setup(
    request: Request, clips: Sequence[Clip] | Sequence[ExpressionBatch], open_edgetrack: OpenTracker
) -> WorkerSetup:
    return WorkerSetup(
        clips,
        open_edgetrack,
        request.peer_weights,
        request.threads,
        request.seed,
        request.corrupt_init,
        request.first_mask,
    )


def _as_tracked(run: Run, selected: list[Clip], clips: list[Clip], seed: int) -> list[Clip]:
    """Return the sequences as the tracker saw them: spliced, if the prompt was switched."""
    if run.condition.name == SWITCH:
        return [splice(clip, clips=clips, seed=seed)[0] for clip in selected]
    return selected


def _perform(
    request: Request, jobs: Sequence[Job], setup: WorkerSetup, entries: Sequence[TrackerEntry]
) -> Iterator[FramesDone | SequenceDone | Run]:
    """Do the jobs, save each record as soon as it is available, and yield each run as soon as it is complete."""
    left = Counter(job.run for job in jobs)
    for done in _results(request, jobs, setup, entries):
        if done is None:
            yield ONE_FRAME
            continue
        job, record = done
        name = setup.clips[job.index].name
        save(record, record_path(request.output, job.run, name))
        if request.shared:
            yield FramesDone(len(record.boxes))
        yield SequenceDone(job.run, name)
        left[job.run] -= 1
        if not left[job.run]:
            yield job.run


def _results(
    request: Request, jobs: Sequence[Job], setup: WorkerSetup, entries: Sequence[TrackerEntry]
) -> Iterator[Done | None]:
    if not jobs:
        return iter(())
    if request.ray is not None:
        return on_ray(jobs, setup, address=request.ray)
    if request.workers > 1:
        return in_processes(jobs, setup, count=min(request.workers, len(jobs)))
    return in_this_process(jobs, Worker(setup, entries))


def _check_hidden(request: Request) -> None:
    if not request.results:
        raise ConfigError(
            f"the boxes of {request.dataset} {request.split} are not public, so no scores can be computed "
            f"here; result files for its server can still be written: add --results {request.dataset}"
        )
    if request.conditions != (CLEAN,):
        raise ConfigError(
            f"the boxes of {request.dataset} {request.split} are not public; expected no perturbations and "
            "no --switch"
        )


def _sequence_provenance(
    request: Request, entries: Sequence[TrackerEntry], runs: Sequence[Run], selected: Sequence[Clip]
) -> Provenance:
    texts = [clip.text for clip in selected] if any(run.mode != "bbox" for run in runs) else []
    size = f"{len(selected)} sequences, {sum(map(len, selected))} frames"
    return _provenance(request, entries, size, texts)


def _provenance(
    request: Request, entries: Sequence[TrackerEntry], size: str, texts: Sequence[str]
) -> Provenance:
    split = f" {request.split}" if request.split else ""
    notes = [note for e in entries if "nl" in e.modes for note in truncation_note(e.name, texts, e.fit)]
    return Provenance(
        command=request.command,
        made=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        dataset=f"{request.dataset} {request.path.name}{split}: {size}",
        settings=request.settings(),
        trackers={entry.name: entry.facts for entry in entries},
        machine=machine.facts(),
        notes=(*notes, *([SHARED_TIMING_NOTE] if request.shared else ())),
    )
