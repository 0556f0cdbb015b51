"""The command ``edgetrack bench``. What it needs is imported when it runs."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgetrack.errors import BoxError, ConfigError
from edgetrack.options import (
    Engine,
    EngineOptions,
    Model,
    Precision,
    Text,
    Threads,
    Trust,
    adapter_rules,
    refuse_unused,
)

if TYPE_CHECKING:
    from edgetrack.bench.measure import Contestant
    from edgetrack.types import Box, Frame

DEMO = "demo scene, from memory"
EXIT_OVER = 1


def bench_command(
    context: typer.Context,
    source: Annotated[
        str | None,
        typer.Option(
            "--source", "-s", metavar="FILE|DIR", help="A video or a folder of pictures; default: the demo."
        ),
    ] = None,
    text: Text = None,
    box: Annotated[
        str | None, typer.Option(metavar="X,Y,W,H", help="Where the target is in the first frame, in pixels.")
    ] = None,
    frames: Annotated[int, typer.Option(min=2, metavar="N", help="Frames a pass, at most.")] = 120,
    rounds: Annotated[int, typer.Option(min=2, metavar="N", help="Passes of each tracker that count.")] = 5,
    compare: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CHANGES",
            help="Also measure it with changes, such as precision=int8 or model=DIR,threads=1. Repeatable.",
        ),
    ] = None,
    peer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Also measure opencv-nano, -vit, -mil, nanotrack or FILE.py:CLASS. Repeatable.",
        ),
    ] = None,
    peer_weights: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the peers' ONNX files.")
    ] = None,
    absent: Annotated[
        bool,
        typer.Option(
            "--absent", help="Blank the middle third of the frames, so that the target is lost and found."
        ),
    ] = False,
    busy: Annotated[bool, typer.Option("--busy", help="Keep one core busy meanwhile.")] = False,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all figures.")] = None,
    threads: Threads = 2,
    engine: Engine = "auto",
    precision: Precision = "auto",
    model: Model = None,
    trust: Trust = False,
) -> None:
    """Measure where the time of a frame goes, and compare engines, precisions, models and other trackers.

    All take turns on the same frames in this process. Leave the machine alone while it measures.
    The exit code is 1 where a bundle costs more than the budget of the board it was exported for, on such a board.
    """
    from edgetrack.bench import measure as measuring
    from edgetrack.bench.budget import budget_of, check
    from edgetrack.bench.report import print_checks, print_figures, write_json
    from edgetrack.evaluation.trackers.registry import takes_weights
    from edgetrack.reporting import machine
    from edgetrack.terminal import open_console

    options = EngineOptions(model, engine, precision, threads, trust=trust)
    models = [_changed(options, changes).model for changes in compare or ()]
    refuse_unused(context, adapter_rules(model, *models))
    weighed = any(takes_weights(name) for name in peer or ())
    refuse_unused(context, {"peer_weights": (weighed, "no --peer is given that has weights")})
    if text is None and box is None:
        text = "red car"
    target = measuring.Target(text, None if box is None else _box(box))
    if peer and target.box is None:
        raise ConfigError(
            f"{peer[0]} takes a box and nothing else; give --box X,Y,W,H, as in: --box 120,80,64,48"
        )
    contestants = _contestants(options, compare or [], peer or [], peer_weights)
    shown = _frames(source, frames)
    with measuring.busy_neighbor() if busy else nullcontext():
        figures, ratios = measuring.measure(
            contestants,
            measuring.absent(shown, frames) if absent else shown,
            target,
            rounds=rounds,
            limit=frames,
        )
    console = open_console()
    print_figures(console, figures, ratios)
    budgets = [budget_of(contestant.tracker) for contestant in contestants]
    checks = {
        one.name: check(budget, one, alone=len(contestants) == 1)
        for one, budget in zip(figures, budgets, strict=True)
        if budget is not None
    }
    print_checks(console, checks)
    if json is not None:
        command = shlex.join(["edgetrack", *sys.argv[1:]])
        facts = machine.facts()
        about = {"machine": facts, "command": command, "source": source or DEMO}
        write_json(json, figures, ratios, checks, about=about)
    if any(one.within is False for all_of in checks.values() for one in all_of):
        raise typer.Exit(EXIT_OVER)


def _box(value: str) -> Box:
    from edgetrack.types import Box

    try:
        return Box.of([float(part) for part in value.split(",")])
    except ValueError as error:  # a BoxError is one
        raise BoxError(
            f"--box {value!r} is no box ({error}); give x,y,w,h in pixels, as in: 120,80,64,48"
        ) from error


def _contestants(
    options: EngineOptions, changes: list[str], peers: list[str], weights: Path | None
) -> list[Contestant]:
    from edgetrack.bench.measure import Contestant
    from edgetrack.evaluation.trackers.registry import open_entry

    entrants = [("edgetrack", "edgetrack", options)]
    entrants += [(f"edgetrack {change}", "edgetrack", _changed(options, change)) for change in changes]
    entrants += [(peer, peer, options) for peer in peers]
    opened = []
    for name, kind, its in entrants:
        entrant = open_entry(kind, open_edgetrack=its.tracker, peer_weights=weights, threads=its.threads)
        opened.append(Contestant(name, entrant.tracker, entrant.facts))
    return opened


def _changed(options: EngineOptions, changes: str) -> EngineOptions:
    """The options with ``changes``, such as "precision=int8,threads=1"."""
    for change in changes.split(","):
        key, _, value = change.partition("=")
        if key == "threads" and value.isdecimal():
            options = replace(options, threads=int(value))
        elif key == "model" and value:
            options = replace(options, model=value)
        elif key == "engine" and value:
            options = replace(options, engine=value)
        elif key == "precision" and value:
            options = replace(options, precision=value)
        else:
            raise ConfigError(
                f"--compare {changes!r} has {change!r}; expected model=, engine=, precision= or threads=, "
                "as in: --compare precision=int8,threads=1"
            )
    return options


def _frames(source: str | None, limit: int) -> Callable[[], Iterable[Frame]]:
    """What opens the frames of a pass: the file anew, so that reading is measured, or the demo from memory."""
    if source is None:
        from itertools import islice

        from edgetrack.demo.scene import Scene

        drawn = list(islice(Scene().frames(), limit))
        return lambda: drawn

    def read() -> Iterable[Frame]:
        from edgetrack.io.sources import open_source

        with open_source(source) as opened:
            if opened.live:
                raise ConfigError(
                    f"--source {opened.name} is live, and each pass needs the same frames; give a file"
                )
            yield from opened

    return read
