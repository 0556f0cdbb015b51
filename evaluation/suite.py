"""A whole evaluation, from what is asked for to the files of its report."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from edgetrack.errors import ConfigError
from edgetrack.evaluation import machine
from edgetrack.evaluation.conditions import open_stream
from edgetrack.evaluation.controls import Control, texts
from edgetrack.evaluation.figures import RunFigures, of_run
from edgetrack.evaluation.page import to_html
from edgetrack.evaluation.records import write_text
from edgetrack.evaluation.report import About, summary_tables, write_reports
from edgetrack.evaluation.runner import Run, perform, plan
from edgetrack.evaluation.sequences import Sequence as Clip
from edgetrack.evaluation.sequences import chosen, sequences
from edgetrack.evaluation.streams import Condition
from edgetrack.evaluation.tables import MORE_TITLE
from edgetrack.evaluation.terminal import open_progress, print_files, print_table
from edgetrack.evaluation.trackers import Entrant, Mode, open_entrant

SETTINGS = "settings.json"


@dataclass(frozen=True, slots=True)
class Request:
    """What to evaluate on what."""

    dataset: str
    path: Path
    output: Path
    modes: tuple[Mode, ...] = ("bbox",)
    controls: tuple[Control, ...] = ("none",)
    trackers: tuple[str, ...] = ("edgetrack",)
    names: tuple[str, ...] = ()  # of sequences; all of them without one
    conditions: tuple[Condition, ...] = (Condition(),)
    peer_weights: Path | None = None
    threads: int = 2
    seed: int = 0
    corrupt_init: bool = False  # disturbed pictures from the first frame on
    resume: bool = False
    command: str = ""


def evaluate(request: Request, *, open_edgetrack: Callable[[], Any], console: Console) -> list[RunFigures]:
    """Runs what is not on disk yet, prints the tables and writes the reports.

    Raises:
        EdgetrackError: something is missing, wrong or cannot be read; finished sequences stay on disk.
    """
    clips = sequences(request.dataset, request.path)
    taken = chosen(clips, list(request.names))
    entrants = [
        open_entrant(
            name, open_edgetrack=open_edgetrack, peer_weights=request.peer_weights, threads=request.threads
        )
        for name in request.trackers
    ]
    runs = plan(entrants, request.modes, request.controls, request.conditions)
    _claim(request, entrants)
    figures = _run_all(request, runs, entrants, clips, taken, console)
    _show(console, figures)
    about = _about(request, entrants, taken)
    page = request.output / "report.html"
    write_text(page, to_html(figures, about, taken))
    print_files(console, [page, *write_reports(figures, about, request.output)])
    return figures


def _run_all(
    request: Request,
    runs: Sequence[Run],
    entrants: Sequence[Entrant],
    clips: list[Clip],
    taken: list[Clip],
    console: Console,
) -> list[RunFigures]:
    by_name = {entrant.name: entrant.tracker for entrant in entrants}
    said = {control: texts(clips, control, seed=request.seed) for control in {run.control for run in runs}}
    todo = [(r, c) for r in runs for c in taken if not r.file(request.output, c.name).exists()]
    disturbed = partial(open_stream, clips=clips, seed=request.seed, corrupt_init=request.corrupt_init)
    figures = []
    with open_progress(console) as progress:
        bar = progress.add_task("", total=sum(len(clip.truth) for _, clip in todo))
        for run in runs:
            records = []
            for clip in taken:
                progress.update(bar, description=f"{run.tracker} {run.label}: {clip.name}")
                records.append(
                    perform(
                        run,
                        clip,
                        tracker=by_name[run.tracker],
                        text=said[run.control][clip.name],
                        open_stream=partial(disturbed, run.condition, clip),
                        output=request.output,
                        on_frame=lambda: progress.advance(bar),
                    )
                )
            figures.append(of_run(run, taken, records))
            console.print(f"{run.tracker} {run.label}: {len(taken)} sequences, AUC {figures[-1].ope.auc:.3f}")
    return figures


def _claim(request: Request, entrants: Sequence[Entrant]) -> None:
    """Makes the output folder ours: new, or continued with the same settings."""
    file = request.output / SETTINGS
    now = {"settings": _settings(request), "trackers": {e.name: e.facts for e in entrants}}
    if not file.exists():
        if request.output.is_dir() and any(request.output.iterdir()):
            raise ConfigError(
                f"{request.output} holds other files; expected an empty folder: choose another --output"
            )
        write_text(file, json.dumps(now, indent=1) + "\n")
        return
    if not request.resume:
        raise ConfigError(
            f"{request.output} holds an evaluation already; add --resume, or choose another --output"
        )
    try:
        before = json.loads(file.read_text(encoding="utf-8"))
        old = {**before["settings"], **before["trackers"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{file} cannot be read ({error!r}); choose another --output") from error
    new = {**now["settings"], **now["trackers"]}
    changed = [
        f"{key} was {old[key]} and is {new[key]}" for key in new if key in old and old[key] != new[key]
    ]
    if changed:
        raise ConfigError(f"cannot resume in {request.output}: {'; '.join(changed)}; choose another --output")
    merged = {"settings": now["settings"], "trackers": {**before["trackers"], **now["trackers"]}}
    write_text(file, json.dumps(merged, indent=1) + "\n")


def _settings(request: Request) -> dict[str, Any]:
    """What must be the same for records to stand beside each other."""
    path = str(request.path.resolve())
    return {
        "dataset": request.dataset,
        "path": path,
        "seed": request.seed,
        "corrupt init": request.corrupt_init,
    }


def _about(request: Request, entrants: Sequence[Entrant], taken: Sequence[Clip]) -> About:
    frames = sum(len(clip.truth) for clip in taken)
    return About(
        command=request.command,
        made=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        dataset=f"{request.dataset} {request.path.name}: {len(taken)} sequences, {frames} frames",
        settings=_settings(request),
        trackers={entrant.name: entrant.facts for entrant in entrants},
        machine=machine.facts(),
    )


def _show(console: Console, figures: Sequence[RunFigures]) -> None:
    for table in summary_tables(figures):
        if table.title != MORE_TITLE:  # too wide for a terminal; the files have it
            print_table(console, table)
