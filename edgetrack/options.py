"""Options that several commands share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from edgetrack import cores
from edgetrack.errors import ConfigError

if TYPE_CHECKING:
    from edgetrack.multi_tracker import MultiTracker
    from edgetrack.peers.tracker import AdapterTracker
    from edgetrack.tracker import Tracker

Rule = tuple[bool, str]  # whether an option has an effect, and if not, why

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
Trust = Annotated[
    bool,
    typer.Option("--trust", help="Run the code that an adapter's bundle brings.", rich_help_panel="Engine"),
]


def refuse_unused(context: typer.Context, rules: dict[str, Rule]) -> None:
    """Raises ConfigError for an option that was given on the command line, but has no effect.

    The one way in which every command refuses such an option.

    Args:
        context: of the running command.
        rules: by the name of the handler's parameter.
    """
    for name, (effective, why) in rules.items():
        source = context.get_parameter_source(name)
        if effective or source is None or source.name.startswith("DEFAULT"):
            continue
        option = next(max(p.opts, key=len) for p in context.command.params if p.name == name)
        raise ConfigError(f"{option} has no effect: {why}; leave it out")


def adapter_rules(*models: str | None) -> dict[str, Rule]:
    """Of the options that edgetrack's own models and adapters' bundles do not share, given all models of a command."""
    from edgetrack.peers.bundle import is_adapter_bundle

    adapters = [is_adapter_bundle(model) for model in models]
    own = "an adapter's bundle runs its graphs itself"
    return {
        "engine": (not all(adapters), own),
        "static_check": (not all(adapters), f"{own}, in every frame"),
        "deadline_ms": (not all(adapters), "an adapter's tracker does not coast"),
        "trust": (any(adapters), "no adapter's bundle is given, and edgetrack's own models bring no code"),
    }


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What the options of the panel "Engine" say."""

    model: str | None
    engine: str
    precision: str
    threads: int
    static_check: bool = False
    trust: bool = False
    wait: bool = (
        True  # until the engine runs on what it is named after; False: for who needs frames, not figures
    )

    def tracker(self, *, model: str | None = None, precision: str | None = None) -> Tracker | AdapterTracker:
        """A tracker with them; another model or precision than theirs where it is given."""
        from edgetrack.peers.tracker import open_tracker

        tracker = open_tracker(
            model or self.model,
            engine=self.engine,
            precision=precision or self.precision,
            threads=self.threads,
            static_check=self.static_check,
            trust=self.trust,
        )
        if self.wait:
            tracker.engine.wait()
        return tracker

    def multi_tracker(self) -> MultiTracker:
        """A tracker of several targets with them."""
        from edgetrack.multi_tracker import MultiTracker
        from edgetrack.peers.bundle import is_adapter_bundle

        if is_adapter_bundle(self.model):
            raise ConfigError(
                f"model {self.model} is an adapter's bundle, which follows one target; give one --text or one --box"
            )
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
