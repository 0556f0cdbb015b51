"""``edgetrack eval``: evaluate trackers on labeled data."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from edgetrack.cli.engine_options import EngineOptions, Rule, adapter_rules, refuse_unused
from edgetrack.cli.eval_options import (
    CorruptInit,
    Corruptions,
    Draws,
    EvalOutput,
    Failures,
    Html,
    Mode,
    Modes,
    OcclusionBursts,
    OutlineOption,
    Phrases,
    Ray,
    RealTime,
    Results,
    Resume,
    Robustness,
    Seed,
    Sensors,
    SensorsGiven,
    Sequences,
    Severities,
    Split,
    SwitchPrompt,
    TextControl,
    TextControls,
    Trackers,
    Workers,
    XModel,
)
from edgetrack.cli.options import Dataset, DatasetPath, Engine, Model, PeerWeights, Precision, Threads, Trust

if TYPE_CHECKING:
    from edgetrack.evaluation import Condition, Request

# Options that have an effect on images with phrases, in addition to those of the trackers.
_OF_PHRASES = ("dataset", "path", "split", "output", "html", "tracker", "threads")
# The same for clips with unusual events, and for sequences with many objects.
_OF_ANOMALIES = ("dataset", "path", "sequences", "output", "html")
_OF_CROWDS = ("dataset", "path", "split", "sequences", "output", "html", "tracker", "threads")


def eval_command(
    context: typer.Context,
    dataset: Dataset,
    path: DatasetPath,
    split: Split = None,
    sequences: Sequences = None,
    mode: Modes = None,
    text_control: TextControls = [TextControl.none],  # noqa: B006 - typer copies it
    phrases: Phrases = False,
    switch: SwitchPrompt = False,
    occlusion: OcclusionBursts = False,
    robustness: Robustness = False,
    corruption: Corruptions = None,
    severity: Severities = None,
    draws: Draws = 10,
    corrupt_init: CorruptInit = False,
    real_time: RealTime = None,
    sensors: SensorsGiven = [Sensors.color],  # noqa: B006
    failure: Failures = None,
    x_model: XModel = None,
    seed: Seed = 0,
    mask: OutlineOption = None,
    output: EvalOutput = Path("evaluation-results"),
    html: Html = True,
    results: Results = None,
    workers: Workers = 1,
    ray: Ray = None,
    resume: Resume = False,
    tracker: Trackers = ["edgetrack"],  # noqa: B006
    peer_weights: PeerWeights = None,
    threads: Threads = 2,
    engine: Engine = "auto",
    precision: Precision = "auto",
    model: Model = None,
    trust: Trust = False,
) -> None:
    """Evaluate trackers on labeled sequences and images. Ctrl-C keeps finished sequences; --resume continues."""
    asked = _Asked(
        dataset=dataset,
        phrases=phrases,
        modes=tuple(dict.fromkeys(mode or ())),
        controls=tuple(dict.fromkeys(text_control)),
        occlusion=occlusion,
        switch=switch,
        robustness=robustness,
        corruptions=tuple(corruption or ()),
        severities=tuple(severity or ()),
        draws=draws,
        real_time=tuple(real_time or ()),
        failures=tuple(failure or ()),
        sensors=tuple(dict.fromkeys(one.value for one in sensors)),
    )
    refuse_unused(context, _rules(context, asked, tracker, model) | _tracker_rules(tracker, model))
    from edgetrack.evaluation import Request

    request = Request(
        dataset=dataset,
        path=path,
        output=output,
        split=split,
        modes=tuple(mode.value for mode in asked.modes),
        controls=tuple(control.value for control in asked.controls),
        trackers=tuple(dict.fromkeys(tracker)),
        names=tuple(sequences or ()),
        conditions=asked.conditions(),
        results=tuple(form.value for form in dict.fromkeys(results or ())),
        sensors=asked.sensors,
        x_model="" if x_model is None else x_model.value,
        peer_weights=peer_weights,
        threads=threads,
        workers=workers,
        ray=ray,
        seed=seed,
        corrupt_init=corrupt_init,
        first_mask="" if mask is None else mask.value,
        resume=resume,
        command=shlex.join(["edgetrack", *sys.argv[1:]]),
    )
    options = EngineOptions(model, engine, precision, threads, trust=trust, masks=mask is not None)
    _evaluate(request, options, asked, html=html)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The options about the data, the target and the perturbations."""

    dataset: str
    phrases: bool
    modes: tuple[Mode, ...]
    controls: tuple[TextControl, ...]
    occlusion: bool
    switch: bool
    robustness: bool
    corruptions: tuple[str, ...]  # the names given
    severities: tuple[int, ...]
    draws: int
    real_time: tuple[int, ...]
    failures: tuple[str, ...]
    sensors: tuple[Literal["color", "x", "both", "mean"], ...]

    def all_corruptions(self) -> tuple[str, ...]:
        """Return the names given, or those that --robustness stands for."""
        from edgetrack.evaluation.perturbations.registry import CORRUPTIONS

        return self.corruptions or (CORRUPTIONS if self.robustness else ())

    def conditions(self) -> tuple[Condition, ...]:
        """Return the conditions to run each sequence in; the clean one comes first."""
        from edgetrack.evaluation.perturbations.registry import SEVERITIES, conditions

        return tuple(
            conditions(
                occlusion=self.occlusion,
                switch=self.switch,
                corruptions=self.all_corruptions(),
                real_time=self.real_time,
                severities=self.severities or SEVERITIES,
                draws=self.draws,
                failures=self.failures,
            )
        )

    def as_phrases(self) -> bool:
        """Return whether the data are images with phrases."""
        from edgetrack.evaluation.execution.dataset import is_grounding
        from edgetrack.evaluation.phrases.reading import has_phrases

        return has_phrases(self.dataset) or (self.phrases and is_grounding(self.dataset))

    def as_crowds(self) -> bool:
        """Return whether the data are sequences with many objects."""
        from edgetrack.evaluation.crowds.evaluate import has_crowds

        return has_crowds(self.dataset)

    def as_anomalies(self) -> bool:
        """Return whether the data are clips with unusual events."""
        from edgetrack.evaluation.anomalies.evaluate import has_anomalies

        return has_anomalies(self.dataset)


def _evaluate(request: Request, options: EngineOptions, asked: _Asked, *, html: bool) -> None:
    from edgetrack.cli.eval_view import (
        evaluate_and_print,
        evaluate_anomalies_and_print,
        evaluate_crowds_and_print,
        evaluate_phrases_and_print,
    )
    from edgetrack.terminal import open_console

    if asked.as_anomalies():
        evaluate_anomalies_and_print(open_console(), request, html=html)
        return
    if asked.as_crowds():
        evaluate_crowds_and_print(open_console(), request, open_multi=options.multi_tracker, html=html)
        return
    run = evaluate_phrases_and_print if asked.as_phrases() else evaluate_and_print
    run(open_console(), request, open_edgetrack=options.tracker, html=html)


def _rules(context: typer.Context, asked: _Asked, trackers: list[str], model: str | None) -> dict[str, Rule]:
    """Return when the options of data, target and perturbations have an effect."""
    if asked.as_anomalies():
        why = f"{asked.dataset} has clips with unusual events, which are evaluated with its own detectors"
        return {str(one.name): (one.name in _OF_ANOMALIES, why) for one in context.command.params}
    if asked.as_crowds():
        why = f"{asked.dataset} has sequences with many objects"
        return {str(one.name): (one.name in _OF_CROWDS, why) for one in context.command.params}
    if asked.as_phrases():
        return _phrase_rules(context, asked.dataset)
    return _sequence_rules(asked) | {"mask": _mask_rule(asked.dataset, trackers, model)}


def _sequence_rules(asked: _Asked) -> dict[str, Rule]:
    from edgetrack.evaluation.execution.dataset import is_grounding
    from edgetrack.evaluation.perturbations.corruptions import EFFECTS
    from edgetrack.evaluation.perturbations.registry import COMPOSITES

    corruptions = asked.all_corruptions()
    with_text = is_grounding(asked.dataset) or bool({*asked.modes} - {Mode.bbox})
    perturbed = bool(corruptions or asked.occlusion or asked.failures)
    random = perturbed or asked.switch or TextControl.shuffled in asked.controls
    return {
        "severity": (perturbed, "no perturbation is given"),
        "draws": ("init-jitter" in corruptions, "--corruption init-jitter is not given"),
        "corrupt_init": (
            bool({*EFFECTS, *COMPOSITES} & {*corruptions} or asked.failures),
            "no corruption is given",
        ),
        "x_model": (
            asked.sensors != ("color",) or bool(asked.failures),
            "the trackers get color only; add --sensors both",
        ),
        "robustness": (not asked.corruptions, "--corruption already selects the corruptions"),
        "seed": (random, "nothing in this evaluation is random"),
        "phrases": (is_grounding(asked.dataset), f"{asked.dataset} has no images with sentences"),
        "text_control": (with_text, "the target is given by a box only"),
    }


def _mask_rule(dataset: str, trackers: list[str], model: str | None) -> Rule:
    """Return the rule of mask options: there must be sequences, and a tracker that segments the target."""
    from edgetrack.evaluation.execution.dataset import is_grounding

    if is_grounding(dataset):
        return False, f"{dataset} has images, not sequences"
    if own := _own(trackers):
        return adapter_rules(*(named or model for named, _ in own))["mask"]
    return False, f"{', '.join(trackers)} give no masks; edgetrack, grabcut and segmenter:FILE.toml do"


def _own(trackers: list[str]) -> list[tuple[str, str]]:
    """Return model and precision, as far as they are named, of the trackers with edgetrack's boxes."""
    from edgetrack.evaluation.trackers.registry import gives_masks, model_and_precision
    from edgetrack.evaluation.types import is_own

    return [model_and_precision(name) if is_own(name) else ("", "") for name in trackers if gives_masks(name)]


def _phrase_rules(context: typer.Context, dataset: str) -> dict[str, Rule]:
    """Return the rules for images with phrases, on which only some options of data and target have an effect."""
    from edgetrack.evaluation.phrases.reading import has_phrases

    names = [str(parameter.name) for parameter in context.command.params]
    rules = {name: (name in _OF_PHRASES, f"{dataset} is evaluated as images with phrases") for name in names}
    return rules | {"phrases": (not has_phrases(dataset), f"{dataset} is always evaluated as phrases")}


def _tracker_rules(trackers: list[str], model: str | None) -> dict[str, Rule]:
    """Return when the options that only some trackers take have an effect."""
    from edgetrack.evaluation.trackers.registry import takes_weights
    from edgetrack.evaluation.types import OWN

    own = _own(trackers)
    rules = adapter_rules(*(named or model for named, _ in own)) if own else {}
    nobody = (False, f"there is no --tracker {OWN}, the only one that uses it")
    return {
        "engine": rules.get("engine", nobody),
        "trust": rules.get("trust", nobody),
        "model": (any(not named for named, _ in own), "each --tracker names its own model"),
        "precision": (any(not precision for _, precision in own), "each --tracker names its own precision"),
        "peer_weights": (any(map(takes_weights, trackers)), "no --tracker reads weights from there"),
    }
