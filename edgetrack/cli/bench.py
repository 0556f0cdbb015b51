"""``edgetrack bench``: measure the time of a frame by stage."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edgetrack.cli.base import parse_box
from edgetrack.cli.bench_options import Absent, Busy, Compare, Fps, Frames, Peers, Rounds
from edgetrack.cli.engine_options import EngineOptions, adapter_rules, refuse_unused
from edgetrack.cli.options import (
    BenchSource,
    BoxText,
    Engine,
    Json,
    Model,
    PeerWeights,
    Precision,
    Text,
    Threads,
    Trust,
)
from edgetrack.cli.overwrites import check_files
from edgetrack.errors import ConfigError

if TYPE_CHECKING:
    from edgetrack.bench.budget import Check
    from edgetrack.bench.measure import Contestant, Figures, Ratio, Target
    from edgetrack.types import Frame

DEMO = "demo scene, from memory"
EXIT_OVER_BUDGET = 1


def bench_command(
    context: typer.Context,
    source: BenchSource = None,
    text: Text = None,
    box: BoxText = None,
    frames: Frames = 120,
    rounds: Rounds = 5,
    compare: Compare = None,
    peer: Peers = None,
    peer_weights: PeerWeights = None,
    absent: Absent = False,
    busy: Busy = False,
    fps: Fps = None,
    json: Json = None,
    threads: Threads = 2,
    engine: Engine = "auto",
    precision: Precision = "auto",
    model: Model = None,
    trust: Trust = False,
) -> None:
    """Measure the time per stage of a frame, and compare engines, precisions, models and other trackers.

    All of them alternate on the same frames in this process. Keep the machine idle meanwhile. The exit code is 1 if a
    bundle exceeds the budget of the device that it was exported for, on such a device.
    """
    options = EngineOptions(model, engine, precision, threads, trust=trust)
    _refuse_unused(context, options, compare or [], peer or [])
    target = _target(text, box, peer or [])
    check_files({"--json": json}, [source])
    contestants = _contestants(options, compare or [], peer or [], peer_weights)
    shown = _frames(source, frames)
    figures, ratios = _measure(
        contestants, shown, target, rounds=rounds, limit=frames, absent=absent, busy=busy, fps=fps
    )
    checks = _checks(contestants, figures)
    _print(figures, ratios, checks)
    if json is not None:
        _write(json, figures, ratios, checks, source=source or DEMO)
    if any(one.within is False for all_of in checks.values() for one in all_of):
        raise typer.Exit(EXIT_OVER_BUDGET)


def _refuse_unused(
    context: typer.Context, options: EngineOptions, changes: list[str], peers: list[str]
) -> None:
    from edgetrack.evaluation.trackers.registry import takes_weights

    models = [_changed(options, change).model for change in changes]
    weighed = any(takes_weights(name) for name in peers)
    rules = {"peer_weights": (weighed, "none of the --peer needs weights")}
    refuse_unused(context, adapter_rules(options.model, *models) | rules)


def _target(text: str | None, box: str | None, peers: list[str]) -> Target:
    from edgetrack.bench.measure import Target

    if text is None and box is None:
        text = "red car"
    target = Target(text, None if box is None else parse_box(box))
    if peers and target.box is None:
        raise ConfigError(f"{peers[0]} starts from a box only; give --box X,Y,W,H, as in: --box 120,80,64,48")
    return target


def _measure(
    contestants: list[Contestant],
    shown: Callable[[], Iterable[Frame]],
    target: Target,
    *,
    rounds: int,
    limit: int,
    absent: bool,
    busy: bool,
    fps: float | None,
) -> tuple[list[Figures], list[Ratio]]:
    from edgetrack.bench import measure

    frames = measure.absent(shown, limit) if absent else shown
    with measure.busy_neighbor() if busy else nullcontext():
        return measure.measure(contestants, frames, target, rounds=rounds, limit=limit, fps=fps)


def _checks(contestants: list[Contestant], figures: list[Figures]) -> dict[str, list[Check]]:
    """Return how each bundle that has a budget compares with it."""
    from edgetrack.bench.budget import budget_of, check

    budgets = [budget_of(contestant.tracker) for contestant in contestants]
    return {
        one.name: check(budget, one, alone=len(contestants) == 1)
        for one, budget in zip(figures, budgets, strict=True)
        if budget is not None
    }


def _print(figures: list[Figures], ratios: list[Ratio], checks: dict[str, list[Check]]) -> None:
    from edgetrack.cli.bench_view import print_checks, print_figures
    from edgetrack.terminal import open_console

    console = open_console()
    print_figures(console, figures, ratios)
    print_checks(console, checks)


def _write(
    path: Path, figures: list[Figures], ratios: list[Ratio], checks: dict[str, list[Check]], *, source: str
) -> None:
    from edgetrack.bench.report import write_json
    from edgetrack.reporting import machine

    command = shlex.join(["edgetrack", *sys.argv[1:]])
    about = {"machine": machine.facts(), "command": command, "source": source}
    write_json(path, figures, ratios, checks, about=about)


def _contestants(
    options: EngineOptions, changes: list[str], peers: list[str], weights: Path | None
) -> list[Contestant]:
    from edgetrack.bench.measure import Contestant
    from edgetrack.evaluation.trackers.registry import open_entry

    named = [("edgetrack", "edgetrack", options)]
    named += [(f"edgetrack {change}", "edgetrack", _changed(options, change)) for change in changes]
    named += [(peer, peer, options) for peer in peers]
    opened = []
    for name, kind, its in named:
        entry = open_entry(kind, open_edgetrack=its.tracker, peer_weights=weights, threads=its.threads)
        opened.append(Contestant(name, entry.tracker, entry.facts))
    return opened


def _changed(options: EngineOptions, changes: str) -> EngineOptions:
    """Return the options with ``changes``, such as "precision=int8,threads=1"."""
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
    """Return a function that opens the frames of a pass: the file again, to measure reading, or the demo."""
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
                    f"--source {opened.name} is live, but each pass needs the same frames; give a file"
                )
            yield from opened

    return read
