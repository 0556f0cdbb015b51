"""Who takes part: edgetrack itself, and trackers of others that run in the same loop."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import ConfigError, EngineUnavailable
from edgetrack.evaluation.sentences import Fit, shortener
from edgetrack.peers import FrameTracker, Mode, facts_of, load_adapter, nanotrack
from edgetrack.types import Box, Track

MODES: tuple[Mode, ...] = get_args(Mode)
TRACKERS = ("edgetrack", "opencv-nano", nanotrack.NAME, "FILE.py:CLASS")
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Entrant:
    """A tracker, ready to run."""

    name: str
    tracker: FrameTracker
    modes: tuple[Mode, ...]
    facts: dict[str, str]  # what the report says of it
    fit: Fit = str  # cuts a text that is too long for it


class NanoTracker:
    """OpenCV's TrackerNano (Chu, NanoTrack), by a box only. It always gives a box.

    Args:
        backbone: ONNX file.
        head: ONNX file.
        threads: of all of OpenCV in this process.

    Raises:
        EngineUnavailable: this OpenCV has no TrackerNano, or cannot load the files.
    """

    def __init__(self, backbone: Path, head: Path, *, threads: int) -> None:
        from edgetrack.io.opencv import load_cv2

        self._cv2 = load_cv2()
        if not hasattr(self._cv2, "TrackerNano_create"):
            raise EngineUnavailable(
                f"OpenCV {self._cv2.__version__} has no TrackerNano; run: pip install 'opencv-python-headless>=4.8'"
            )
        parameters = self._cv2.TrackerNano_Params()
        parameters.backbone, parameters.neckhead = str(backbone), str(head)
        try:
            self._tracker = self._cv2.TrackerNano_create(parameters)
        except self._cv2.error as error:
            raise EngineUnavailable(
                f"OpenCV {self._cv2.__version__} cannot load {backbone} and {head} ({error.err}); "
                "expected NanoTrack's two ONNX files"
            ) from error
        self._cv2.setNumThreads(threads)
        self.version: str = self._cv2.__version__
        self._index = 0

    def start(self, frame: Pixels, *, text: str | None = None, box: Box | None = None) -> Track:
        if box is None:
            raise ConfigError("opencv-nano got no box; it takes nothing else: give --mode bbox")
        self._tracker.init(frame, [round(v) for v in box.xywh])
        self._index = 0
        return Track(box, 1.0, "tracking", 0)

    def update(self, frame: Pixels) -> Track:
        self._index += 1
        found, (x, y, w, h) = self._tracker.update(frame)
        score = min(max(float(self._tracker.getTrackingScore()), 0.0), 1.0)
        if not found or w <= 0 or h <= 0:
            return Track(None, score, "lost", self._index)
        return Track(Box(float(x), float(y), float(w), float(h)), score, "tracking", self._index)

    def set_text(self, text: str) -> None:
        raise ConfigError("opencv-nano takes no text; give --mode bbox")


def is_peer(name: str) -> bool:
    """Whether a tracker of that name is another's, which edgetrack is compared with."""
    return name.partition(":")[0] in ("opencv-nano", nanotrack.NAME) or ".py:" in name


def open_entrant(
    name: str, *, open_edgetrack: Callable[[], Any], peer_weights: Path | None, threads: int
) -> Entrant:
    """The tracker of a name.

    Args:
        name: "edgetrack"; "opencv-nano", or "opencv-nano:PREFIX" where ``peer_weights`` has several pairs; "nanotrack",
            or "nanotrack:SUBFOLDER" of ``peer_weights``; or FILE.py:CLASS, an ``edgetrack.peers.Adapter``.
        open_edgetrack: gives an ``edgetrack.Tracker``; called only where it takes part.
        peer_weights: folder with PREFIX_backbone.onnx and PREFIX_head.onnx, or with what ``edgetrack export`` wrote.
        threads: of the others; edgetrack's are set where it is opened.

    Raises:
        ConfigError: an unknown name, or weights that are missing.
        EngineUnavailable: it cannot run here.
    """
    if name == "edgetrack":
        return _edgetrack(open_edgetrack())
    peer, _, prefix = name.partition(":")
    if not is_peer(name):
        raise ConfigError(f"tracker {name!r} is unknown; expected one of {', '.join(TRACKERS)}")
    if peer_weights is None:
        raise ConfigError(f"tracker {name} needs its weights; give --peer-weights DIR")
    if peer != "opencv-nano":
        return _exported(name, peer_weights, threads=threads)
    prefix, backbone, head = _pair(peer_weights, prefix)
    tracker = NanoTracker(backbone, head, threads=threads)
    facts = {
        "model": f"NanoTrack {prefix}".strip(),
        "sha256": f"{_sha256(backbone)[:12]} {_sha256(head)[:12]}",
        "engine": f"OpenCV {tracker.version}, {threads} threads",
        "precision": "fp32",
    }
    return Entrant(name, tracker, ("bbox",), facts)


def _edgetrack(tracker: Any) -> Entrant:
    engine = tracker.engine
    manifest = engine.bundle.manifest
    facts = {
        "model": f"{manifest.name} {manifest.version}",
        "sha256": manifest.digest,
        "engine": f"{engine.name}: {engine.reason}",
        "precision": engine.precision,
    }
    return Entrant("edgetrack", tracker, MODES, facts, shortener(engine))


def _exported(name: str, folder: Path, *, threads: int) -> Entrant:
    """A tracker that runs the graphs which ``edgetrack export`` wrote."""
    peer, _, subfolder = name.partition(":")
    if peer == nanotrack.NAME:
        folder = folder / subfolder
        modes: tuple[Mode, ...] = nanotrack.NanoTrack.modes
        tracker: FrameTracker = nanotrack.NanoTrack(folder, threads=threads)
    else:
        adapter = load_adapter(name)
        modes, tracker = adapter.modes, adapter.open(folder, threads=threads)
    made = facts_of(folder)
    facts = {
        "model": made["adapter"],
        "sha256": " ".join(_sha256(file)[:12] for file in sorted(folder.glob("*.onnx"))),
        "engine": f"the adapter's own, {threads} threads",
        "precision": "fp32",
    }
    return Entrant(name, tracker, modes, facts)


def _pair(folder: Path, prefix: str) -> tuple[str, Path, Path]:
    heads = {f.name.removesuffix("head.onnx").rstrip("_"): f for f in sorted(folder.glob("*head.onnx"))}
    pairs = {
        p: (f.with_name(f.name.removesuffix("head.onnx") + "backbone.onnx"), f) for p, f in heads.items()
    }
    pairs = {p: files for p, files in pairs.items() if files[0].is_file()}
    if not pairs:
        raise ConfigError(
            f"{folder} has no pair of weights; expected PREFIX_backbone.onnx and PREFIX_head.onnx"
        )
    wanted = prefix or (next(iter(pairs)) if len(pairs) == 1 else "")
    if wanted not in pairs:
        names = ", ".join(f"opencv-nano:{p}" if p else "opencv-nano" for p in pairs)
        raise ConfigError(
            f"{folder} has {len(pairs)} pairs of weights; say which: --tracker with one of {names}"
        )
    return wanted, *pairs[wanted]


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
