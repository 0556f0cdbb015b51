"""All trackers by name: edgetrack itself, and other trackers that run in the same loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrack.bundle import takes_pairs
from edgetrack.errors import ConfigError
from edgetrack.evaluation.trackers import grabcut
from edgetrack.evaluation.trackers.opencv import CLASSES, open_opencv, sha256
from edgetrack.evaluation.trackers.outlined import Outlined
from edgetrack.evaluation.trackers.text_length import FitText, text_fitter
from edgetrack.evaluation.types import DETECTOR, MODES, OWN, SEGMENTER, is_own
from edgetrack.peers import FrameTracker, Mode, load_adapter, nanotrack
from edgetrack.peers.bundle import AdapterBundle, is_adapter_bundle
from edgetrack.peers.guarded import AdapterTracker
from edgetrack.segmenter import Segmenter

TRACKERS = (
    f"{OWN}[:MODEL][@PRECISION]",
    *CLASSES,
    nanotrack.NAME,
    grabcut.NAME,
    f"{SEGMENTER}:FILE.toml",
    "FILE.py:CLASS",
)


@dataclass(frozen=True, slots=True)
class TrackerEntry:
    """A tracker, ready to run."""

    name: str
    tracker: FrameTracker
    modes: tuple[Mode, ...]
    facts: dict[str, str]  # facts for the report
    fit: FitText = str  # truncates texts that are too long for the model
    pairs: bool = False  # whether it takes a second sensor in addition to color


def is_peer(name: str) -> bool:
    """Return whether a tracker of this name is one that edgetrack is compared with."""
    return name.partition(":")[0] in (*CLASSES, nanotrack.NAME) or ".py:" in name


def gives_masks(name: str) -> bool:
    """Return whether a tracker of this name can give masks."""
    return is_own(name) or name == grabcut.NAME or name.partition(":")[0] == SEGMENTER


def takes_weights(name: str) -> bool:
    """Return whether a tracker of this name reads files from ``--peer-weights``."""
    return is_peer(name) and name.partition(":")[0] != "opencv-mil"


def open_entry(
    name: str, *, open_edgetrack: Callable[..., Any], peer_weights: Path | None, threads: int
) -> TrackerEntry:
    """Open a tracker by name.

    Args:
        name: "edgetrack", "edgetrack:MODEL", "edgetrack:MODEL@PRECISION" (MODEL may be an adapter's
                bundle); one of OpenCV's, see `open_opencv`; "grabcut" or "segmenter:FILE.toml", see `Segmenter`, which
                segment the objects in edgetrack's boxes; "nanotrack", or "nanotrack:SUBFOLDER" of ``peer_weights``; or
                FILE.py:CLASS, an ``edgetrack.peers.Adapter``.
        open_edgetrack: function like ``edgetrack.open_tracker``; called with ``model`` and ``precision`` if the name
            contains them.
        peer_weights: folder with the weights of OpenCV's trackers, or with the output of ``edgetrack export``.
        threads: number of threads of the other trackers; edgetrack's are set by ``open_edgetrack``.

    Raises:
        ConfigError: the name is unknown, or the weights are missing.
        EngineUnavailable: the tracker cannot run on this machine.
    """
    if is_own(name):
        return _edgetrack(name, open_edgetrack)
    if gives_masks(name):
        return _outlined(name, _edgetrack(OWN, open_edgetrack), threads=threads)
    if name.partition(":")[0] == DETECTOR:
        raise ConfigError(
            f"tracker {name!r} is for phrases in images only; expected a dataset such as langdev, or "
            "--phrases"
        )
    if not is_peer(name):
        raise ConfigError(f"tracker {name!r} is unknown; expected one of {', '.join(TRACKERS)}")
    if name.partition(":")[0] in CLASSES:
        tracker, facts = open_opencv(name, peer_weights, threads=threads)
        return TrackerEntry(name, tracker, ("bbox",), facts)
    if peer_weights is None:
        raise ConfigError(f"tracker {name} needs weights; give --peer-weights DIR")
    return _exported(name, peer_weights, threads=threads)


def _edgetrack(name: str, open_edgetrack: Callable[..., Any]) -> TrackerEntry:
    asked = dict(zip(("model", "precision"), model_and_precision(name), strict=True))
    tracker = open_edgetrack(**{option: value for option, value in asked.items() if value})
    engine = tracker.engine
    manifest = engine.bundle.manifest
    facts = {
        "model": f"{manifest.name} {manifest.version}",
        "sha256": manifest.digest,
        "engine": f"{engine.name}: {engine.info}",
        "precision": engine.precision,
    }
    if isinstance(tracker, AdapterTracker):
        return TrackerEntry(name, tracker, tracker.modes, facts)
    return TrackerEntry(name, tracker, MODES, facts, text_fitter(engine), takes_pairs(engine.bundle))


def _outlined(name: str, inner: TrackerEntry, *, threads: int) -> TrackerEntry:
    """Add the masks of another segmentation method to edgetrack's boxes."""
    facts = {**inner.facts, "note": f"edgetrack's boxes, segmented by {name}"}
    if name == grabcut.NAME:
        return TrackerEntry(name, Outlined(inner.tracker, grabcut.GrabCut()), inner.modes, facts, inner.fit)
    segmenter = Segmenter(Path(name.partition(":")[2]), threads)
    facts[SEGMENTER] = " ".join(sha256(file)[:12] for file in segmenter.files)
    return TrackerEntry(name, Outlined(inner.tracker, segmenter), inner.modes, facts, inner.fit)


def model_and_precision(name: str) -> tuple[str, str]:
    """Split edgetrack:MODEL@PRECISION into MODEL and PRECISION; the folders of MODEL may contain an @."""
    name = name.removeprefix(OWN).removeprefix(":")
    model, at, precision = name.rpartition("@")
    return (model, precision) if at and Path(precision).name == precision else (name, "")


def _exported(name: str, folder: Path, *, threads: int) -> TrackerEntry:
    """Open a tracker that runs graphs written by ``edgetrack export``."""
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
    return TrackerEntry(name, tracker, modes, facts)
