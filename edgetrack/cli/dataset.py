"""``edgetrack dataset``: check datasets on disk."""

from __future__ import annotations

import typer

from edgetrack.cli.options import Dataset, DatasetPath, SplitArgument

MAX_SHOWN = 20
EXIT_FAULTY = 1

dataset_app = typer.Typer(help="Check datasets on disk.", no_args_is_help=True)


@dataset_app.command("list")
def list_command() -> None:
    """List the layouts that edgetrack reads, and their splits."""
    from edgetrack.cli.tables import open_table
    from edgetrack.datasets import LAYOUTS
    from edgetrack.terminal import open_console

    console = open_console()
    table = open_table(console)
    table.add_column("layout", no_wrap=True)
    table.add_column("splits", overflow="fold")
    for name, layout in LAYOUTS.items():
        table.add_row(name, ", ".join(layout.splits))
    console.print(table)


@dataset_app.command("check")
def check_command(dataset: Dataset, path: DatasetPath, split: SplitArgument) -> None:
    """Read all labels of a dataset, and the first image of each sequence; the exit code is 1 if there are faults."""
    from edgetrack.datasets.check import check
    from edgetrack.terminal import one_line, open_console

    summary, faults = check(dataset, path, split)
    console = open_console()
    for fault in faults[:MAX_SHOWN]:
        console.print(f"fault: {one_line(fault)}", soft_wrap=True)
    if len(faults) > MAX_SHOWN:
        console.print(f"... and {len(faults) - MAX_SHOWN} more")
    console.print(f"{dataset} {split}: {summary}, {len(faults)} faults", soft_wrap=True)
    if faults:
        raise typer.Exit(EXIT_FAULTY)
