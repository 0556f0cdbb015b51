"""The command ``edgetrack``: options in, exit code out. Each handler imports what it needs."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable

from edgetrack import signals, terminal
from edgetrack.cli.align import align_command
from edgetrack.cli.base import EXIT_USER_ERROR, app, complain
from edgetrack.cli.bench import bench_command
from edgetrack.cli.build import build_command
from edgetrack.cli.cameras import cameras_command
from edgetrack.cli.dataset import dataset_app
from edgetrack.cli.demo import demo_command
from edgetrack.cli.doctor import doctor_command
from edgetrack.cli.eval import eval_command
from edgetrack.cli.export import export_command
from edgetrack.cli.listing import engines_command, models_command, targets_command
from edgetrack.cli.parse import parse_command
from edgetrack.cli.replay import replay_command
from edgetrack.cli.run import run_command
from edgetrack.cli.train import train_command
from edgetrack.cli.unusual import unusual_command
from edgetrack.cli.vot import vot_command
from edgetrack.cli.watch import watch_command

__all__ = ["app", "main"]

COMMANDS: dict[str, Callable[..., None]] = {
    "run": run_command,
    "watch": watch_command,
    "demo": demo_command,
    "unusual": unusual_command,
    "export": export_command,
    "build": build_command,
    "bench": bench_command,
    "eval": eval_command,
    "replay": replay_command,
    "train": train_command,
    "parse": parse_command,
    "cameras": cameras_command,
    "align": align_command,
    "doctor": doctor_command,
    "models": models_command,
    "engines": engines_command,
    "targets": targets_command,
    "vot": vot_command,
}


def _help(command: Callable[..., None]) -> str:
    """Return the docstring with one line per paragraph, because --help keeps line breaks."""
    paragraphs = (inspect.getdoc(command) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


for name, command in COMMANDS.items():  # --help lists them in this order
    app.command(name, help=_help(command))(command)
app.add_typer(dataset_app, name="dataset")


def main() -> None:
    """Run the command line and end the process: 0 done, 1 refused or broken, 2 user error, 130 interrupted.

    1 is a negative result of a command that checks something: ``export``, ``replay``, ``doctor`` and ``align``.
    """
    # Keep the log of OpenCV and its decoder off the terminal: problems become errors or lines of the summary.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    terminal.guard()
    try:
        app()
    except SystemExit as ended:
        lost = terminal.take_lost()
        if lost is not None:
            complain(f"standard output cannot be written: {lost.strerror}")
            ended.code = ended.code or EXIT_USER_ERROR
        signals.leave_threads(ended.code)
        raise
