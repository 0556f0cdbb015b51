"""The command ``edgetrack eval``. What it needs is imported when it runs."""

from __future__ import annotations

import shlex
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from edgetrack.options import (
    Engine,
    EngineOptions,
    Model,
    Precision,
    Rule,
    Threads,
    Trust,
    adapter_rules,
    refuse_unused,
)


class _Mode(str, Enum):
    nl = "nl"
    bbox = "bbox"
    nlbbox = "nlbbox"


class _Control(str, Enum):
    none = "none"
    empty = "empty"
    shuffled = "shuffled"
    category = "class"
    paraphrase = "paraphrase"


class _Format(str, Enum):
    otb = "otb"
    lasot = "lasot"
    tnl2k = "tnl2k"
    got10k = "got10k"
    trackingnet = "trackingnet"
    vot = "vot"


def eval_command(
    context: typer.Context,
    dataset: Annotated[
        str,
        typer.Argument(
            metavar="DATASET",
            help="Layout of the data: "
            "otb100, otb99-lang, lasot, lasot-ext, tnl2k, got10k, trackingnet, uav123, nfs, vot, davis, "
            "lasher, depthtrack, visevent, folder, coco, refcoco, refcoco+, refcocog, refcocog-google.",
        ),
    ],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Where the data are.")],
    split: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Part of the data, where it has several, such as test.",
            rich_help_panel="Data",
        ),
    ] = None,
    mode: Annotated[
        list[_Mode] | None,
        typer.Option(
            help="Target given by text, by box (default) or by both. Repeatable.", rich_help_panel="Target"
        ),
    ] = None,
    text_control: Annotated[
        list[_Control],
        typer.Option(
            help="Other texts than the true ones, to see what they do. Repeatable.", rich_help_panel="Target"
        ),
    ] = [_Control.none],  # noqa: B006 - typer copies it
    sequences: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="One sequence of the data. Repeatable; default all.", rich_help_panel="Data"
        ),
    ] = None,
    occlusion: Annotated[
        bool,
        typer.Option(
            "--occlusion",
            help="Also cover the target in bursts of 10, 20 and 40 frames.",
            rich_help_panel="Disturbances",
        ),
    ] = False,
    switch: Annotated[
        bool,
        typer.Option(
            "--switch",
            help="Also change the text in mid-stream to that of another target.",
            rich_help_panel="Target",
        ),
    ] = False,
    real_time: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            metavar="FPS",
            help="Also let frames come at this rate and drop late ones. Repeatable.",
            rich_help_panel="Disturbances",
        ),
    ] = None,
    robustness: Annotated[
        bool,
        typer.Option(
            "--robustness",
            help="Also disturb the pictures: noise, blur, fog and others.",
            rich_help_panel="Disturbances",
        ),
    ] = False,
    corruption: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Only this disturbance, such as fog. Repeatable.",
            rich_help_panel="Disturbances",
        ),
    ] = None,
    severity: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            max=3,
            metavar="N",
            help="Only this strength, 1 to 3. Repeatable; default all.",
            rich_help_panel="Disturbances",
        ),
    ] = None,
    draws: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            help="How often the first box of init-jitter is drawn.",
            rich_help_panel="Disturbances",
        ),
    ] = 10,
    corrupt_init: Annotated[
        bool,
        typer.Option(
            "--corrupt-init", help="Disturb the first frame as well.", rich_help_panel="Disturbances"
        ),
    ] = False,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Folder of the results.", rich_help_panel="Results"
        ),
    ] = Path("evaluation-results"),
    html: Annotated[
        bool,
        typer.Option(
            "--html/--no-html",
            help="Draw report.html, which needs matplotlib.",
            rich_help_panel="Results",
        ),
    ] = True,
    results: Annotated[
        list[_Format] | None,
        typer.Option(
            help="Also write result files that other people's toolkits and servers read. Repeatable.",
            rich_help_panel="Results",
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            help="Processes that share the sequences, an engine each.",
            rich_help_panel="Work",
        ),
    ] = 1,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="A Ray cluster that shares the sequences, or auto.",
            rich_help_panel="Work",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on where an interrupted evaluation in DIR ended.", rich_help_panel="Work"
        ),
    ] = False,
    tracker: Annotated[
        list[str],
        typer.Option(
            metavar="NAME",
            help="edgetrack, edgetrack:MODEL, edgetrack:MODEL@PRECISION, opencv-nano, opencv-vit, opencv-mil, "
            "nanotrack, or FILE.py:CLASS. Repeatable.",
            rich_help_panel="Engine",
        ),
    ] = ["edgetrack"],  # noqa: B006
    peer_weights: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the other trackers' ONNX files.",
            rich_help_panel="Engine",
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", help="Of all that is drawn by chance.", rich_help_panel="Disturbances"
        ),
    ] = 0,
    threads: Threads = 2,
    engine: Engine = "auto",
    precision: Precision = "auto",
    model: Model = None,
    trust: Trust = False,
) -> None:
    """Measure trackers on labelled sequences and pictures. Ctrl-C keeps what is finished; --resume goes on."""
    from edgetrack.cli.eval_view import evaluate_and_print
    from edgetrack.evaluation.execution.dataset import is_grounding
    from edgetrack.evaluation.execution.request import Request
    from edgetrack.evaluation.perturbations.corruptions import EFFECTS
    from edgetrack.evaluation.perturbations.registry import COMPOSITES, CORRUPTIONS, SEVERITIES, conditions
    from edgetrack.terminal import open_console

    disturbed = corruption or (CORRUPTIONS if robustness else ())
    modes = {m.value for m in mode or ()}
    by_chance = bool(disturbed or occlusion or switch or _Control.shuffled in text_control)
    rules = _own_rules(tracker, model) | {
        "severity": (bool(disturbed or occlusion), "nothing is disturbed"),
        "draws": ("init-jitter" in disturbed, "--corruption init-jitter is not asked for"),
        "corrupt_init": (bool({*EFFECTS, *COMPOSITES} & {*disturbed}), "no pictures are disturbed"),
        "robustness": (not corruption, "--corruption says which disturbances"),
        "seed": (by_chance, "nothing is drawn by chance"),
        "text_control": (
            is_grounding(dataset) or bool(modes - {"bbox"}),
            "the target is given by a box alone",
        ),
    }
    refuse_unused(context, rules)
    request = Request(
        dataset=dataset,
        path=path,
        output=output,
        split=split,
        modes=tuple(m.value for m in dict.fromkeys(mode or ())),
        controls=tuple(c.value for c in dict.fromkeys(text_control)),
        trackers=tuple(dict.fromkeys(tracker)),
        names=tuple(sequences or ()),
        conditions=tuple(
            conditions(
                occlusion=occlusion,
                switch=switch,
                corruptions=disturbed,
                real_time=real_time or (),
                severities=severity or SEVERITIES,
                draws=draws,
            )
        ),
        results=tuple(r.value for r in dict.fromkeys(results or ())),
        peer_weights=peer_weights,
        threads=threads,
        workers=workers,
        ray=ray,
        seed=seed,
        corrupt_init=corrupt_init,
        resume=resume,
        command=shlex.join(["edgetrack", *sys.argv[1:]]),
    )
    options = EngineOptions(model, engine, precision, threads, trust=trust)
    evaluate_and_print(open_console(), request, open_edgetrack=options.tracker, html=html)


def _own_rules(trackers: list[str], model: str | None) -> dict[str, Rule]:
    """Of the options that are for some of the trackers only."""
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
