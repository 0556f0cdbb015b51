"""Which runs an evaluation has, and which jobs they still need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgetrack.datasets import Sequence as Clip
from edgetrack.errors import ConfigError
from edgetrack.evaluation.execution.records import is_saved, record_path
from edgetrack.evaluation.execution.request import Request
from edgetrack.evaluation.perturbations.text_controls import controlled_texts
from edgetrack.evaluation.trackers.registry import TrackerEntry
from edgetrack.evaluation.types import CLEAN, SWITCH, Condition, ExpressionBatch, Run, TextControl
from edgetrack.peers import Mode


@dataclass(frozen=True, slots=True)
class Job:
    """One run over one sequence, or over one batch of a grounding set."""

    run: Run
    index: int  # among the clips
    text: str = ""


def plan(
    entries: Sequence[TrackerEntry],
    modes: Sequence[Mode],
    controls: Sequence[TextControl],
    conditions: Sequence[Condition],
) -> list[Run]:
    """Return all runs, each once: in the modes that the tracker has, text controls on clean frames only.

    Raises:
        ConfigError: a tracker has none of the modes, or a perturbation would apply to no run.
    """
    runs: dict[Run, None] = {}
    for entry in entries:
        if not set(modes) & set(entry.modes):
            raise ConfigError(
                f"tracker {entry.name} has none of the modes {', '.join(modes)}; "
                f"add --mode {entry.modes[0]} or leave it out"
            )
        for mode in (mode for mode in modes if mode in entry.modes):
            for control in controls:
                effective: TextControl = "none" if mode == "bbox" else control
                for condition in conditions if effective == "none" else [CLEAN]:
                    if _applies(condition, mode):
                        runs[Run(entry.name, mode, effective, condition)] = None
    _check_idle({c.name for c in conditions}, {run.condition.name for run in runs})
    return list(runs)


def plan_jobs(request: Request, runs: Sequence[Run], clips: list[Clip], selected: list[Clip]) -> list[Job]:
    """Return what is not on disk yet, with the text that the tracker is given.

    The runs of a sequence follow each other: a machine that slows down does so for all trackers.
    """
    controls = {run.control for run in runs if run.mode != "bbox"}
    texts = {
        control: controlled_texts(clips if control == "shuffled" else selected, control, seed=request.seed)
        for control in controls
    }
    index = {clip.name: i for i, clip in enumerate(clips)}
    return [
        Job(run, index[clip.name], "" if run.mode == "bbox" else texts[run.control][clip.name])
        for clip in selected
        for run in runs
        if not is_saved(record_path(request.output, run, clip.name))
    ]


def plan_batches(request: Request, runs: Sequence[Run], batches: Sequence[ExpressionBatch]) -> list[Job]:
    """Return the batches of a grounding set that are not on disk yet."""
    return [
        Job(run, index)
        for run in runs
        for index, batch in enumerate(batches)
        if not is_saved(record_path(request.output, run, batch.name))
    ]


def _check_idle(requested: set[str], planned: set[str]) -> None:
    """Refuse a perturbation that no run has; init-jitter may be one of several that text alone leaves out."""
    if SWITCH in requested - planned:
        raise ConfigError(
            "--switch has no run: it changes the true text; add --mode nl, and --text-control none if there are others"
        )
    perturbed = requested - {CLEAN.name}
    if perturbed and not perturbed & planned:
        raise ConfigError(
            f"{', '.join(sorted(perturbed)[:3])} would perturb no run: init-jitter moves a box (--mode bbox or "
            "nlbbox), and text controls are run on clean frames only (add --text-control none)"
        )


def _applies(condition: Condition, mode: Mode) -> bool:
    """Return whether there is a first box to move, or a prompt to switch."""
    if condition.name == SWITCH:
        return mode == "nl"
    return not (condition.name == "init-jitter" and mode == "nl")
