"""``edgetrack run`` with several cameras: opens what they share, and waits until all of them have ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from edgetrack import cores, signals
from edgetrack.cli.advice import advise_of_plurals
from edgetrack.cli.camera_metrics import serving_cameras
from edgetrack.cli.camera_plans import has_lines
from edgetrack.cli.camera_run import CameraRun, Heart, Shared, changing
from edgetrack.cli.reload import Reload
from edgetrack.cli.runners import quick_turns
from edgetrack.cli.service import Service
from edgetrack.cli.status import REDRAW_S
from edgetrack.cli.tracking import complain_of_stdout, leave

if TYPE_CHECKING:
    from edgetrack.cli.camera_plans import CameraPlan
    from edgetrack.cli.wanted import Wanted
    from edgetrack.io.lines import LineFile
    from edgetrack.tracker import Tracker


def track_cameras(cameras: Sequence[CameraPlan], reload: Reload) -> None:
    """Track all cameras until each of them has ended.

    A camera that fails is reported and ends; the others continue. A signal ends all of them, with complete outputs.
    """
    from edgetrack import terminal
    from edgetrack.cli.camera_view import CameraLines
    from edgetrack.cli.run_view import print_common
    from edgetrack.io.turns import Turns

    names, plan = [camera.name for camera in cameras], cameras[0].plan
    service = Service()
    with (
        quick_turns(live=True),
        serving_cameras(plan.services.metrics, names) as (metrics, served),
        _shared_files(cameras) as files,
    ):
        first = cast("Tracker", plan.options.tracker())  # opens the engine, which all share
        turns = Turns(max(1, cores.usable() // plan.options.threads))
        console = terminal.open_console()  # standard output may belong to an output by now
        wanted: dict[str | None, Wanted] = {camera.name: camera.plan.wanted for camera in cameras}
        print_common(console, first.engine, wanted, served)
        advise_of_plurals(first, list(dict.fromkeys(text for own in wanted.values() for text in own.texts)))
        with signals.held(), CameraLines(console, names) as lines:
            heart = Heart(service, names)
            shared = Shared(first.engine, turns, metrics, served, files, console, lines, heart)
            runs = [CameraRun(camera, shared) for camera in cameras]
            service.begin()
            while waiting := [run for run in runs if not run.ended]:
                waiting[0].wait(REDRAW_S)
                lines.draw()
                reload.apply(*changing(first, {run.name: run.changes for run in runs}))
    for run in runs:
        run.report()
    _finish(runs)


@contextmanager
def _shared_files(cameras: Sequence[CameraPlan]) -> Iterator[Mapping[Path, LineFile]]:
    """Open the files of lines to which all cameras write, standard output included."""
    from edgetrack import terminal
    from edgetrack.io.lines import LineFile

    of_all = set.intersection(*(set(filter(has_lines, camera.plan.outputs)) for camera in cameras))
    with ExitStack() as stack:
        files = {path: stack.enter_context(closing(LineFile(path))) for path in sorted(of_all)}
        if Path("-") in files:
            terminal.give_stdout_away()
        yield files


def _finish(runs: Sequence[CameraRun]) -> None:
    """Exit with the code for what has happened to the cameras."""
    if defect := next((run.defect for run in runs if run.defect is not None), None):
        raise defect
    complain_of_stdout()
    leave(
        failed=any(run.failed for run in runs),
        interrupted=signals.stopping(),
        failures=[error for run in runs for error in run.failures],
    )
