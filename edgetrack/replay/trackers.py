"""Opens the two trackers of a comparison, according to the recording and the options."""

from __future__ import annotations

from typing import Any

from edgetrack.bundle import Bundle, takes_pairs
from edgetrack.errors import BundleError, ConfigError, SourceError
from edgetrack.io.recording import Recording
from edgetrack.peers.bundle import AdapterBundle, is_adapter_bundle
from edgetrack.peers.guarded import ENGINE, AdapterTracker
from edgetrack.peers.tracker import open_tracker
from edgetrack.tracker import Tracker

Followed = Tracker | AdapterTracker


def open_reference(recording: Recording, threads: int, *, trust: bool) -> Followed:
    """Open the tracker that the recording was made with."""
    facts = recording.facts
    return open_tracker(
        _recorded_bundle(recording),
        engine=_fact(facts, "engine"),
        precision=_fact(facts, "precision"),
        threads=threads,
        trust=trust,
    )


def open_candidate(
    recording: Recording,
    reference: Followed | None,
    against: str | None,
    engine: str | None,
    precision: str | None,
    threads: int,
    *,
    trust: bool,
) -> Followed:
    """Open the candidate: the tracker of the recording with the given changes."""
    bundle: str | Bundle | AdapterBundle
    if against is not None:
        bundle = against
    else:
        bundle = _recorded_bundle(recording) if reference is None else reference.engine.bundle
    facts = recording.facts
    same_kind = against is None or is_adapter_bundle(against) == (_fact(facts, "engine") == ENGINE)
    engine = engine or (_fact(facts, "engine") if same_kind else "auto")
    precision = precision or (_fact(facts, "precision") if same_kind else "auto")
    tracker = open_tracker(bundle, engine=engine, precision=precision, threads=threads, trust=trust)
    if "x" in facts and not takes_pairs(tracker.engine.bundle):
        tracker.close()
        raise ConfigError(
            f"{recording.name} has a second sensor, {facts['x']}, but {tracker.engine.bundle.manifest.name} takes "
            "color only; expected one of edgetrack's own models, such as edgetrack-256"
        )
    tracker.engine.wait()
    return tracker


def _fact(facts: dict[str, str], key: str) -> str:
    try:
        return facts[key]
    except KeyError:
        raise SourceError(
            f"the recording does not contain its {key}; expected a file of edgetrack run"
        ) from None


def _recorded_bundle(recording: Recording) -> Bundle | AdapterBundle:
    """Return the model of the recording: from its folder, or the shipped model of the same name."""
    facts = recording.facts
    wanted = _fact(facts, "model digest")
    for name in (_fact(facts, "bundle"), _fact(facts, "model")):
        try:
            bundle = AdapterBundle.open(name) if is_adapter_bundle(name) else Bundle.open(name)
        except BundleError:
            continue
        if bundle.manifest.digest == wanted:
            return bundle
    raise ConfigError(
        f"{recording.name} was made with {facts['model']} {facts.get('model version', '')} ({wanted[:12]}), which is "
        f"neither in {facts['bundle']} nor shipped; copy it there, or compare with the recorded track: "
        "--recorded --against BUNDLE"
    )


def facts_of(tracker: Followed | None) -> dict[str, Any] | None:
    """Return the facts about a tracker for a report; None for the recorded track."""
    if tracker is None:
        return None
    engine, manifest = tracker.engine, tracker.engine.bundle.manifest
    model = {"model": manifest.name, "model version": manifest.version, "model digest": manifest.digest}
    return {**model, "engine": engine.name, "precision": engine.precision}
