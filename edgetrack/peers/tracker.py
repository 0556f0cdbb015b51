"""Opens a tracker from a bundle of any kind: edgetrack's own models or adapters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgetrack import cores
from edgetrack.bundle import Bundle
from edgetrack.engines.base import Engine
from edgetrack.engines.info import EngineInfo
from edgetrack.errors import AdapterError, ConfigError
from edgetrack.grounders import Grounder, Grounding
from edgetrack.outlining import Masks
from edgetrack.peers.bundle import COMPUTED, AdapterBundle, is_adapter_bundle
from edgetrack.peers.guarded import ENGINE, AdapterEngine, AdapterTracker, guarded
from edgetrack.tracker import Tracker


def open_tracker(
    bundle: str | Path | Bundle | AdapterBundle | None = None,
    *,
    engine: str | Engine = "auto",
    precision: str = "auto",
    threads: int | None = None,
    static_check: bool = False,
    on_ambiguous: str = "best",
    words: str | Path | Mapping[str, str] | None = None,
    strict: bool = False,
    masks: Masks = False,
    grounder: str | Path | Grounder | Grounding | None = None,
    trust: bool = False,
) -> Tracker | AdapterTracker:
    """Open the tracker of any bundle: a ``Tracker`` for edgetrack's own models, or the tracker of an adapter.

    Args:
        bundle: Folder of a bundle, name of a shipped model, an open bundle, or None for the default model.
        engine: As for ``Tracker``; an adapter brings its own engine.
        precision: "auto", or a precision that the bundle has, or that its adapter computes ("bf16", "int8-bf16").
        threads: CPU threads for inference; None for 2, or 1 on a single core.
        static_check: As for ``Tracker``; not available for an adapter.
        on_ambiguous: As for ``Tracker``; not available for an adapter.
        words: As for ``Tracker``; not available for an adapter.
        strict: As for ``Tracker``; not available for an adapter.
        masks: As for ``Tracker``; not available for an adapter.
        grounder: As for ``Tracker``; not available for an adapter.
        trust: Run the code in an adapter's bundle.

    Returns:
        A tracker with ``start`` and ``update``.

    Raises:
        BundleError: The bundle is missing, damaged or foreign.
        ConfigError: An argument is invalid or has no effect, or the bundle's code is not trusted.
        AdapterError: The adapter cannot open its graphs.
        EngineUnavailable, MissingExtra: The engine or the precision cannot run here.
    """
    if not isinstance(bundle, AdapterBundle) and is_adapter_bundle(bundle):
        bundle = AdapterBundle.open(bundle)  # type: ignore[arg-type]
    if not isinstance(bundle, AdapterBundle):
        return Tracker(
            bundle,
            engine=engine,
            precision=precision,
            threads=threads,
            static_check=static_check,
            on_ambiguous=on_ambiguous,
            words=words,
            strict=strict,
            masks=masks,
            grounder=grounder,
        )
    unused = {
        f"engine {engine!r}": engine not in ("auto", ENGINE),
        "static_check": static_check,
        f"on_ambiguous {on_ambiguous!r}": on_ambiguous != "best",
        "words": words is not None,
        "strict": strict,
        "masks": masks is not False,
        "grounder": grounder is not None,
    }
    option = next((name for name, given in unused.items() if given), None)
    if option is not None:
        raise ConfigError(
            f"{option} has no effect: {bundle.manifest.name} is an adapter's bundle, which runs its own graphs; "
            "leave it out"
        )
    return open_adapter(bundle, precision=precision, threads=threads, trust=trust)


def open_adapter(
    bundle: AdapterBundle, *, precision: str = "auto", threads: int | None = None, trust: bool = False
) -> AdapterTracker:
    """Open the tracker of an adapter's bundle; see ``open_tracker``."""
    threads = cores.checked(threads)
    taken, why = bundle.automatic() if precision == "auto" else (precision, "asked for")
    adapter, name = bundle.adapter(trust=trust), bundle.manifest.name
    computed = taken in getattr(adapter, "precisions", ())  # computed from graphs in another precision
    folder = bundle.graphs(COMPUTED.get(taken, "fp32") if computed else taken)
    options: dict[str, Any] = {"precision": taken} if computed else {}
    tracker = guarded(f"open() of {name}", lambda: adapter.open(folder, threads=threads, **options))
    if missing := [step for step in ("start", "update") if not callable(getattr(tracker, step, None))]:
        raise AdapterError(
            f"open() of {name} returned {tracker!r:.200} without {' and '.join(missing)}(); expected an "
            "edgetrack.peers.FrameTracker"
        )
    info = EngineInfo(backend="the adapter's own", threads=threads, precision=taken, precision_reason=why)
    return AdapterTracker(tracker, bundle.manifest.modes, AdapterEngine(bundle, taken, info))
