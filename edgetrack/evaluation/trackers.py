"""Who takes part: edgetrack itself, and trackers of others that run in the same loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from edgetrack.errors import ConfigError
from edgetrack.evaluation.opencv import CLASSES, open_opencv, sha256
from edgetrack.evaluation.sentences import Fit, shortener
from edgetrack.peers import FrameTracker, Mode, load_adapter, nanotrack
from edgetrack.peers.bundle import AdapterBundle, is_adapter_bundle
from edgetrack.peers.tracker import AdapterTracker

MODES: tuple[Mode, ...] = get_args(Mode)
OWN = "edgetrack"
TRACKERS = (f"{OWN}[:MODEL][@PRECISION]", *CLASSES, nanotrack.NAME, "FILE.py:CLASS")


@dataclass(frozen=True, slots=True)
class Entrant:
    """A tracker, ready to run."""

    name: str
    tracker: FrameTracker
    modes: tuple[Mode, ...]
    facts: dict[str, str]  # what the report says of it
    fit: Fit = str  # cuts a text that is too long for it


def is_peer(name: str) -> bool:
    """Whether a tracker of that name is another's, which edgetrack is compared with."""
    return name.partition(":")[0] in (*CLASSES, nanotrack.NAME) or ".py:" in name


def takes_weights(name: str) -> bool:
    """Whether a tracker of that name reads files of the folder of the other trackers' weights."""
    return is_peer(name) and name.partition(":")[0] != "opencv-mil"


def open_entrant(
    name: str, *, open_edgetrack: Callable[..., Any], peer_weights: Path | None, threads: int
) -> Entrant:
    """The tracker of a name.

    Args:
        name: "edgetrack", "edgetrack:MODEL", "edgetrack:MODEL@PRECISION" (MODEL may be an adapter's
            bundle); one of OpenCV's, see `open_opencv`;
            "nanotrack", or "nanotrack:SUBFOLDER" of ``peer_weights``; or FILE.py:CLASS, an
            ``edgetrack.peers.Adapter``.
        open_edgetrack: gives what ``edgetrack.open_tracker`` does, with ``model`` and ``precision`` where the name
            says so.
        peer_weights: folder of the weights of OpenCV's, or with what ``edgetrack export`` wrote.
        threads: of the others; edgetrack's are set where it is opened.

    Raises:
        ConfigError: an unknown name, or weights that are missing.
        EngineUnavailable: it cannot run here.
    """
    if name.partition(":")[0] == OWN:
        return _edgetrack(name, open_edgetrack)
    if not is_peer(name):
        raise ConfigError(f"tracker {name!r} is unknown; expected one of {', '.join(TRACKERS)}")
    if name.partition(":")[0] in CLASSES:
        tracker, facts = open_opencv(name, peer_weights, threads=threads)
        return Entrant(name, tracker, ("bbox",), facts)
    if peer_weights is None:
        raise ConfigError(f"tracker {name} needs its weights; give --peer-weights DIR")
    return _exported(name, peer_weights, threads=threads)


def _edgetrack(name: str, open_edgetrack: Callable[..., Any]) -> Entrant:
    asked = dict(zip(("model", "precision"), asked_of(name), strict=True))
    tracker = open_edgetrack(**{option: value for option, value in asked.items() if value})
    engine = tracker.engine
    manifest = engine.bundle.manifest
    facts = {
        "model": f"{manifest.name} {manifest.version}",
        "sha256": manifest.digest,
        "engine": f"{engine.name}: {engine.reason}",
        "precision": engine.precision,
    }
    if isinstance(tracker, AdapterTracker):
        return Entrant(name, tracker, tracker.modes, facts)
    return Entrant(name, tracker, MODES, facts, shortener(engine))


def asked_of(name: str) -> tuple[str, str]:
    """MODEL and PRECISION of edgetrack:MODEL@PRECISION; a model's path may have an @ of its own in its folders."""
    name = name.removeprefix(OWN).removeprefix(":")
    model, at, precision = name.rpartition("@")
    return (model, precision) if at and Path(precision).name == precision else (name, "")


def _exported(name: str, folder: Path, *, threads: int) -> Entrant:
    """A tracker that runs the graphs which ``edgetrack export`` wrote."""
    peer, _, subfolder = name.partition(":")
    if peer != nanotrack.NAME:
        peer = name.rpartition(":")[2]
    if peer == nanotrack.NAME:
        folder = folder / subfolder
        modes: tuple[Mode, ...] = nanotrack.NanoTrack.modes
        tracker: FrameTracker = nanotrack.NanoTrack(folder, threads=threads)
    else:
        adapter = load_adapter(name)
        modes, tracker = adapter.modes, adapter.open(folder, threads=threads)
    model = AdapterBundle.open(folder).manifest.name if is_adapter_bundle(folder) else peer
    facts = {
        "model": model,
        "sha256": " ".join(sha256(file)[:12] for file in sorted(folder.glob("*.onnx"))),
        "engine": f"the adapter's own, {threads} threads",
        "precision": "fp32",
    }
    if peer != nanotrack.NAME:
        facts["code"] = sha256(Path(name.rpartition(":")[0]))[:12]
    return Entrant(name, tracker, modes, facts)
