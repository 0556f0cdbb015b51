"""``edgetrack eval``: trackers measured on labeled data."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import typer

from edgetrack.cli.engine_options import EngineOptions, Rule, adapter_rules, refuse_unused
from edgetrack.cli.eval_options import (
    CorruptInit,
    Corruptions,
    Draws,
    EvalOutput,
    Html,
    Modes,
    OcclusionBursts,
    Phrases,
    Ray,
    RealTime,
    Results,
    Resume,
    Robustness,
    Seed,
    Sequences,
    Severities,
    Split,
    SwitchPrompt,
    TextControl,
    TextControls,
    Trackers,
    Workers,
)
from edgetrack.cli.options import Dataset, DatasetPath, Engine, Model, PeerWeights, Precision, Threads, Trust

if TYPE_CHECKING:
    from edgetrack.evaluation import Condition, Request

# Options that have an effect on pictures with phrases, beside those of the trackers.
_OF_PHRASES = ("dataset", "path", "split", "output", "html", "tracker", "threads")
# The same of sequences with many objects.
_OF_CROWDS = ("dataset", "path", "split", "sequences", "output", "tracker", "threads")


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
    seed: Seed = 0,
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
    """Measure trackers on labeled sequences and images. Ctrl-C keeps what is finished; --resume continues."""
    given = SimpleNamespace(**locals())
    request = _request(context, given)
    from edgetrack.cli.eval_view import (
        evaluate_and_print,
        evaluate_crowds_and_print,
        evaluate_phrases_and_print,
    )
    from edgetrack.evaluation.crowds.evaluate import has_crowds
    from edgetrack.terminal import open_console

    options = EngineOptions(model, engine, precision, threads, trust=trust)
    if has_crowds(dataset):
        evaluate_crowds_and_print(open_console(), request, open_multi=options.multi_tracker)
        return
    run = evaluate_phrases_and_print if _asks_phrases(given) else evaluate_and_print
    run(open_console(), request, open_edgetrack=options.tracker, html=html)


def _request(context: typer.Context, given: SimpleNamespace) -> Request:
    """Return what the options ask for, if each of them has an effect."""
    from edgetrack.evaluation import Request

    rules = _rules_of(context, given)
    refuse_unused(context, rules | _tracker_rules(given.tracker, given.model))
    return Request(
        dataset=given.dataset,
        path=given.path,
        output=given.output,
        split=given.split,
        modes=tuple(mode.value for mode in dict.fromkeys(given.mode or ())),
        controls=tuple(control.value for control in dict.fromkeys(given.text_control)),
        trackers=tuple(dict.fromkeys(given.tracker)),
        names=tuple(given.sequences or ()),
        conditions=_conditions(given),
        results=tuple(form.value for form in dict.fromkeys(given.results or ())),
        peer_weights=given.peer_weights,
        threads=given.threads,
        workers=given.workers,
        ray=given.ray,
        seed=given.seed,
        corrupt_init=given.corrupt_init,
        resume=given.resume,
        command=shlex.join(["edgetrack", *sys.argv[1:]]),
    )


def _rules_of(context: typer.Context, given: SimpleNamespace) -> dict[str, Rule]:
    """Return the rules of the kind of data that is given."""
    from edgetrack.evaluation.crowds.evaluate import has_crowds

    if has_crowds(given.dataset):
        why = f"{given.dataset} has sequences with many objects"
        return {str(one.name): (one.name in _OF_CROWDS, why) for one in context.command.params}
    return _phrase_rules(context, given) if _asks_phrases(given) else _rules(given)


def _corruptions(given: SimpleNamespace) -> tuple[str, ...]:
    from edgetrack.evaluation.perturbations.registry import CORRUPTIONS

    return tuple(given.corruption or (CORRUPTIONS if given.robustness else ()))


def _conditions(given: SimpleNamespace) -> tuple[Condition, ...]:
    from edgetrack.evaluation.perturbations.registry import SEVERITIES, conditions

    return tuple(
        conditions(
            occlusion=given.occlusion,
            switch=given.switch,
            corruptions=_corruptions(given),
            real_time=given.real_time or (),
            severities=given.severity or SEVERITIES,
            draws=given.draws,
        )
    )


def _rules(given: SimpleNamespace) -> dict[str, Rule]:
    """Return when the options of data, target and perturbations have an effect."""
    from edgetrack.evaluation.execution.dataset import is_grounding
    from edgetrack.evaluation.perturbations.corruptions import EFFECTS
    from edgetrack.evaluation.perturbations.registry import COMPOSITES

    corruptions = _corruptions(given)
    with_text = is_grounding(given.dataset) or bool({mode.value for mode in given.mode or ()} - {"bbox"})
    random = bool(
        corruptions or given.occlusion or given.switch or TextControl.shuffled in given.text_control
    )
    return {
        "severity": (bool(corruptions or given.occlusion), "nothing is perturbed"),
        "draws": ("init-jitter" in corruptions, "--corruption init-jitter is not given"),
        "corrupt_init": (bool({*EFFECTS, *COMPOSITES} & {*corruptions}), "no images are corrupted"),
        "robustness": (not given.corruption, "--corruption says which corruptions"),
        "seed": (random, "nothing is random"),
        "phrases": (is_grounding(given.dataset), f"{given.dataset} has no pictures with sentences"),
        "text_control": (with_text, "the target is given by a box alone"),
    }


def _asks_phrases(given: SimpleNamespace) -> bool:
    from edgetrack.evaluation.execution.dataset import is_grounding
    from edgetrack.evaluation.phrases.reading import has_phrases

    return has_phrases(given.dataset) or (given.phrases and is_grounding(given.dataset))


def _phrase_rules(context: typer.Context, given: SimpleNamespace) -> dict[str, Rule]:
    """Return that of the options of data, target and perturbations only some have an effect on phrases."""
    from edgetrack.evaluation.phrases.reading import has_phrases

    names = [str(parameter.name) for parameter in context.command.params]
    rules = {
        name: (name in _OF_PHRASES, f"{given.dataset} is read as pictures with phrases") for name in names
    }
    return rules | {"phrases": (not has_phrases(given.dataset), f"{given.dataset} has nothing but phrases")}


def _tracker_rules(trackers: list[str], model: str | None) -> dict[str, Rule]:
    """Return when the options that only some trackers take have an effect."""
    from edgetrack.evaluation.trackers.registry import model_and_precision, takes_weights
    from edgetrack.evaluation.types import OWN

    own = [model_and_precision(name) for name in trackers if name.partition(":")[0] == OWN]
    rules = adapter_rules(*(named or model for named, _ in own)) if own else {}
    nobody = (False, f"no --tracker {OWN} takes it")
    return {
        "engine": rules.get("engine", nobody),
        "trust": rules.get("trust", nobody),
        "model": (any(not named for named, _ in own), "each --tracker names its own model"),
        "precision": (any(not precision for _, precision in own), "each --tracker names its own precision"),
        "peer_weights": (any(map(takes_weights, trackers)), "no --tracker reads weights from there"),
    }
