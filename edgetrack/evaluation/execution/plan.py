"""The runs of an evaluation, and the jobs that are still to be done for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgetrack.datasets import Sequence as Clip
from edgetrack.errors import ConfigError
from edgetrack.evaluation.execution.records import is_saved, record_path
from edgetrack.evaluation.execution.request import Request
from edgetrack.evaluation.perturbations.text_controls import controlled_texts
from edgetrack.evaluation.trackers.registry import TrackerEntry
from edgetrack.evaluation.types import (
    CLEAN,
    SWITCH,
    Condition,
    ExpressionBatch,
    Run,
    Sensors,
    TextControl,
    fails,
)
from edgetrack.peers import Mode


@dataclass(frozen=True, slots=True)
class Job:
    """One run over one sequence, or over one batch of a grounding set."""

    run: Run
    index: int  # index of the sequence in the list of clips
    text: str = ""


def plan(
    entries: Sequence[TrackerEntry],
    modes: Sequence[Mode],
    controls: Sequence[TextControl],
    conditions: Sequence[Condition],
    sensors: Sequence[Sensors] = ("color",),
) -> list[Run]:
    """Return all runs without duplicates, in the modes and with the sensors that each tracker supports.

    Text controls are run on clean frames only, and failures of a sensor only with inputs that include that sensor.

    Raises:
        ConfigError: a tracker supports none of the modes, or a perturbation applies to no run.
    """
    runs: dict[Run, None] = {}
    for entry in entries:
        if not set(modes) & set(entry.modes):
            raise ConfigError(
                f"tracker {entry.name} supports none of the modes {', '.join(modes)}; "
                f"add --mode {entry.modes[0]} or leave this tracker out"
            )
        for mode in (mode for mode in modes if mode in entry.modes):
            for control in controls:
                effective: TextControl = "none" if mode == "bbox" else control
                for condition in conditions if effective == "none" else [CLEAN]:
                    for given in sensors:
                        if _applies(condition, mode) and _takes(entry, given, mode, condition):
                            runs[Run(entry.name, mode, effective, condition, given)] = None
    _check_idle({c.name for c in conditions}, {run.condition.name for run in runs})
    _check_sensors(sensors, {run.sensors for run in runs}, modes)
    return list(runs)


def plan_jobs(request: Request, runs: Sequence[Run], clips: list[Clip], selected: list[Clip]) -> list[Job]:
    """Return the jobs without a record on disk, with the text that the tracker gets.

    All runs of a sequence are consecutive, so that a machine that slows down affects all trackers equally.
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
    """Refuse a perturbation without runs; text-only modes may leave out init-jitter if it is one of several."""
    if SWITCH in requested - planned:
        raise ConfigError(
            "--switch applies to no run: it changes the true text; add --mode nl, and --text-control none if "
            "other controls are given"
        )
    perturbed = requested - {CLEAN.name}
    if perturbed and not perturbed & planned:
        raise ConfigError(
            f"{', '.join(sorted(perturbed)[:3])} would perturb no run: init-jitter moves the first box "
            "(--mode bbox or nlbbox), and text controls run on clean frames only (add --text-control none)"
        )


def _check_sensors(requested: Sequence[Sensors], planned: set[Sensors], modes: Sequence[Mode]) -> None:
    """Refuse sensors without runs."""
    if "both" in requested and "both" not in planned:
        raise ConfigError(
            "--sensors both applies to no run: no --tracker takes a second sensor; expected the bundle of a "
            "model that does, such as --tracker edgetrack:FOLDER (edgetrack export --sensor writes one)"
        )
    if "x" in requested and "x" not in planned:
        raise ConfigError(
            f"--sensors x applies to no run with --mode {', '.join(modes)}: texts are searched for in color; "
            "expected --mode bbox"
        )


def _takes(entry: TrackerEntry, given: Sensors, mode: Mode, condition: Condition) -> bool:
    """Return whether a tracker supports these sensors and the condition changes their images."""
    if (given == "both" and not entry.pairs) or (given == "x" and entry.pairs and mode != "bbox"):
        return False
    failing = fails(condition)
    return not failing or given in ("both", "mean") or given in failing


def _applies(condition: Condition, mode: Mode) -> bool:
    """Return whether a condition applies to a mode: there must be an initial box to move, or a text to switch."""
    if condition.name == SWITCH:
        return mode == "nl"
    return not (condition.name == "init-jitter" and mode == "nl")
