"""Runs several cameras on one engine: each in its own thread, with its own tracker, outputs and reconnections."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgetrack import signals
from edgetrack.cli.base import complain
from edgetrack.cli.camera_plans import CameraPlan, has_lines
from edgetrack.cli.mask_options import blurring
from edgetrack.cli.reload import check_kind
from edgetrack.cli.run_view import print_camera, print_state
from edgetrack.cli.source_options import open_given
from edgetrack.cli.status import Watch
from edgetrack.cli.tracking import Tracking, tell
from edgetrack.errors import EdgetrackError, SourceError
from edgetrack.io.states import SourceState

if TYPE_CHECKING:
    from rich.console import Console

    from edgetrack.cli.camera_metrics import CameraMetrics
    from edgetrack.cli.camera_view import CameraLines
    from edgetrack.cli.reload import Change, ChangeOf
    from edgetrack.cli.service import Service
    from edgetrack.cli.tracking import Plan
    from edgetrack.cli.wanted import Wanted
    from edgetrack.engines.base import Engine
    from edgetrack.io.lines import LineFile
    from edgetrack.io.sinks import Sink
    from edgetrack.io.source import Source
    from edgetrack.io.turns import Turns
    from edgetrack.meter import Summary
    from edgetrack.tracker import Tracker

NAP_S = 0.05  # interval at which a pause checks for the end of the run


class Heart:
    """Tells the service manager that the run is alive while every camera is, and in which states they are."""

    def __init__(self, service: Service, names: Sequence[str]) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._alive, self._due = set(names), set(names)
        self._states = dict.fromkeys(names, "connecting")

    def beat(self, name: str, *_: object) -> None:
        """Note that the loop of a camera is alive; it accepts the arguments of every observer of a frame."""
        with self._lock:
            self._due.discard(name)
            if not self._due:
                self._due = set(self._alive)
                self._service.beat()

    def become(self, name: str, state: SourceState) -> None:
        """Report a new state of a camera."""
        with self._lock:
            self._states[name] = str(state)
            self._service.report(", ".join(f"{camera} {said}" for camera, said in self._states.items()))

    def leave(self, name: str) -> None:
        """Expect no more of a camera that has ended."""
        with self._lock:
            self._alive.discard(name)
            self._due.discard(name)


class Handed:
    """The targets of a camera, which the main thread changes when the config file was reread; see `Changes`."""

    def __init__(self, name: str, wanted: Wanted) -> None:
        self._name, self._wanted = name, wanted
        self._lock = threading.Lock()
        self._begun = False
        self._due: deque[tuple[Wanted, Wanted]] = deque()

    def hand(self, old: Wanted, new: Wanted) -> None:
        """Change the targets: between two frames, or when the camera is connected."""
        with self._lock:
            self._wanted = new
            if self._begun:
                self._due.append((old, new))

    def begin(self) -> Wanted:
        """Return the targets to begin with; from now on, they are changed between frames."""
        with self._lock:
            self._begun = True
            return self._wanted

    def between_frames(self, change: Change) -> None:
        """Make the changes that are due."""
        while self._due:
            try:
                change(*self._due.popleft())
            except EdgetrackError as error:
                complain(f"{error}; the camera continues unchanged", camera=self._name)


def changing(tracker: Tracker, changes: Mapping[str, Handed]) -> tuple[ChangeOf, ChangeOf]:
    """Return the functions that hand new targets to a camera, and that check them before: see `Reload.apply`.

    Args:
        tracker: Reads the texts.
        changes: By camera.
    """

    def hand(name: str | None, old: Wanted, new: Wanted) -> None:
        if (old.texts, old.every) != (new.texts, new.every):
            changes[str(name)].hand(old, new)

    def check(name: str | None, old: Wanted, new: Wanted) -> None:
        check_kind(old, new)
        for text in (*new.texts, *new.every):
            tracker.reader.read(text)

    return hand, check


@dataclass(frozen=True)
class Shared:
    """What all cameras of a run use together."""

    engine: Engine
    turns: Turns
    metrics: CameraMetrics
    served: str | None
    files: Mapping[Path, LineFile]
    console: Console
    lines: CameraLines
    heart: Heart


class CameraRun:
    """One camera of a run, in a thread of its own.

    Attributes:
        name: Name of the camera.
        changes: Changes of its targets.
        connecting: Whether it has not been connected yet.
        summary: Of its frames; None if there was none.
        failed: Whether it ended with an error, which was reported.
        defect: An exception that no one expects.
        failures: Errors of its outputs.
        report: Prints its summary.
    """

    def __init__(self, camera: CameraPlan, shared: Shared) -> None:
        self.name = camera.name
        self.changes = Handed(camera.name, camera.plan.wanted)
        self.connecting = True
        self.summary: Summary | None = None
        self.failed = False
        self.defect: BaseException | None = None
        self.failures: list[Exception] = []
        self.report: Callable[[], None] = lambda: None
        self._camera, self._shared = camera, shared
        self._thread = threading.Thread(target=self._work, name=f"edgetrack {self.name}", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether it has ended with complete outputs; one that is still connecting at the end of the run has none."""
        return not self._thread.is_alive() or (self.connecting and signals.stopping())

    def wait(self, seconds: float) -> None:
        """Wait for its end."""
        self._thread.join(seconds)

    def _work(self) -> None:
        try:
            with self._connected() as source:
                self.connecting = False
                self._track(source)
        except KeyboardInterrupt:
            pass  # before its first frame
        except EdgetrackError as error:
            self._fail(str(error), code=getattr(error, "code", None))
        except BaseException as error:  # the main thread raises it when the other cameras have ended
            self.defect = error
            self._fail(f"{type(error).__name__}: {error}")
        finally:
            self._shared.heart.leave(self.name)

    def _fail(self, message: str, code: str | None = None) -> None:
        self.failed = True
        complain(message, camera=self.name, code=code)
        self._shown(SourceState("failed"))

    def _connected(self) -> Source:
        """Open the source. A stream that does not answer is tried again, because the other cameras go on meanwhile.

        Raises:
            SourceError: It cannot be opened, or has not answered for ``give_up_s`` seconds.
        """
        from edgetrack.io.live import Pauses

        pauses, how, began_s = Pauses(), self._camera.how, time.monotonic()
        while True:
            try:
                return open_given(None, self._camera.place, how)
            except SourceError as error:
                if error.code is None:
                    raise
                pause_s = pauses.next_s(error.code)
                if how.give_up_s is not None and time.monotonic() + pause_s - began_s > how.give_up_s:
                    raise
                state = SourceState("reconnecting", error.code, str(error), pauses.attempts, pause_s)  # type: ignore[arg-type]
                self._become(state)
                self._pause(pause_s)

    def _pause(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            self._beat()
            time.sleep(NAP_S)

    def _beat(self, *_: object) -> None:
        """Note that the thread is alive, and end it if the run ends."""
        self._shared.heart.beat(self.name)
        if signals.stopping():
            raise KeyboardInterrupt

    def _become(self, state: SourceState) -> None:
        print_state(self._shared.console, state, source=self._camera.place, camera=self.name)
        self._shown(state)

    def _shown(self, state: SourceState) -> None:
        self._shared.lines.of[self.name].become(state)
        self._shared.heart.become(self.name, state)

    def _track(self, source: Source) -> None:
        from edgetrack.io.outputs import Outputs
        from edgetrack.io.turns import InTurn

        shared, plan = self._shared, self._plan(source)
        boxed = any(box for _, box in plan.wanted.targets)  # in the first frame
        if not boxed and not self._camera.how.realtime:
            source.start_with_newest()
        metrics = shared.metrics.of(self.name, source)
        frames = InTurn(source, shared.turns, from_first=boxed)
        prepare = blurring(plan.blur, keep_masks=plan.keep_masks)
        with Outputs(on_failure=partial(tell, camera=self.name), prepare=prepare) as sinks:
            tracking = Tracking(source, plan, sinks, lines=self._lines(plan), reload=self.changes)
            engine = tracking.tracker.engine
            print_camera(shared.console, self.name, source, engine, plan.wanted, shared.served)
            tracking.measure(metrics)

            def become(state: SourceState) -> None:
                metrics.become(state)
                print_state(shared.console, state, source=source.name, camera=self.name)
                self._shown(state)

            source.on_state, source.on_wait = become, self._beat
            watch = Watch(
                shared.lines.of[self.name], engine, partial(shared.heart.beat, self.name), metrics.update
            )
            try:
                self.summary = tracking.run(watch, frames)
            finally:
                frames.rest()  # others track while this one completes its files
        self.failures = [error for _, error in sinks.failures]
        self.report = partial(tracking.report, shared.console, self.summary, watch, camera=self.name)
        if self.summary.problem is not None:
            self._fail(self.summary.problem)
        self.failed = self.failed or bool(self.summary.failed)

    def _plan(self, source: Source) -> Plan:
        """Return the plan with the current targets and the shared engine."""
        plan, wanted = self._camera.plan, self.changes.begin()
        options = replace(plan.options.sharing(self._shared.engine), live=source.live)
        return replace(plan, wanted=wanted, options=options)

    def _lines(self, plan: Plan) -> dict[Path, Sink]:
        """Open the outputs whose lines have the name of the camera."""
        from edgetrack.io.lines import CsvSink, JsonlSink

        files = self._shared.files
        return {
            path: (CsvSink if path.suffix.lower() == ".csv" else JsonlSink)(
                files.get(path, path), camera=self.name
            )
            for path in plan.outputs
            if has_lines(path)
        }
