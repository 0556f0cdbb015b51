"""The command ``edgetrack eval``. What it needs is imported when it runs."""

from __future__ import annotations

import shlex
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from edgetrack.options import Engine, EngineOptions, Model, Precision, Threads


class _Mode(str, Enum):
    nl = "nl"
    bbox = "bbox"
    nlbbox = "nlbbox"


class _Control(str, Enum):
    none = "none"
    empty = "empty"
    shuffled = "shuffled"
    category = "class"


def eval_command(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Layout of the data: folder.")],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Where the data are.")],
    mode: Annotated[
        list[_Mode], typer.Option(help="Target given by text, by box or by both. Repeatable.")
    ] = [_Mode.bbox],  # noqa: B006 - typer copies it
    text_control: Annotated[
        list[_Control],
        typer.Option(help="Other texts than the true ones, to see what they do. Repeatable."),
    ] = [_Control.none],  # noqa: B006
    sequences: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="One sequence of the data. Repeatable; default all."),
    ] = None,
    occlusion: Annotated[
        bool, typer.Option("--occlusion", help="Also cover the target in bursts of 10, 20 and 40 frames.")
    ] = False,
    real_time: Annotated[
        list[int] | None,
        typer.Option(
            min=1, metavar="FPS", help="Also let frames come at this rate and drop late ones. Repeatable."
        ),
    ] = None,
    robustness: Annotated[
        bool, typer.Option("--robustness", help="Also disturb the pictures: noise, blur, fog and others.")
    ] = False,
    corruption: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this disturbance, such as fog. Repeatable."),
    ] = None,
    corrupt_init: Annotated[
        bool, typer.Option("--corrupt-init", help="Disturb the first frame as well.")
    ] = False,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the results.")
    ] = Path("evaluation-results"),
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an interrupted evaluation in DIR ended.")
    ] = False,
    tracker: Annotated[
        list[str],
        typer.Option(metavar="NAME", help="edgetrack or opencv-nano. Repeatable.", rich_help_panel="Engine"),
    ] = ["edgetrack"],  # noqa: B006
    peer_weights: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder with opencv-nano's backbone.onnx and head.onnx.",
            rich_help_panel="Engine",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Of all that is drawn by chance.")] = 0,
    threads: Threads = 2,
    engine: Engine = "auto",
    precision: Precision = "auto",
    model: Model = None,
) -> None:
    """Measure trackers on labelled sequences. Ctrl-C keeps finished sequences; --resume goes on from there."""
    from rich.console import Console

    from edgetrack.evaluation.conditions import CORRUPTIONS, conditions
    from edgetrack.evaluation.suite import Request, evaluate

    disturbed = corruption or (CORRUPTIONS if robustness else ())
    request = Request(
        dataset=dataset,
        path=path,
        output=output,
        modes=tuple(m.value for m in dict.fromkeys(mode)),
        controls=tuple(c.value for c in dict.fromkeys(text_control)),
        trackers=tuple(dict.fromkeys(tracker)),
        names=tuple(sequences or ()),
        conditions=tuple(conditions(occlusion=occlusion, corruptions=disturbed, real_time=real_time or ())),
        peer_weights=peer_weights,
        threads=threads,
        seed=seed,
        corrupt_init=corrupt_init,
        resume=resume,
        command=shlex.join(["edgetrack", *sys.argv[1:]]),
    )
    options = EngineOptions(model, engine, precision, threads)
    console = Console(highlight=False)
    try:
        evaluate(request, open_edgetrack=options.tracker, console=console)
    except KeyboardInterrupt:
        console.print("stopped; finished sequences are kept: add --resume to go on", soft_wrap=True)
        raise
