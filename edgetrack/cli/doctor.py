"""``edgetrack doctor``: check this installation, and print the commands that fix faults."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from edgetrack.doctor import Finding, Machine

EXIT_BROKEN = 1
MARKS = {"ok": "green", "warning": "yellow", "broken": "red"}


def doctor_command(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, for reports, instead of a table.")
    ] = False,
) -> None:
    """Check this installation, and print the command that fixes each fault.

    The exit code is 1 if something is broken; a warning alone leaves it at 0.
    """
    from edgetrack import doctor, terminal

    machine, console = doctor.Machine(), terminal.open_console()
    findings = doctor.examine(machine)
    if as_json:
        console.print(json.dumps(_report(machine, findings), indent=2), soft_wrap=True)
    else:
        _print(console, findings)
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(EXIT_BROKEN)


def _report(machine: Machine, findings: list[Finding]) -> dict[str, object]:
    import platform
    from importlib.metadata import version

    return {
        "edgetrack": version("edgetrack"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "target": machine.target.name,
        "checks": [dataclasses.asdict(finding) for finding in findings],
    }


def _print(console: Console, findings: list[Finding]) -> None:
    from rich.text import Text

    from edgetrack.cli.tables import open_table

    table = open_table(console)
    table.add_column("check", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("found", overflow="fold")
    for finding in findings:
        table.add_row(finding.name, Text(finding.state, MARKS[finding.state]), Text(finding.said))
    console.print(table)
    for finding in findings:
        if finding.command is not None:  # in a line of its own, to be copied as it is
            console.print(f"\n{finding.name}:", style="bold")
            console.print(f"  {finding.command}", soft_wrap=True)
