"""The terminal output of ``edgetrack watch``: the parsed rules, and a line for each alert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text

from edgetrack.cli import log
from edgetrack.cli.run_log import log_alert
from edgetrack.events import Event
from edgetrack.io.sinks import Closing
from edgetrack.terminal import one_line, open_console
from edgetrack.types import Frame, Track
from edgetrack.watching.watcher import Watcher


def print_rules(watcher: Watcher) -> None:
    """Print each rule as it was parsed, and the targets and queries of all rules."""
    console = open_console()
    rows = [
        ("rule", rule.sentence if rule.name is None else f"{rule.name}: {rule.sentence}")
        for rule in watcher.rules
    ]
    rows += [("target", f'"{text}"') for text in watcher.targets]
    rows += [("every", f'"{text}"') for text in watcher.queries]
    for label, value in rows:
        console.print(Text.assemble((f"{label:>8}  ", "dim"), one_line(value)), soft_wrap=True)


class AlertLines(Closing):
    """Prints or logs each alert: its time, the rule, the objects and the box around them."""

    def __init__(self) -> None:
        self._console = open_console()

    def write(self, frame: Frame, track: Track, *, latency_ms: float) -> None:
        """Do nothing: there are no alerts for a single target."""

    def write_all(
        self,
        frame: Frame,
        tracks: Mapping[str, Track],
        *,
        latencies_ms: Mapping[str, float],
        events: Sequence[Event] = (),
    ) -> None:
        for event in events:
            if event.type == "alert" and log.is_json():
                log_alert(frame, event)
            elif event.type == "alert":
                self._console.print(_line(frame, event), soft_wrap=True)

    def close(self) -> None:
        """Do nothing: there is nothing to complete."""


def _line(frame: Frame, event: Event) -> Text:
    said = Text.assemble(("   alert  ", "bold red"), f"{_clock(frame.time_s)}  {one_line(str(event.rule))}")
    if event.ids:
        said.append(f"  #{', #'.join(map(str, event.ids))}", style="cyan")
    if event.box is not None:
        said.append("  at {},{},{},{}".format(*event.box.ints), style="dim")
    return said


def _clock(seconds: float) -> str:
    """Format seconds as hours, minutes and seconds with tenths, such as 0:01:05.3."""
    tenths = max(0, round(seconds * 10))
    return f"{tenths // 36000}:{tenths // 600 % 60:02d}:{tenths // 10 % 60:02d}.{tenths % 10}"
