"""What a model bundle says of itself: the contract that export writes and the tracker reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from edgetrack.errors import BundleError

SCHEMA = 1
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


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that running the model needs to know beside the files themselves."""

    schema: int
    name: str
    version: str
    license: str  # SPDX identifier
    parameters: int  # of all graphs together, text encoder included
    sizes: Mapping[str, int]  # pixels: template, search, grounding
    factors: Mapping[str, float]  # side of the region over sqrt(w * h) of the box: template, search
    mean: tuple[float, float, float]  # RGB, 0..255: network input = (colour - mean) / std
    std: tuple[float, float, float]
    fill: tuple[float, float, float]  # BGR, 0..255, outside the frame
    text_length: int  # tokens, [CLS] and [SEP] included
    thresholds: Mapping[str, float]  # of the state machine; empty = its defaults
    files: Mapping[str, BundleFile]  # by role: the graphs, their weights and the tokenizer
    tensors: Mapping[str, GraphSpec]  # by role: the graphs

    @classmethod
    def from_json(cls, text: str, *, origin: str) -> Manifest:
        """Reads and checks a manifest; ``origin`` names it in messages.

        Raises:
            BundleError: it is not JSON, not a manifest, of a newer schema, or lacks or misuses a field.
        """
        try:
            values = json.loads(text)
        except ValueError as error:
            raise BundleError(
                f"{origin} is not valid JSON ({error}); copy or export the bundle again"
            ) from error
        schema = values.get("schema") if isinstance(values, dict) else None
        if not isinstance(schema, int) or isinstance(schema, bool):
            raise BundleError(
                f"{origin} is not an edgetrack manifest: it has no integer 'schema'; expected {SCHEMA}"
            )
        if schema > SCHEMA:
            raise BundleError(
                f"{origin} has schema {schema}, this edgetrack reads up to {SCHEMA}; "
                "run: pip install -U edgetrack"
            )
        missing = [field.name for field in fields(cls) if field.name not in values]
        if schema < 1 or missing:
            raise BundleError(
                f"{origin} is not a complete manifest of schema {SCHEMA}: schema {schema}, without "
                f"{', '.join(missing) or 'nothing missing'}; export the bundle again"
            )
        try:
            return cls(**{field.name: _PARSERS[field.name](values[field.name]) for field in fields(cls)})
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise BundleError(
                f"{origin} has a field of a wrong type ({error}); export the bundle again"
            ) from error

    def to_json(self) -> str:
        """The manifest as indented JSON."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is not a text")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{value!r} is not a positive integer")
    return value


def _number(value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def _colour(value: Any) -> tuple[float, float, float]:
    first, second, third = (_number(v) for v in value)
    return first, second, third


def _sizes(value: Any) -> dict[str, int]:
    return {key: _whole(value[key]) for key in ("template", "search", "grounding")}


def _factors(value: Any) -> dict[str, float]:
    return {key: _number(value[key]) for key in ("template", "search")}


def _file(value: Any) -> BundleFile:
    return BundleFile(path=_text(value["path"]), sha256=_text(value["sha256"]).lower())


def _specs(value: Any) -> dict[str, TensorSpec]:
    return {
        _text(name): TensorSpec(_text(spec["dtype"]), tuple(_whole(n) for n in spec["shape"]))
        for name, spec in value.items()
    }


_PARSERS: dict[str, Any] = {
    "schema": _whole,
    "name": _text,
    "version": _text,
    "license": _text,
    "parameters": _whole,
    "sizes": _sizes,
    "factors": _factors,
    "mean": _colour,
    "std": _colour,
    "fill": _colour,
    "text_length": _whole,
    "thresholds": lambda value: {_text(k): _number(v) for k, v in value.items()},
    "files": lambda value: {_text(role): _file(entry) for role, entry in value.items()},
    "tensors": lambda value: {
        _text(role): GraphSpec(_specs(entry["inputs"]), _specs(entry["outputs"]))
        for role, entry in value.items()
    },
}
