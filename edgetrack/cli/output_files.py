"""The outputs of a run, which are checked before anything else is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgetrack.cli.base import advise
from edgetrack.cli.clip_options import NO_CLIPS, ClipOptions
from edgetrack.errors import ConfigError

if TYPE_CHECKING:
    from edgetrack.cli.wanted import Wanted
    from edgetrack.io.mqtt import MqttSink
    from edgetrack.io.publish import RtspSink
    from edgetrack.io.rerun import RerunViewerSink
    from edgetrack.io.sinks import Sink
    from edgetrack.io.source import Source
    from edgetrack.io.webhook import WebhookSink
    from edgetrack.zones import Zones


def open_output(
    path: Path,
    opened: Sink | None,
    source: Source,
    text: str | None,
    facts: Mapping[str, str],
    zones: Zones | None,
) -> Sink:
    """Open an output unless it is ``opened`` already; with a live source, it gets a thread and never blocks."""
    from edgetrack.io.sinks import open_sink
    from edgetrack.io.threaded import ThreadedSink

    if opened is None:
        opened = open_sink(path, fps=source.fps, size=source.size, text=text, facts=facts, zones=zones)
    if not source.live:
        return opened
    pictures = path.suffix.lower() in (".mp4", ".mcap", ".rrd", ".png")
    return ThreadedSink(opened, name=f"output {path}", pictures=pictures)


def open_stdout(outputs: Iterable[Path]) -> dict[Path, Sink]:
    """Open the output "-", if it is given, and reserve standard output for it."""
    from edgetrack import terminal
    from edgetrack.io.sinks import open_sink

    opened = {path: open_sink(path) for path in outputs if str(path) == "-"}
    if opened:
        terminal.give_stdout_away()
    return opened


def open_window(text: str | None, zones: Zones | None) -> Sink:
    """Open a window that shows the run."""
    from edgetrack.io.window import WindowSink

    return WindowSink(text=text, zones=zones)


def check_one_target(outputs: Iterable[Path], wanted: Iterable[Wanted]) -> None:
    """Refuse outputs whose format can hold only one target if there are more, in the only or in one of the cameras.

    Raises:
        ConfigError: there is such an output.
    """
    if all(len(own.targets) == 1 and not own.every for own in wanted):
        return
    if path := next((path for path in outputs if path.suffix.lower() == ".otb"), None):
        raise ConfigError(
            f"output {path} can hold one target only; expected one --text or --box, or an output OUT.mot"
        )


def by_name(outputs: Mapping[Path, Sink], others: Mapping[str, Sink]) -> dict[str, Sink]:
    """Return everything a run writes to, by the name that the user knows."""
    return {**{str(path): sink for path, sink in outputs.items()}, **others}


def dropped_by(sinks: Mapping[str, Sink]) -> dict[str, int]:
    """Return how many frames each output was too slow for; those of a file are waited for, and drop none."""
    return {name: getattr(sink, "dropped", 0) for name, sink in sinks.items()}


def output_notes(sinks: Mapping[str, Sink]) -> list[str]:
    """Return a sentence for each output that could not keep up, and the outputs' own notes."""
    lost = [
        f"{n} frames were dropped from {name}: it could not keep up"
        for name, n in dropped_by(sinks).items()
        if n
    ]
    return lost + [note for sink in sinks.values() for note in getattr(sink, "notes", ())]


@dataclass(frozen=True)
class Services:
    """The addresses of --webhook, --mqtt, --publish, --rerun and --metrics, and the clips.

    ``camera`` is the name of the camera, if the run has several.
    """

    webhook: str | None = None
    mqtt: str | None = None
    publish: str | None = None
    rerun: str | None = None
    clips: ClipOptions = NO_CLIPS
    metrics: str | None = None
    camera: str | None = None

    def open_pictures(self, source: Source, text: str | None, zones: Zones | None) -> dict[str, Sink]:
        """Open the services that take images, by the name for the summary.

        Each has its own thread, except for clips of a file, in which no frame may be missing.
        """
        from edgetrack.io.target_events import WithTargetEvents
        from edgetrack.io.threaded import ThreadedSink

        opened: list[RtspSink | RerunViewerSink] = []
        if self.publish is not None:
            from edgetrack.io.publish import RtspSink

            opened.append(
                RtspSink(
                    self.publish, fps=source.fps or 30.0, text=text, zones=zones, warn=self._noting("publish")
                )
            )
        if self.rerun is not None:
            from edgetrack.io.rerun import RerunViewerSink

            opened.append(RerunViewerSink(self.rerun, zones=zones))
        sinks: dict[str, Sink] = {
            sink.name: ThreadedSink(sink, name=sink.name, pictures=True) for sink in opened
        }
        for clips in self.clips.open(source.fps, zones):
            name = f"clips {self.clips.folder}"
            taking = ThreadedSink(clips, name=name, pictures=True) if source.live else clips
            sinks[name] = WithTargetEvents(taking)
        return sinks

    def open(self) -> list[WebhookSink | MqttSink]:
        """Open the services that take events; they print notes about their connections."""
        opened: list[WebhookSink | MqttSink] = []
        if self.webhook is not None:
            from edgetrack.io.webhook import WebhookSink

            opened.append(WebhookSink(self.webhook, warn=self._noting("webhook"), camera=self.camera))
        if self.mqtt is not None:
            from edgetrack.io.mqtt import MqttSink

            opened.append(MqttSink(self.mqtt, warn=self._noting("mqtt")))
        return opened

    def _noting(self, service: str) -> Callable[[str], None]:
        """Return a function that reports a note about a service."""
        return partial(advise, service=service, camera=self.camera)


NO_SERVICES = Services()


def undelivered_by(sinks: Iterable[WebhookSink | MqttSink]) -> dict[str, int]:
    """Return how many events each service has not taken."""
    return {sink.name: sink.undelivered for sink in sinks}


def undelivered(sinks: Iterable[WebhookSink | MqttSink]) -> list[str]:
    """Return a sentence for each service that did not receive all events."""
    return [f"events not delivered to {name}: {n}" for name, n in undelivered_by(sinks).items() if n]
