"""The target devices of edgetrack: one TOML file each, read into a validated ``Target``."""

from __future__ import annotations

import platform
import re
import sys
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from edgetrack.errors import ConfigError

__all__ = ["Precision", "Status", "Target", "detect", "load", "names"]

_FOLDER = Path(__file__).parent
Precision = Literal["fp32", "fp16", "int8"]
Status = Literal["tested", "untried"]
Range = tuple[str, str]  # versions: from the first, inclusive, to the second, exclusive
_RANGES = ("jetpack", "cuda", "tensorrt")


@dataclass(frozen=True, slots=True)
class Target:
    """The capabilities and the budgets of a board.

    Raises:
        ConfigError: A value is not allowed.
    """

    name: str
    title: str  # the common name of the board
    status: Status  # "untried": the values are from data sheets, and edgetrack has not been run on it
    engines: tuple[str, ...]  # available engines, best first
    precisions: tuple[Precision, ...]  # precisions with fast hardware support, most accurate first
    threads: int  # CPU threads for the network
    latency_budget_ms: float  # time for one frame, at 30 FPS or more
    memory_budget_mb: int  # for the process; on a GPU, also the limit of TensorRT's workspace
    compute_capability: str | None = None  # that of its NVIDIA GPU, such as "8.7"
    jetpack: Range | None = None
    cuda: Range | None = None
    tensorrt: Range | None = None
    camera_pipeline: str | None = (
        None  # GStreamer, with {sensor}, {width}, {height} and {fps}; None: plain V4L2
    )

    def __post_init__(self) -> None:
        self._check_member("status", self.status, get_args(Status))
        for precision in self.precisions:
            self._check_member("precisions", precision, get_args(Precision))
        for name in ("threads", "latency_budget_ms", "memory_budget_mb"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
                raise ConfigError(f"target {self.name!r}: {name} is {value!r}; expected a number above 0")

        for name in _RANGES:
            self._check_range(name, getattr(self, name))

    def _check_range(self, key: str, value: object) -> None:
        if value is None:
            return
        pair = value if isinstance(value, tuple) and len(value) == 2 else ("", "")
        first, end = ([int(n) for n in re.findall(r"\d+", v)] if isinstance(v, str) else [] for v in pair)
        if not first or not first < end:
            raise ConfigError(
                f"target {self.name!r}: {key} is {value!r}; expected two versions, the first that works and the first "
                'that does not, as in ["10.3", "12"]'
            )

    def _check_member(self, key: str, value: object, allowed: tuple[str, ...]) -> None:
        if value not in allowed:
            raise ConfigError(
                f"target {self.name!r}: {key} has {value!r}; expected one of {', '.join(allowed)}"
            )


def names() -> list[str]:
    """Return the names of all targets, sorted."""
    return sorted(file.stem for file in _FOLDER.glob("*.toml"))


def load(name: str) -> Target:
    """Return the target called ``name``.

    Raises:
        ConfigError: There is no such target, or its file has an unknown, missing or wrong key.
    """
    if name not in names():
        raise ConfigError(f"unknown target {name!r}; expected one of {', '.join(names())}")
    return parse(name, (_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


_JETSONS = {
    "thor": "jetson-thor",
    "agx orin": "jetson-agx-orin",
    "orin": "jetson-orin-nano",
}  # first match counts


def detect(*, root: Path = Path("/")) -> Target:
    """Return the target that is most similar to this machine.

    Args:
        root: Root of the file system with /proc; tests use a different one.
    """
    if platform.machine().lower() in ("arm64", "aarch64"):
        try:
            model = (root / "proc/device-tree/model").read_text(errors="replace").lower()
        except OSError:
            model = ""
        known = (name for word, name in _JETSONS.items() if "jetson" in model and word in model)
        return load(next(known, "arm-cpu"))
    return load("x86-cuda" if (root / "proc/driver/nvidia/version").exists() else "x86-cpu")


def parse(name: str, text: str) -> Target:
    """Return the target that the TOML ``text`` describes.

    Raises:
        ConfigError: A key is unknown, missing or wrong.
    """
    values = _read_toml(text)
    known = {f.name: f for f in fields(Target) if f.name != "name"}
    if unknown := sorted(values.keys() - known.keys()):
        raise ConfigError(
            f"target {name!r} has the unknown key {unknown[0]!r}; expected keys: {', '.join(known)}"
        )
    if missing := [k for k, f in known.items() if f.default is MISSING and k not in values]:
        raise ConfigError(f"target {name!r} lacks the key {missing[0]!r}; add it to targets/{name}.toml")
    for key in ("engines", "precisions"):
        if not isinstance(values[key], list) or not values[key]:
            raise ConfigError(
                f"target {name!r}: {key} is {values[key]!r}; expected a list of at least one name"
            )
        values[key] = tuple(values[key])
    for key in _RANGES:
        if isinstance(values.get(key), list):
            values[key] = tuple(values[key])
    return Target(name=name, **values)


def _read_toml(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    values: dict[str, Any] = tomllib.loads(text)
    return values
