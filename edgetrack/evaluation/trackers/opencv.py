"""OpenCV's own trackers as peers: TrackerNano (NanoTrack), TrackerVit (VitTrack) and TrackerMIL, started by box."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgetrack import cores
from edgetrack.errors import BoxError, ConfigError, EngineUnavailable
from edgetrack.evaluation.types import Pixels
from edgetrack.types import Box, Track

CLASSES = {"opencv-nano": "TrackerNano", "opencv-vit": "TrackerVit", "opencv-mil": "TrackerMIL"}
MODELS = {
    "opencv-nano": "NanoTrack",
    "opencv-vit": "VitTrack",
    "opencv-mil": "MIL",
}  # the authors' names of the models
MIN_BOX_PX = (
    5  # minimum width and height for TrackerMIL: in smaller boxes, its search for features never ends
)
WEIGHT_FILES = {
    "opencv-nano": ("backbone.onnx", "head.onnx"),
    "opencv-vit": ("vittrack.onnx",),
    "opencv-mil": (),
}

EXPECTED = {
    "opencv-nano": "NanoTrack's ONNX files of v1 or v2: OpenCV cannot run those of v3",
    "opencv-vit": "VitTrack's ONNX file",
    "opencv-mil": "a box inside the frame",
}


class OpenCvTracker:
    """One of OpenCV's trackers, which are started with a box and nothing else.

    Args:
        kind: a key of `CLASSES`.
        files: the ONNX files, in the order of `WEIGHT_FILES`.
        threads: number of threads of OpenCV, in the whole process.

    Raises:
        EngineUnavailable: this OpenCV has no such tracker, or cannot load the files.
    """

    def __init__(self, kind: str, files: tuple[Path, ...], *, threads: int) -> None:
        from edgetrack.io.opencv import load_cv2

        self._cv2, self._kind, self._files = load_cv2(), kind, files
        self.version: str = self._cv2.__version__
        if not hasattr(self._cv2, f"{CLASSES[kind]}_create"):
            raise EngineUnavailable(
                f"OpenCV {self.version} has no {CLASSES[kind]}; run: pip install "
                "'opencv-python-headless>=4.9'"
            )
        self._cv2.setNumThreads(cores.checked(threads))
        self._tracker = self._create()
        self._index = 0

    def start(self, frame: Pixels, *, text: str | None = None, box: Box | None = None) -> Track:
        if box is None:
            raise ConfigError(f"{self._kind} got no box, but starts from a box only: give --mode bbox")
        if self._kind == "opencv-mil":  # the old one would keep its model of the last target
            self._tracker = self._create()
        x, y, w, h = (round(v) for v in box.xywh)
        if self._kind == "opencv-mil" and min(w, h) < MIN_BOX_PX:
            raise BoxError(
                f"{self._kind} got box {box.xywh}; expected a width and height of at least {MIN_BOX_PX} "
                "pixels"
            )
        with self._named("cannot start with"):
            self._tracker.init(frame, [x, y, max(w, 1), max(h, 1)])
        self._index = 0
        return Track(box, 1.0, "tracking", 0)

    def update(self, frame: Pixels) -> Track:
        self._index += 1
        with self._named("cannot follow with"):
            found, (x, y, w, h) = self._tracker.update(frame)
        score = self._score(found)
        if not found or w <= 0 or h <= 0:
            return Track(None, score, "lost", self._index)
        return Track(Box(float(x), float(y), float(w), float(h)), score, "tracking", self._index)

    def set_text(self, text: str) -> None:
        raise ConfigError(f"{self._kind} takes no text; give --mode bbox")

    def _score(self, found: bool) -> float:
        """Return the confidence; TrackerMIL reports none."""
        if not hasattr(self._tracker, "getTrackingScore"):
            return float(found)
        return min(max(float(self._tracker.getTrackingScore()), 0.0), 1.0)

    def _create(self) -> Any:
        if self._kind == "opencv-mil":
            return self._cv2.TrackerMIL_create()
        parameters = getattr(self._cv2, f"{CLASSES[self._kind]}_Params")()
        fields = ("backbone", "neckhead") if self._kind == "opencv-nano" else ("net",)
        for field, file in zip(fields, self._files, strict=True):
            setattr(parameters, field, str(file))
        with self._named("cannot load"):
            return getattr(self._cv2, f"{CLASSES[self._kind]}_create")(parameters)

    @contextmanager
    def _named(self, what: str) -> Generator[None, None, None]:
        """Convert errors of OpenCV to `EngineUnavailable`."""
        try:
            yield
        except self._cv2.error as error:
            files = " and ".join(map(str, self._files)) or "this box"
            raise EngineUnavailable(
                f"OpenCV {self.version}'s {CLASSES[self._kind]} {what} {files} ({error.err}); "
                f"expected {EXPECTED[self._kind]}"
            ) from error


def open_opencv(name: str, folder: Path | None, *, threads: int) -> tuple[OpenCvTracker, dict[str, str]]:
    """Open a tracker by name, and return it with the facts for the report.

    Args:
        name: a key of `CLASSES`, with ":PREFIX" if ``folder`` contains several sets of its files.
        folder: folder with PREFIX_backbone.onnx and PREFIX_head.onnx, or PREFIX_vittrack.onnx, for which the name in
            OpenCV's model zoo, object_tracking_vittrack_2023sep.onnx, is accepted as well. TrackerMIL needs none.
        threads: number of threads of OpenCV.

    Raises:
        ConfigError: the weights are missing, or there are several sets of them.
        EngineUnavailable: see `OpenCvTracker`.
    """
    kind, _, prefix = name.partition(":")
    files: tuple[Path, ...] = ()
    if WEIGHT_FILES[kind]:
        if folder is None:
            raise ConfigError(f"tracker {name} needs weights; give --peer-weights DIR")
        prefix, files = _files(kind, folder, prefix)
    tracker = OpenCvTracker(kind, files, threads=threads)
    facts = {
        "model": f"{MODELS[kind]} {prefix}".strip(),
        "note": "samples at random without a seed: boxes differ slightly between runs"
        if kind == "opencv-mil"
        else "",
        "sha256": " ".join(sha256(file)[:12] for file in files),
        "engine": f"OpenCV {tracker.version}, {threads} threads",
        "precision": "fp32",
    }
    return tracker, {key: value for key, value in facts.items() if value}


def sha256(file: Path) -> str:
    """Return the SHA-256 of the file's content in hexadecimal digits."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _files(kind: str, folder: Path, wanted: str) -> tuple[str, tuple[Path, ...]]:
    """Return prefix and files of the only set of weights, or of the ``wanted`` one."""
    last = WEIGHT_FILES[kind][-1]
    stem = last.removesuffix(".onnx")
    sets: dict[str, tuple[Path, ...]] = {}
    for file in sorted(folder.glob(f"*{stem}*.onnx")):
        before, _, after = file.stem.rpartition(stem)
        if after and kind == "opencv-nano":
            continue
        files = tuple(file.with_name(f"{before}{part}") for part in WEIGHT_FILES[kind][:-1])
        if all(f.is_file() for f in files):
            sets[f"{before.rstrip('_')}{after}"] = (*files, file)
    if not sets:
        expected = " and ".join(f"PREFIX_{part}" for part in WEIGHT_FILES[kind])
        raise ConfigError(f"{folder} has no weights of {CLASSES[kind]}; expected {expected}")
    chosen = wanted or (next(iter(sets)) if len(sets) == 1 else "")
    if chosen not in sets:
        names = ", ".join(f"{kind}:{p}" if p else kind for p in sets)
        raise ConfigError(f"{folder} has {len(sets)} sets of weights; expected one: choose one of {names}")
    return chosen, sets[chosen]
