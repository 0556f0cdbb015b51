"""The bundle of another tracker: its graphs, a copy of the code that runs them, and their measurements.

It is a folder with ``manifest.json`` (kind ``adapter``), the graphs ``x.onnx`` in float32, the same names in INT8 in
``int8/``, and ``adapter.py`` if the adapter is the user's own. That file is code, which runs only with permission.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast, get_args

from edgetrack import targets
from edgetrack.bundle import _locate, _read
from edgetrack.bundle_files import check_sum, path_of
from edgetrack.engines.openvino import check_capable, shared_core
from edgetrack.engines.ort import saturates
from edgetrack.errors import MALFORMED, BundleError, ConfigError, EngineUnavailable, MissingExtra
from edgetrack.manifest import FILE_NAME, SCHEMA, Budget, BundleFile, parse_budget
from edgetrack.peers import Mode, Opener, load_adapter
from edgetrack.peers.published import NAMES, opener_of

KIND = "adapter"
# Precisions without separate files, and the precision of the files that they use.
COMPUTED = {"bf16": "fp32", "int8-bf16": "int8"}
CODE, CODE_FILE = "code", "adapter.py"  # role and name of the copy of the user's file
_MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True, slots=True)
class AdapterManifest:
    """The manifest of an adapter's bundle."""

    name: str
    version: str
    adapter: str  # class in the file with the role "code"; without such a file, one that edgetrack includes
    modes: tuple[Mode, ...]  # ways to give the target
    graphs: tuple[str, ...]
    files: Mapping[str, BundleFile]  # by role: x, x.int8, code, report
    precisions: tuple[str, ...] = ()  # in addition to fp32
    computed: tuple[str, ...] = ()  # keys of COMPUTED that OpenVINO computes and that passed the gate
    narrow: bool = False  # INT8 weights have 7 bits, so that sums do not saturate on any processor
    weights: Mapping[str, str] = field(
        default_factory=dict
    )  # SHA-256 of the files from which the graphs were made, by name
    calibration: tuple[float, float] = (1.0, 0.0)  # scale and shift of a grounder's scores (Platt scaling)
    license: str = ""  # license of the weights as an SPDX identifier, if the adapter knows it
    target: Budget | None = None
    versions: Mapping[str, str] = field(default_factory=dict)  # versions of the programs that exported it
    schema: int = SCHEMA
    kind: str = KIND

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the manifest, which contains those of all files."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """Return the manifest as indented JSON."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, *, origin: str) -> AdapterManifest:
        """Read and check a manifest; ``origin`` is its name in error messages.

        Raises:
            BundleError: it is not the manifest of an adapter, has another schema, or a field is missing or invalid.
        """
        try:
            values = json.loads(text)
            if values["kind"] != KIND:
                raise ValueError(f"kind is {values['kind']!r}, not {KIND!r}")
            if values["schema"] > SCHEMA:
                raise ValueError(
                    f"schema {values['schema']} is newer than {SCHEMA}: pip install -U edgetrack"
                )
            if values["schema"] < SCHEMA:
                raise ValueError(
                    f"schema {values['schema']} is older than {SCHEMA}: export the tracker again"
                )
            known = {name: parse(values[name]) for name, parse in _PARSERS.items() if name in values}
            manifest = cls(**known)
            _check_roles(manifest)
        except MALFORMED as error:
            raise BundleError(
                f"{origin} is not the manifest of an adapter's bundle ({type(error).__name__}: {error}); write it "
                "again: edgetrack export ADAPTER --weights FILE --output DIR"
            ) from error
        return manifest


class AdapterBundle:
    """A checked bundle of another tracker, which provides paths but runs no code.

    Attributes:
        folder: folder of the bundle.
        manifest: content of its ``manifest.json``.
    """

    def __init__(self, folder: Path, manifest: AdapterManifest) -> None:
        self.folder, self.manifest = folder.resolve(), manifest

    @classmethod
    def open(cls, path: str | Path) -> AdapterBundle:
        """Open the bundle in a folder, and compare every file with the manifest's checksum.

        Raises:
            BundleError: it is missing, damaged, or not the bundle of an adapter.
        """
        folder = _locate(path)
        file = folder / FILE_NAME
        try:
            text = _read(file)
        except (OSError, UnicodeDecodeError) as error:
            raise BundleError(f"{folder} is not a bundle: {FILE_NAME} cannot be read ({error})") from error
        manifest = AdapterManifest.from_json(text, origin=str(file))
        for role, entry in manifest.files.items():
            if entry.bundle:
                raise BundleError(
                    f"{file} lists a file of another bundle; expected all files of an adapter's bundle in "
                    "its own folder"
                )
            check_sum(path_of(folder, role, entry), entry, manifest.name)
        return cls(folder, manifest)

    def path(self, role: str) -> Path:
        """Return the path of the file with a role."""
        return self.folder / self.manifest.files[role].path

    def graphs(self, precision: str) -> Path:
        """Return the folder with the graphs of a precision.

        Raises:
            ConfigError: the bundle does not have it.
        """
        held = ("fp32", *self.manifest.precisions)
        if precision not in held:
            raise ConfigError(
                f"bundle {self.manifest.name} ({self.folder}) does not contain precision {precision!r}, only "
                f"{', '.join(held)}; add INT8 with: edgetrack export ADAPTER --weights FILE --int8 --calibration VIDEO"
            )
        return self.folder if precision == "fp32" else self.folder / precision

    def automatic(self) -> tuple[str, str]:
        """Return the default precision and the reason: the fastest that passed the gate and runs on this machine."""
        stored, why = self._stored()
        mixed = {source: name for name, source in COMPUTED.items()}[stored]
        if mixed not in self.manifest.computed:
            return stored, why
        try:
            check_capable(shared_core(), "bf16")
        except (EngineUnavailable, MissingExtra) as error:
            return stored, f"{mixed} was accepted, but {error}"
        return mixed, "it was accepted, and OpenVINO supports it here"

    def _stored(self) -> tuple[str, str]:
        """Return the precision of the files to run, and the reason."""
        target = targets.detect()
        if "int8" not in self.manifest.precisions:
            return "fp32", "the bundle has no INT8"
        if "int8" not in target.precisions:
            return "fp32", f"{target.name} does not list INT8"
        if saturates() and not self.manifest.narrow:
            return "fp32", "the bundle has INT8, but this processor has no VNNI, so sums could saturate"
        return "int8", f"the bundle has INT8 and {target.name} runs it"

    def adapter(self, *, trust: bool) -> Opener:
        """Return the adapter; if the bundle contains code, this executes it.

        Raises:
            ConfigError: the bundle contains code that is not trusted or cannot be executed.
        """
        entry = self.manifest.files.get(CODE)
        if entry is None:
            if self.manifest.adapter not in NAMES:
                raise BundleError(
                    f"{self.folder} needs adapter {self.manifest.adapter!r}, which this version of edgetrack "
                    f"does not include; expected one of {', '.join(NAMES)}"
                )
            return opener_of(self.manifest.adapter)
        if not trust:
            raise ConfigError(
                f"{self.folder} contains code, {entry.path} (SHA-256 {entry.sha256[:12]}...), which would run "
                "with your rights; read it, then allow it: --trust, in Python trust=True"
            )
        return load_adapter(f"{self.path(CODE)}:{self.manifest.adapter}")


def is_adapter_bundle(path: object) -> bool:
    """Return whether a folder's manifest is that of an adapter's bundle; False if it cannot be read."""
    if not isinstance(path, (str, Path)):
        return False
    try:
        return bool(json.loads(_read(Path(path) / FILE_NAME))["kind"] == KIND)
    except (OSError, *MALFORMED):
        return False


def _check_roles(manifest: AdapterManifest) -> None:
    expected = {graph: f"{graph}.onnx" for graph in manifest.graphs}
    for precision in manifest.precisions:
        expected |= {f"{graph}.{precision}": f"{precision}/{graph}.onnx" for graph in manifest.graphs}
    for role, path in expected.items():
        if role not in manifest.files or manifest.files[role].path != path:
            raise ValueError(f"there is no file {path} with the role {role}")
    if not manifest.graphs or not manifest.modes:
        raise ValueError("it lists no graphs or no modes")


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is not a string")
    return value


def _license(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 100:
        raise ValueError(f"{value!r:.80} is not a license")
    return value


def _mode(value: Any) -> Mode:
    if value not in _MODES:
        raise ValueError(f"mode {value!r} is unknown; expected one of {', '.join(_MODES)}")
    return cast(Mode, value)


def _file(value: Any) -> BundleFile:
    return BundleFile(_text(value["path"]), _text(value["sha256"]).lower())


def _one_of(value: Any, known: list[str]) -> str:
    if value not in known:
        raise ValueError(f"precision {value!r} is unknown; expected {' or '.join(known)}")
    return cast(str, value)


def _pair(value: Any) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2 or not all(type(v) in (int, float) for v in value):
        raise ValueError(f"{value!r:.80} is not a pair of numbers")
    return float(value[0]), float(value[1])


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def _texts(value: Any) -> dict[str, str]:
    return {_text(key): _text(entry) for key, entry in value.items()}


_PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "name": _text,
    "version": _text,
    "adapter": _text,
    "modes": lambda value: tuple(_mode(mode) for mode in value),
    "graphs": lambda value: tuple(_text(graph) for graph in value),
    "files": lambda value: {_text(role): _file(entry) for role, entry in value.items()},
    "precisions": lambda value: tuple(_one_of(name, ["int8"]) for name in value),
    "computed": lambda value: tuple(_one_of(name, list(COMPUTED)) for name in value),
    "narrow": _flag,
    "calibration": _pair,
    "weights": _texts,
    "license": _license,
    "target": parse_budget,
    "versions": _texts,
}
