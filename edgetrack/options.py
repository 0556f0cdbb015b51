"""Options that several commands share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from edgetrack import cores

if TYPE_CHECKING:
    from edgetrack.multi_tracker import MultiTracker
    from edgetrack.tracker import Tracker

Text = Annotated[
    str | None, typer.Option("--text", "-t", metavar="TEXT", help='What to follow, such as "red car".')
]


def bounded(context: typer.Context, option: typer.CallbackParam, value: int) -> int:
    """A number of threads or processes, at most the cores that this process may use; a default is cut to them.

    Raises:
        ConfigError: more were asked for.
    """
    if context.resilient_parsing:
        return value
    source = context.get_parameter_source(str(option.name))
    if source is not None and source.name == "DEFAULT":
        return min(value, cores.usable())
    return cores.checked(value, option.opts[0])


Threads = Annotated[
    int,
    typer.Option(
        min=1,
        metavar="N",
        callback=bounded,
        help="CPU threads, at most the cores that this process may use.",
        rich_help_panel="Engine",
    ),
]
Engine = Annotated[
    str,
    typer.Option(metavar="NAME", help="An engine by name; see: edgetrack engines", rich_help_panel="Engine"),
]
Precision = Annotated[
    str, typer.Option(metavar="NAME", help="A precision by name, such as fp32.", rich_help_panel="Engine")
]
Model = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|DIR", help="A shipped model or a bundle of your own.", rich_help_panel="Engine"
    ),
]


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What the options of the panel "Engine" say."""

    model: str | None
    engine: str
    precision: str
    threads: int
    static_check: bool = False
    wait: bool = (
        True  # until the engine runs on what it is named after; False: for who needs frames, not figures
    )

    def tracker(self, *, model: str | None = None, precision: str | None = None) -> Tracker:
        """A tracker with them; another model or precision than theirs where it is given."""
        from edgetrack.tracker import Tracker

        tracker = Tracker(
            model or self.model,
            engine=self.engine,
            precision=precision or self.precision,
            threads=self.threads,
            static_check=self.static_check,
        )
        if self.wait:
            tracker.engine.wait()
        return tracker

    def multi_tracker(self) -> MultiTracker:
        """A tracker of several targets with them."""
        from edgetrack.multi_tracker import MultiTracker

        many = MultiTracker(
            self.model,
            engine=self.engine,
            precision=self.precision,
            threads=self.threads,
            static_check=self.static_check,
        )
        if self.wait:
            many.engine.wait()
        return many
