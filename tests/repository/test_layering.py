"""Who may import whom, as a list; an ``ast`` walk holds the sources to it.

Of the packages of others, imports at the top level count (they cost at import time); of edgetrack's own
parts, every import counts (they are what depends on what).
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "edgetrack"

# From the bottom to the top; a part may use its own layer and those below it.
LAYERS: list[set[str]] = [
    {
        "types",
        "timing",
        "events",
        "errors",
        "cache",
        "manifest",
        "signals",
        "cores",
        "memory",
        "unique",
        "logits",
        "mask",
        "finite",
        "toml_file",
        "_exit",
        "_imports",
        "_runtime",
    },
    {"_native", "terminal"},
    {
        "arrays",
        "targets",
        "bundle",
        "bundle_files",
        "prompt",
        "reporting",
        "zones",
        "zone_file",
        "zone_shapes",
        "watching",
        "translation",
        "words",
    },
    {"crop"},
    {"engines", "io", "policy", "datasets", "demo", "doctor", "unusual", "sensor", "declared"},
    {
        "tracker",
        "multi_tracker",
        "named_queries",
        "named_targets",
        "opened",
        "outlining",
        "history",
        "query",
        "turned",
        "instances",
        "association",
        "parsing",
        "grounders",
        "segmenter",
        "peers",
    },
    {"adapters", "pipeline", "meter", "metrics", "exposition", "following", "network"},
    {"evaluation", "export", "training"},
    {"bench", "replay"},
    {"cli"},
    {"__main__"},
]
# The subpackages of a part, from the bottom to the top, if their order is fixed, too.
ROOMS: dict[str, list[str]] = {
    "edgetrack.evaluation": [
        "types",
        "metrics",
        "perturbations",
        "trackers",
        "execution",
        "report",
        "phrases",
        "crowds",
        "anomalies",
    ],
}
# A tracker is one room; what makes its graphs is written as anybody's adapter is, with the exporter's tools, and its
# network in PyTorch is one of the networks, which can be trained.
TORCH = {
    (name, part): "export" if part == "graphs" else "network"
    for name in ("litetrack", "sdstrack", "sutrack", "uvltrack")
    for part in ("config", "graphs", "layers", "network", "prompter", "text")
}
BELONGS = {
    **{f"edgetrack.peers.nanotrack.{name}": "export" for name in ("graphs", "v3")},
    **{f"edgetrack.peers.{name}.{part}": layer for (name, part), layer in TORCH.items()},
    "edgetrack.peers.layers": "network",
    "edgetrack.peers.owl.graphs": "export",
    "edgetrack.peers.dino.graphs": "export",
}
# Further than that: the exporter drives the tracker to calibrate and to accept, training and measuring do not touch it.
FORBIDDEN = {
    "evaluation": {"export", "training"},
    "export": {"pipeline", "cli", "training"},
    "training": {"evaluation", "export", "pipeline", "cli", "demo"},
    "engines": {"io"},
    "io": {"engines"},
    "datasets": {"engines", "policy"},
}
OUTSIDE = {
    "edgetrack": {"numpy"},
    "edgetrack.bench": {"numpy"},
    "edgetrack.cli": {"numpy", "rich", "typer"},
    "edgetrack.datasets": {"numpy"},
    "edgetrack.targets": set(),
    "edgetrack.toml_file": {"tomli"},
    "edgetrack.network": {"numpy", "torch"},
    "edgetrack.peers.nanotrack.graphs": {"onnx"},
    "edgetrack.peers.nanotrack.published": {"onnx"},
    "edgetrack.peers.nanotrack.v3": {"numpy", "onnx", "torch"},
    "edgetrack.peers.layers": {"torch"},
    "edgetrack.peers.owl.graphs": {"numpy", "onnx", "torch"},
    "edgetrack.peers.dino.graphs": {"numpy", "onnx", "torch"},
    **{f"edgetrack.peers.{name}.{part}": {"numpy", "onnx", "torch"} for name, part in TORCH},
    "edgetrack.replay": {"numpy"},
    "edgetrack.evaluation": {"numpy"},
    "edgetrack.export": {"numpy", "onnx", "onnxruntime", "onnxscript", "torch"},
    "edgetrack.training": {"cv2", "numpy", "onnx", "onnxruntime", "rich", "tokenizers", "torch"},
}


def modules() -> Iterator[tuple[str, Path]]:
    for folder, _, files in sorted(os.walk(PACKAGE, followlinks=True)):
        for path in sorted(Path(folder, name) for name in files if name.endswith(".py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(p for p in parts if p != "__init__"), path


def part_of(module: str) -> str:
    """Return ``tracker`` for ``edgetrack.tracker``, ``io`` for ``edgetrack.io.sources``, empty for ``edgetrack``."""
    return BELONGS.get(module, module.partition(".")[2].partition(".")[0])


def imported(tree: ast.AST, *, nested: bool) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = str(node.module)
            yield from (
                (f"{module}.{alias.name}" for alias in node.names) if module == "edgetrack" else [module]
            )
        elif nested or not (
            isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            or "TYPE_CHECKING" in ast.dump(node)[:60]
        ):
            yield from imported(node, nested=nested)


def layer_of(part: str) -> int:
    return next((i for i, layer in enumerate(LAYERS) if part in layer), -1)


MODULES = list(modules())


@pytest.mark.parametrize(("module", "path"), MODULES, ids=[m for m, _ in MODULES])
def test_imports_point_downwards(module, path):
    part = part_of(module)
    if not part:
        return  # edgetrack/__init__.py names the public parts of every layer and loads none of them
    assert layer_of(part) >= 0, f"{module}: add {part!r} to LAYERS"
    for name in imported(ast.parse(path.read_text()), nested=True):
        other = part_of(name)
        if not name.startswith("edgetrack.") or other in ("", part):
            continue
        assert layer_of(other) <= layer_of(part), f"{module} imports {name}, which is above it"
        assert other not in FORBIDDEN.get(part, set()), f"{module} must not import {name}"


@pytest.mark.parametrize(("module", "path"), MODULES, ids=[m for m, _ in MODULES])
def test_third_party_packages_at_import_time(module, path):
    rule = max((r for r in OUTSIDE if module == r or module.startswith(r + ".")), key=len)
    for name in imported(ast.parse(path.read_text()), nested=False):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top != "edgetrack":
            assert top in OUTSIDE[rule], (
                f"{module} imports {name} at import time; allowed: {sorted(OUTSIDE[rule])}"
            )


def room_of(module: str, part: str) -> str:
    """Return ``metrics`` for ``edgetrack.evaluation.metrics.masks``; empty for the part itself and for others."""
    return module.removeprefix(f"{part}.").partition(".")[0] if module.startswith(f"{part}.") else ""


@pytest.mark.parametrize("part", ROOMS)
def test_subpackages_of_a_part_have_an_order(part):
    rooms, inside = ROOMS[part], [(m, p) for m, p in MODULES if room_of(m, part)]
    assert {room_of(m, part) for m, _ in inside} == set(rooms), f"{part}: add its rooms to ROOMS"
    for module, path in inside:
        own = rooms.index(room_of(module, part))
        for name in imported(ast.parse(path.read_text()), nested=True):
            assert name != part, f"{module} imports {part}, which names all of its rooms"
            if other := room_of(name, part):
                assert rooms.index(other) <= own, f"{module} imports {name}, whose room is above it"


def test_only_the_bindings_include_python():
    for path in [*(ROOT / "kernels").rglob("*"), *(ROOT / "runtime_cpp").rglob("*")]:
        if path.suffix in {".h", ".cpp", ".cu"} and path.parent.name != "bindings":
            assert "pybind11" not in path.read_text(), (
                f"{path.name}: pybind11 belongs into runtime_cpp/bindings"
            )
