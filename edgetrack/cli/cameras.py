"""``edgetrack cameras``: list the cameras, and why one cannot be opened."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer


def cameras_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list instead of a table.")] = False,
) -> None:
    """List the cameras of this machine, with the reason if one cannot be used.

    Each is opened to check that it delivers a picture. The first column is the value for --source.
    """
    from rich.text import Text

    from edgetrack.cli.tables import open_table
    from edgetrack.io.cameras import find_cameras
    from edgetrack.terminal import open_console

    found, console = find_cameras(), open_console()
    if as_json:
        console.print(
            json.dumps([dataclasses.asdict(camera) for camera in found]), soft_wrap=True, markup=False
        )
        return
    if not found:
        console.print(
            "no camera: this machine has no /dev/video*; for a container, add: docker run --device /dev/video0. "
            "To try edgetrack without a camera: --source test://street",
            soft_wrap=True,
            highlight=False,
        )
        return
    table = open_table(console)
    table.add_column("source", no_wrap=True)
    table.add_column("camera", overflow="fold")
    table.add_column("", no_wrap=True)
    table.add_column("", overflow="fold")
    for camera in found:
        mark = Text("ready", "green") if camera.ready else Text("missing", "yellow")
        table.add_row(Text(camera.source), Text(camera.title), mark, Text(camera.said))
    console.print(table)
