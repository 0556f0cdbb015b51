"""The manifest of a model bundle, which export writes and the tracker reads."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from typing import Any

from edgetrack.errors import MALFORMED, BundleError

SCHEMA = 2  # schema 2: thresholds are named as in edgetrack.policy
LONGEST_TEXT = 4096  # tokens
LARGEST_TENSOR = 1 << 24  # elements, 64 MiB of float32: limit of a single allocation caused by a manifest
FILE_NAME = "manifest.json"


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Type and shape of one tensor of a graph."""

    dtype: str  # "float32" or "int64"
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GraphSpec:
    """The named tensors of one graph, in the order of the file."""

    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]


@dataclass(frozen=True, slots=True)
class BundleFile:
    """One file of the bundle."""

    path: str  # relative to the bundle's folder
    sha256: str  # 64 hexadecimal digits
    bundle: str = ""  # sibling bundle that contains the file; empty for this bundle


@dataclass(frozen=True, slots=True)
class Precision:
    """A precision in addition to float32: its graphs with separate files, and its thresholds."""

    graphs: tuple[str, ...]  # the others run in float32
    thresholds: Mapping[str, float]  # replace the thresholds for float32
    min_jf_ratio: float | None = (
        None  # fraction of float32's J&F that graph "mask" had to keep; None: it has no file
    )


@dataclass(frozen=True, slots=True)
class Budget:
    """The budget of a frame on the board that a bundle was made for; see ``edgetrack.targets``."""

    name: str  # name of the target device
    latency_budget_ms: float
    memory_budget_mb: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """All information that is needed to run the model, except for the files themselves."""

    schema: int
    name: str
    version: str
    license: str  # SPDX identifier
    parameters: int  # number in all graphs together, including the text encoder
    sizes: Mapping[str, int]  # pixels: template, search, grounding
    factors: Mapping[str, float]  # side of the region over sqrt(w * h) of the box: template, search, mask
    mean: tuple[float, float, float]  # RGB, 0..255: network input = (color - mean) / std
    std: tuple[float, float, float]
    fill: tuple[float, float, float]  # BGR, 0..255, outside the frame
    text_length: int  # tokens, including [CLS] and [SEP]
    thresholds: Mapping[str, float]  # thresholds of the state machine; empty for its defaults
    files: Mapping[str, BundleFile]  # by role: the graphs, their weights and the tokenizer
    tensors: Mapping[str, GraphSpec]  # by role: the graphs
    precisions: Mapping[str, Precision] = field(
        default_factory=dict
    )  # by name, such as int8; fp32 always exists
    versions: Mapping[str, str] = field(default_factory=dict)  # versions of the programs that exported it
    target: Budget | None = None  # budget of the board that it was exported for

    def thresholds_of(self, precision: str) -> dict[str, float]:
        """Return the parameters of the state machine that differ from its defaults in a precision."""
        own = self.precisions.get(precision)
        return {**self.thresholds, **(own.thresholds if own else {})}

    @classmethod
    def from_json(cls, text: str, *, origin: str) -> Manifest:
        """Read and check a manifest; ``origin`` is its name in error messages.

        Raises:
            BundleError: it is not JSON or not a manifest, has another schema, or a field is missing or invalid.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:  # RecursionError: thousands of nested brackets
            raise BundleError(
                f"{origin} is not valid JSON ({error}); copy or export the bundle again"
            ) from error
        kind = values.get("kind", "model") if isinstance(values, dict) else "model"
        if kind != "model":
            raise BundleError(
                f"{origin} has kind {kind!r}: it is another tracker, not one of edgetrack's own models; open it with "
                "edgetrack.open_tracker(FOLDER, trust=True), or edgetrack run --model FOLDER --trust"
            )
        schema = values.get("schema") if isinstance(values, dict) else None
        if not isinstance(schema, int) or isinstance(schema, bool):
            raise BundleError(
                f"{origin} is not an edgetrack manifest: it has no integer 'schema'; expected {SCHEMA}"
            )
        if schema > SCHEMA:
            raise BundleError(
                f"{origin} has schema {schema}, but this version of edgetrack reads up to {SCHEMA}; "
                "run: pip install -U edgetrack"
            )
        if 1 <= schema < SCHEMA:
            raise BundleError(
                f"{origin} has schema {schema}, which is older than {SCHEMA}; expected a bundle of this version: "
                "export it again from a checkpoint: edgetrack export CHECKPOINT"
            )
        required = [f.name for f in fields(cls) if f.default is f.default_factory is MISSING]
        missing = [name for name in required if name not in values]
        if schema < 1 or missing:
            raise BundleError(
                f"{origin} is not a complete manifest of schema {SCHEMA}: schema {schema}, without "
                f"{', '.join(missing) or 'nothing missing'}; export the bundle again"
            )
        try:
            known = [f.name for f in fields(cls) if f.name in values]
            return cls(**{name: _PARSERS[name](values[name]) for name in known})
        except MALFORMED as error:
            raise BundleError(
                f"{origin} has a field with a wrong type ({error}); export the bundle again"
            ) from error

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the manifest, which contains those of all files and thus identifies the model."""
        own = {role: replace(entry, bundle="") for role, entry in self.files.items()}  # wherever they are
        return hashlib.sha256(replace(self, files=own).to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """Return the manifest as indented JSON."""
        values = asdict(self)
        if self.target is None:
            del values["target"]  # bundles without one keep their digest
        for entry in values["files"].values():
            if not entry["bundle"]:
                del entry["bundle"]
        for precision in values["precisions"].values():
            if precision["min_jf_ratio"] is None:
                del precision["min_jf_ratio"]
        return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is not a string")
    value.encode()  # UnicodeEncodeError, a ValueError, for a lone surrogate, which cannot be written
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{value!r} is not a positive integer")
    return value


def _number(value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise ValueError(f"{value!r} is not a number")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is not finite")
    return number


def _positive(value: Any) -> float:
    number = _number(value)
    if number <= 0:
        raise ValueError(f"{number:g} is not above 0")
    return number


def _color(value: Any) -> tuple[float, float, float]:
    first, second, third = (_number(v) for v in value)
    return first, second, third


def _deviation(value: Any) -> tuple[float, float, float]:
    first, second, third = (_positive(v) for v in value)
    return first, second, third


def _numbers(value: Any) -> dict[str, float]:
    return {_text(name): _number(number) for name, number in value.items()}


def _sizes(value: Any) -> dict[str, int]:
    return {key: _whole(value[key]) for key in ("template", "search", "grounding")}


def _factors(value: Any) -> dict[str, float]:
    given = ("template", "search", *(key for key in ("mask",) if key in value))
    return {key: _positive(value[key]) for key in given}


def _file(value: Any) -> BundleFile:
    beside = _sibling(value["bundle"]) if "bundle" in value else ""
    return BundleFile(_text(value["path"]), _text(value["sha256"]).lower(), beside)


def _sibling(value: Any) -> str:
    name = _text(value)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise ValueError(f"a file of the bundle {name!r:.80}; expected the name of a folder beside this one")
    return name


def _text_length(value: Any) -> int:
    length = _whole(value)
    if not 3 <= length <= LONGEST_TEXT:
        raise ValueError(f"text lengths of {length} tokens; expected 3 to {LONGEST_TEXT}")
    return length


def _shape(value: Any) -> tuple[int, ...]:
    shape = tuple(_whole(n) for n in value)
    if math.prod(shape) > LARGEST_TENSOR:
        raise ValueError(f"a tensor of shape {shape}; expected at most {LARGEST_TENSOR:,} elements")
    return shape


def _specs(value: Any) -> dict[str, TensorSpec]:
    return {
        _text(name): TensorSpec(_text(spec["dtype"]), _shape(spec["shape"])) for name, spec in value.items()
    }


def _precision(value: Any) -> Precision:
    ratio = value.get("min_jf_ratio")
    return Precision(
        tuple(_text(graph) for graph in value["graphs"]),
        _numbers(value["thresholds"]),
        None if ratio is None else _positive(ratio),
    )


def parse_budget(value: Any) -> Budget | None:
    """Parse a budget from JSON; None for null."""
    if value is None:
        return None
    latency, memory = (_positive(value[key]) for key in ("latency_budget_ms", "memory_budget_mb"))
    return Budget(_text(value["name"]), latency, memory)


_PARSERS: dict[str, Any] = {
    "schema": _whole,
    "name": _text,
    "version": _text,
    "license": _text,
    "parameters": _whole,
    "sizes": _sizes,
    "factors": _factors,
    "mean": _color,
    "std": _deviation,
    "fill": _color,
    "text_length": _text_length,
    "thresholds": _numbers,
    "files": lambda value: {_text(role): _file(entry) for role, entry in value.items()},
    "tensors": lambda value: {
        _text(role): GraphSpec(_specs(entry["inputs"]), _specs(entry["outputs"]))
        for role, entry in value.items()
    },
    "precisions": lambda value: {_text(name): _precision(entry) for name, entry in value.items()},
    "versions": lambda value: {_text(name): _text(version) for name, version in value.items()},
    "target": parse_budget,
}
