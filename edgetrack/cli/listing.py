"""``edgetrack models``, ``edgetrack engines`` and ``edgetrack targets``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from edgetrack.cli.options import Model

if TYPE_CHECKING:
    from rich.console import Console

    from edgetrack.bundle import Bundle


def models_command() -> None:
    """List the models that come with the package."""
    from edgetrack.terminal import open_console

    print_models(open_console())


def engines_command(model: Model = None) -> None:
    """List the engines, what each would run on here, and what is missing for the others."""
    from edgetrack.bundle import Bundle
    from edgetrack.terminal import open_console

    print_engines(open_console(), Bundle.open(model))


def targets_command() -> None:
    """List the devices that edgetrack knows, and the one detected for this machine."""
    from edgetrack.terminal import open_console

    print_targets(open_console())


def print_models(console: Console) -> None:
    """Print a table of the bundles that come with the package."""
    from edgetrack.bundle import Bundle, shipped
    from edgetrack.cli.tables import open_table

    table = open_table(console)
    for heading, side in (("name", "left"), ("parameters", "right"), ("size", "right")):
        table.add_column(heading, justify=cast(Any, side), no_wrap=True)
    table.add_column("license", no_wrap=True)
    table.add_column("path", overflow="fold")
    for name in shipped():
        bundle = Bundle.open(name)
        manifest = bundle.manifest
        size = sum(bundle.path(role).stat().st_size for role in manifest.files)
        millions = f"{manifest.parameters / 1e6:.1f} M"
        table.add_row(name, millions, f"{size / 1e6:.1f} MB", manifest.license, str(bundle.folder))
    console.print(table)


def print_engines(console: Console, bundle: Bundle) -> None:
    """Print a table of the engines: what each runs on here, or what is missing and how to install it."""
    from rich.text import Text

    from edgetrack import targets
    from edgetrack.cli.tables import open_table
    from edgetrack.engines import available

    first = targets.detect().engines[0]
    table = open_table(console)
    table.add_column("engine", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("on this machine", overflow="fold")
    for name, found in available(bundle).items():
        ready = isinstance(found, str)
        mark = Text("ready", "green") if ready else Text("missing", "yellow")
        table.add_row(name, mark, Text(f"{found}{' · auto takes it' if name == first else ''}"))
    console.print(table)


def print_targets(console: Console) -> None:
    """Print a table of the devices, this machine's marked."""
    from edgetrack import targets
    from edgetrack.cli.tables import open_table

    here = targets.detect().name
    table = open_table(console)
    for heading in ("target", "device", "engines", "precisions", "GPU", "TensorRT", "budget", "status"):
        table.add_column(heading, no_wrap=heading != "device")
    for name in targets.names():
        target = targets.load(name)
        table.add_row(
            name,
            target.title,
            ", ".join(target.engines),
            ", ".join(target.precisions),
            target.compute_capability or "",
            "" if target.tensorrt is None else "{} to <{}".format(*target.tensorrt),
            f"{target.latency_budget_ms:g} ms, {target.memory_budget_mb} MB",
            target.status + (" · this machine" if name == here else ""),
            style="bold" if name == here else None,
        )
    console.print(table)
