"""The command ``edgetrack``: options in, exit code out. Each handler imports what it needs."""

from __future__ import annotations

import os

from edgetrack import terminal
from edgetrack.bench.command import bench_command
from edgetrack.cli import build, export, lists, run, vot  # each registers its commands
from edgetrack.cli.base import EXIT_USER_ERROR, app, complain
from edgetrack.cli.eval import eval_command
from edgetrack.replay.command import replay_command

__all__ = ["app", "build", "export", "lists", "main", "run", "vot"]

app.command("bench")(bench_command)
app.command("eval")(eval_command)
app.command("replay")(replay_command)


def main() -> None:
    """Runs the command line and ends the process: 0 done, 1 refused (export, replay), 2 user error, 130 interrupted."""
    # The terminal is ours: what OpenCV and its decoder complain of becomes an error or a line of the summary.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    terminal.guard()
    try:
        app()
    except SystemExit as ended:
        lost = terminal.take_lost()
        if lost is not None:
            complain(f"standard output cannot be written: {lost.strerror}")
            raise SystemExit(ended.code or EXIT_USER_ERROR) from None
        raise
