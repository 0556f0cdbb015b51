"""A model bundle: a folder with a manifest, the graphs, their weights and the tokenizer."""

from __future__ import annotations

from pathlib import Path

from edgetrack._native import runtime
from edgetrack.bundle_files import check_graph, check_sum, path_of
from edgetrack.errors import BundleError, ConfigError
from edgetrack.manifest import FILE_NAME, Manifest

MODELS = Path(__file__).parent / "models"  # the bundles that come with the package
DEFAULT = "edgetrack-256"
GRAPHS = ("text", "prompt", "template", "search", "ground")
EYE = ("detect", "rank")  # candidates in the whole frame, and their ranking by a text; optional
MASK = "mask"  # the mask of the object in a box; optional
PAIRS = ("template_x", "search_x")  # "template" and "search" with a second sensor; optional
BATCHED = {"search2": 2, "search4": 4}  # "search" for several targets at once; optional
LARGEST_MANIFEST = 1 << 20  # bytes; a real one has about ten thousand
ROLES = (*GRAPHS, "text_weights", "tracker_weights", "tokenizer")


class Bundle:
    """A model bundle on disk, checked when it is opened. It provides paths and loads nothing.

    Attributes:
        folder (Path): Folder of the bundle.
        manifest (Manifest): Contents of ``manifest.json``: name, version, sizes, tensors, precisions, files.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest

    @classmethod
    def open(cls, path: str | Path | None = None) -> Bundle:
        """Open the bundle in a folder, a shipped one by name, or with None the default.

        Every file is compared with its checksum in the manifest; none may be a link or lie outside the folder. The
        weights of a graph must be in such files as well, because inference engines would read them from anywhere.

        Raises:
            BundleError: The bundle is missing, damaged or foreign, or needs a newer edgetrack.
        """
        folder = _locate(DEFAULT if path is None else path).absolute()  # the program may change its folder
        file = folder / FILE_NAME
        try:
            text = _read(file)
        except (OSError, UnicodeDecodeError) as error:
            raise BundleError(
                f"{folder} is not a model bundle: {FILE_NAME} cannot be read ({error}); expected a folder "
                "that edgetrack's export wrote"
            ) from error
        manifest = Manifest.from_json(text, origin=str(file))
        missing = [role for role in ROLES if role not in manifest.files]
        missing += [f"tensors of {role}" for role in GRAPHS if role not in manifest.tensors]
        for name, precision in manifest.precisions.items():
            roles = [role for graph in precision.graphs for role in _roles(graph, name).values()]
            missing += [role for role in dict.fromkeys(roles) if role not in manifest.files]
        for role in (*BATCHED, *EYE, *PAIRS, MASK):
            listed = {f"a file for {role}": manifest.files, f"tensors of {role}": manifest.tensors}
            lacks = [what for what, roles in listed.items() if role not in roles]
            missing += lacks if len(lacks) == 1 else []
        for both in (EYE, PAIRS):
            if len(given := [role for role in both if role in manifest.tensors]) == 1:
                missing += [f"tensors of {role}" for role in both if role not in given]
        if MASK in manifest.tensors and MASK not in manifest.factors:
            missing.append(f"factors of {MASK}")
        if missing:
            raise BundleError(f"{file} does not list {', '.join(missing)}; export the bundle again")
        bundle = cls(folder, manifest)
        for role, entry in manifest.files.items():
            check_sum(path_of(folder, role, entry), entry, manifest.name)
        for role, entry in manifest.files.items():
            if role.partition(".")[0] in manifest.tensors or entry.path.endswith(".onnx"):
                check_graph(folder, role, entry, manifest)
        return bundle

    def check_tensors(self) -> None:
        """Check that the trackers can run the graphs: the right tensors, with shapes that fit together.

        Raises:
            BundleError: The tensors are unsuitable; nothing has been loaded or allocated yet.
        """
        manifest, sizes = self.manifest, self.manifest.sizes
        axes = zip("ISG", (sizes[name] for name in ("template", "search", "grounding")), strict=True)
        graphs = {
            role: tuple(
                [(name, spec.dtype, spec.shape) for name, spec in side.items()]
                for side in (graph.inputs, graph.outputs)
            )
            for role, graph in manifest.tensors.items()
        }
        runtime.check_tensors(graphs, {"T": manifest.text_length, **dict(axes)})

    def path(self, role: str) -> Path:
        """Return the file of a role such as ``search`` or ``tokenizer``.

        Raises:
            BundleError: The bundle has no such role.
        """
        entry = self.manifest.files.get(role)
        if entry is None:
            roles = ", ".join(sorted(self.manifest.files))
            raise BundleError(f"model {self.manifest.name} has no file for {role!r}; it has {roles}")
        return path_of(self.folder, role, entry)

    @property
    def graphs(self) -> tuple[str, ...]:
        """Return the roles of all graphs."""
        return (
            *GRAPHS,
            *(role for role in (*EYE, *PAIRS, MASK) if role in self.manifest.tensors),
            *self.batched,
        )

    @property
    def batched(self) -> tuple[str, ...]:
        """Roles of the graphs for several targets, smallest batch first; empty without any."""
        return tuple(role for role in BATCHED if role in self.manifest.tensors)

    @property
    def batches(self) -> tuple[int, ...]:
        """Batch sizes that have a graph, in ascending order; empty without any."""
        return tuple(BATCHED[role] for role in self.batched)

    def graph(self, role: str, precision: str, *, flavor: str = "portable") -> Path:
        """Return the file of a graph in a precision; the float32 file if the precision has no separate file.

        Args:
            role: One of ``graphs``.
            precision: A precision such as "int8"; ``manifest.precisions`` lists those that have files.
            flavor: "portable" (TensorRT, OpenVINO) or "ort" (ONNX Runtime on a CPU).

        Raises:
            BundleError: the bundle has no such role.
            ConfigError: there is no such flavor.
        """
        if flavor not in ("portable", "ort"):
            raise ConfigError(f"flavor is {flavor!r}; expected 'portable' or 'ort'")
        own = self.manifest.precisions.get(precision)
        if own is None or role not in own.graphs:
            return self.path(role)
        return self.path(_roles(role, precision)[flavor])

    def digests(self, graph: Path) -> tuple[str, ...]:
        """Return the SHA-256 of a graph's file and of all weights, on which a cached build of the graph depends."""
        files = self.manifest.files
        own = next(entry.sha256 for role, entry in files.items() if self.path(role) == graph)
        weights = (entry.sha256 for role, entry in sorted(files.items()) if role.endswith("_weights"))
        return (own, *weights)

    def __repr__(self) -> str:
        return f"Bundle({self.manifest.name} {self.manifest.version}, {self.folder})"


def shipped() -> list[str]:
    """Return the names of the models that come with the package."""
    return sorted(file.parent.name for file in MODELS.glob(f"*/{FILE_NAME}"))


def _roles(graph: str, precision: str) -> dict[str, str]:
    """Return the roles of a graph's files in a precision, by flavor; only INT8 has different files per engine."""
    portable = f"{graph}.{precision}"
    return {"portable": portable, "ort": f"{portable}.ort" if precision == "int8" else portable}


def _read(file: Path) -> str:
    if not file.is_file():
        raise FileNotFoundError("there is no such file")
    if file.stat().st_size > LARGEST_MANIFEST:
        raise OSError(f"it has {file.stat().st_size:,} bytes, expected at most {LARGEST_MANIFEST:,}")
    return file.read_text(encoding="utf-8")


def _locate(path: str | Path) -> Path:
    if not isinstance(path, (str, Path)):
        raise BundleError(
            f"model is a {type(path).__name__}; expected a folder, the name of a shipped model, or None"
        )
    folder = Path(path)
    if isinstance(path, str) and path in shipped():
        return MODELS / path
    if folder.is_dir():
        return folder
    if why := _what_file(folder):
        raise BundleError(why)
    names = ", ".join(shipped()) or "none"
    raise BundleError(f"model {str(path)!r} is neither a folder nor a shipped model; shipped here: {names}")


_WEIGHTS = (".pth", ".pth.tar", ".tar", ".ckpt", ".safetensors", ".bin", ".onnx", ".pt", ".tflite", ".engine")


def _what_file(path: Path) -> str | None:
    """Return advice for a file that was given instead of a bundle's folder; None if it is not a file name."""
    ending = next((end for end in _WEIGHTS if path.name.lower().endswith(end)), "")
    if not path.is_file():
        return (
            f"{path} does not exist; expected a model bundle, or a file to export as one" if ending else None
        )
    if path.name == FILE_NAME:
        return f"{path} is a file of a bundle; give its folder, {path.parent}"
    adapter = f"edgetrack export my.py:Adapter --weights {path} --output DIR (examples/own_tracker.py shows an adapter)"
    if ending == ".pt":
        return (
            f"{path} is a file with weights, not a bundle; export a checkpoint of edgetrack train with: "
            f"edgetrack export {path} --output DIR; another network with: {adapter}"
        )
    if ending == ".onnx":
        return (
            f"{path} is an ONNX graph, which does not describe how to track with it; export a bundle: NanoTrack with: "
            "edgetrack export nanotrack-v2 --weights BACKBONE.onnx --weights HEAD.onnx --output DIR; "
            f"another network with: {adapter}"
        )
    if ending:
        return (
            f"{path} is a file with weights, not a bundle; export one: NanoTrack v3 with: edgetrack export "
            f"nanotrack-v3 --weights {path} --output DIR; UVLTrack and SDSTrack as described in "
            f"docs/bring_your_own.md; another network with: {adapter}"
        )
    return f"{path} is a file; expected the folder of a model bundle, or the name of a shipped model"


def takes_pairs(bundle: object) -> bool:
    """Return whether a bundle takes a second sensor in addition to color: edgetrack's own models do."""
    return isinstance(bundle, Bundle)
