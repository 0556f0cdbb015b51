"""The options of the panel "Engine", and the rules by which options have an effect."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edgetrack.cli.config_file import CONFIG
from edgetrack.errors import ConfigError

if TYPE_CHECKING:
    from edgetrack.engines.base import Engine
    from edgetrack.grounders import Grounding
    from edgetrack.multi_tracker import MultiTracker
    from edgetrack.peers.guarded import AdapterTracker
    from edgetrack.tracker import Tracker

Rule = tuple[bool, str]  # whether an option has an effect, and if not, why


def refuse_unused(context: typer.Context, rules: dict[str, Rule]) -> None:
    """Refuse an option that was given, on the command line or in --config, but has no effect.

    Args:
        context: of the running command.
        rules: by the name of the handler's parameter.

    Raises:
        ConfigError: there is such an option.
    """
    for name, (effective, why) in rules.items():
        source = context.get_parameter_source(name)
        if effective or source is None or source.name == "DEFAULT":
            continue
        option = next(max(p.opts, key=len) for p in context.command.params if p.name == name)
        if source.name == "DEFAULT_MAP":  # of --config
            option = context.meta[CONFIG].places[name]
        raise ConfigError(f"{option} has no effect: {why}; leave it out")


def adapter_rules(*models: str | None) -> dict[str, Rule]:
    """Return the rules of the options that apply only to edgetrack's own models, or only to adapters' bundles."""
    from edgetrack.peers.bundle import is_adapter_bundle

    adapters = [is_adapter_bundle(model) for model in models]
    own = "an adapter's bundle runs its own graphs"
    return {
        "engine": (not all(adapters), own),
        "static_check": (not all(adapters), f"{own}, in every frame"),
        "deadline_ms": (not all(adapters), "an adapter's tracker does not coast"),
        "on_ambiguous": (not all(adapters), "an adapter's tracker has no candidates"),
        "words": (not all(adapters), "an adapter's tracker processes the text itself"),
        "strict": (not all(adapters), "an adapter's bundle does not list the words that it knows"),
        "grounder": (not all(adapters), "an adapter's tracker finds the target itself"),
        "mask": (not all(adapters), "an adapter's tracker does not return masks"),
        "blur": (not all(adapters), "an adapter's tracker does not return masks"),
        "segmenter": (not all(adapters), "an adapter's tracker does not return masks"),
        "trust": (any(adapters), "no adapter's bundle is given, and edgetrack's own models contain no code"),
    }


def text_rules(text: bool, every: bool) -> dict[str, Rule]:
    """Return the rules of the options that apply only to --text or --every."""
    words = (text or every, "neither --text nor --every is given")
    return {
        "on_ambiguous": (text, "--text is not given"),
        "words": words,
        "strict": words,
        "max": (every, "--every is not given"),
    }


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """The options of the panel "Engine"."""

    model: str | None
    engine: str | Engine
    precision: str
    threads: int
    static_check: bool = False
    trust: bool = False
    on_ambiguous: str = "best"
    words: Path | None = None
    strict: bool = False
    masks: bool | Path = False  # a path is that of a segmenter
    grounder: str | None = None
    live: bool = False  # a camera does not wait for a grounder
    # Wait until the requested engine is in use, not its stand-in; False if frames matter more than figures.
    wait: bool = True
    groundings: list[Grounding] = field(default_factory=list, init=False)  # the opened ones

    def sharing(self, engine: Engine) -> EngineOptions:
        """Return the same options for another tracker on an open engine, which has its own model and threads."""
        return replace(self, model=None, engine=engine, precision="auto")

    @property
    def _threads(self) -> int | None:
        return self.threads if isinstance(self.engine, str) else None

    def tracker(self, *, model: str | None = None, precision: str | None = None) -> Tracker | AdapterTracker:
        """Open a tracker, with another model or precision where one is given."""
        from edgetrack.peers.tracker import open_tracker

        tracker = open_tracker(
            model or self.model,
            engine=self.engine,
            precision=precision or self.precision,
            threads=self._threads,
            static_check=self.static_check,
            on_ambiguous=self.on_ambiguous,
            words=self.words,
            strict=self.strict,
            masks=self.masks,
            grounder=self._grounding(),
            trust=self.trust,
        )
        if self.wait:
            tracker.engine.wait()
        return tracker

    @property
    def looks_ms(self) -> list[float]:
        """The time of each of the grounder's last passes, in milliseconds."""
        return [took for grounding in self.groundings for took in grounding.looks_ms]

    def _grounding(self) -> Grounding | None:
        from edgetrack.grounders import open_grounder

        if self.grounder is None:
            return None
        opened = open_grounder(self.grounder, waits=not self.live, threads=self.threads)
        self.groundings.append(opened)
        return opened

    def multi_tracker(self, *, model: str | None = None, precision: str | None = None) -> MultiTracker:
        """Open a tracker of several targets, with another model or precision where one is given."""
        from edgetrack.multi_tracker import MultiTracker
        from edgetrack.peers.bundle import is_adapter_bundle

        if is_adapter_bundle(model or self.model):
            raise ConfigError(
                f"model {model or self.model} is an adapter's bundle, which tracks one target only; give one "
                "--text or one --box"
            )
        many = MultiTracker(
            model or self.model,
            engine=self.engine,
            precision=precision or self.precision,
            threads=self._threads,
            static_check=self.static_check,
            on_ambiguous=self.on_ambiguous,
            words=self.words,
            strict=self.strict,
            masks=bool(self.masks),  # a segmenter was refused
            grounder=self._grounding(),
        )
        if self.wait:
            many.engine.wait()
        return many
