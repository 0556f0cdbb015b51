"""``edgetrack build``: build TensorRT plans ahead of time, on the machine that will run them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgetrack.cli.options import Graphs, Model, Precision
from edgetrack.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from edgetrack.engines.tensorrt import Plan, TensorRtEngine


def build_command(
    graph: Graphs = None,
    precision: Precision = "auto",
    model: Model = None,
) -> None:
    """Build TensorRT plans for the GPU of this machine ahead of time, which takes minutes once.

    Without it, ONNX Runtime is used while TensorRT builds at the first start. Existing plans are kept. The exit code is
    2 if a plan cannot be built; plans finished earlier are kept.
    """
    from edgetrack.bundle import Bundle
    from edgetrack.engines import open_tensorrt
    from edgetrack.terminal import open_console

    bundle = Bundle.open(model)
    roles = list(dict.fromkeys(graph or bundle.graphs))
    if unknown := [role for role in roles if role not in bundle.graphs]:
        raise ConfigError(f"--graph {unknown[0]!r} is unknown; expected one of {', '.join(bundle.graphs)}")
    console = open_console()
    engine = open_tensorrt(bundle, precision=precision)
    console.print(f"{engine.bundle.manifest.name} {engine.precision}, {engine.info.machine}", soft_wrap=True)
    plans: list[Plan] = []
    try:
        _build(console, engine, roles, plans)
    finally:
        if plans:
            _print(console, plans)


def _build(console: Console, engine: TensorRtEngine, roles: Sequence[str], plans: list[Plan]) -> None:
    """Add a plan for each role to ``plans``, with a progress line for each."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        for number, role in enumerate(roles, 1):
            title = f"graph {role}, {number} of {len(roles)}"
            task = progress.add_task(title, total=1)
            if not console.is_terminal:
                console.print(title)
            plans.append(engine.build(role))
            progress.update(task, completed=1)


def _print(console: Console, plans: Sequence[Plan]) -> None:
    from edgetrack.cli.tables import open_table

    table = open_table(console)
    for heading in ("graph", "precision", "size", "time", "", "file"):
        table.add_column(
            heading,
            justify="right" if heading in ("size", "time") else "left",
            no_wrap=True,
        )
    for plan in plans:
        table.add_row(
            plan.role,
            plan.precision,
            f"{plan.size / 1e6:.1f} MB",
            f"{plan.seconds:.1f} s",
            "built" if plan.built else "already there",
            plan.path.name,
        )
    console.print(table)
    console.print(f"in {plans[0].path.parent}", soft_wrap=True)
