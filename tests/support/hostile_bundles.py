"""Bundles whose manifest, hashes and graphs are consistent, but whose graphs are not what a tracker expects."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from onnx import TensorProto, helper

from edgetrack.bundle import Bundle

Shapes = dict[str, tuple[int, ...]]
Graphs = dict[str, tuple[Shapes, Shapes]]
KNOWN: Shapes = {
    "memory": (1, 2, 28, 8),
    "memory_mask": (1, 28),
    "film": (1, 2, 8),
    "anchor": (1, 4, 8),
    "prompts": (1, 3, 8),
    "prototypes": (1, 2, 8),
}


def graphs() -> Graphs:
    """Make the smallest graphs that the tracker accepts: inputs and outputs of each role."""
    maps: Shapes = {
        name: (1, n, 4, 4) for name, n in (("score", 1), ("offset", 2), ("size", 2), ("quality", 1))
    }
    search: Shapes = {**maps, "presence": (1, 1), "embedding": (1, 16, 8)}
    one: Graphs = {
        "text": ({"ids": (1, 24), "mask": (1, 24)}, {"tokens": (1, 24, 8)}),
        "prompt": (
            {"tokens": (1, 24, 8), "mask": (1, 24)},
            {"memory": (1, 2, 24, 8), "film": (1, 2, 8), "prototype": (1, 8)},
        ),
        "template": (
            {"image": (1, 3, 32, 32), "target": (1, 1, 2, 2)},
            {"memory": (1, 2, 4, 8), "anchor": (1, 4, 8), "prompts": (1, 3, 8), "prototype": (1, 8)},
        ),
        "search": ({"image": (1, 3, 32, 32), **KNOWN}, search),
        "ground": ({"image": (1, 3, 32, 32), **KNOWN}, dict(search)),
    }
    several = tuple({name: (2, *shape[1:]) for name, shape in side.items()} for side in one["search"])
    return {**one, "search2": (several[0], several[1])}


def onnx_of(inputs: Shapes, outputs: Shapes, value: float = 0.5) -> Any:
    """Make a graph that outputs ``value`` everywhere for any input; it has no weights, so that shapes cost nothing."""

    def declared(name: str, shape: tuple[int, ...]) -> Any:
        kind = TensorProto.INT64 if name == "ids" else TensorProto.FLOAT
        return helper.make_tensor_value_info(name, kind, shape)

    nodes, sizes = [], []
    for name, shape in outputs.items():
        sizes.append(helper.make_tensor(f"{name}_shape", TensorProto.INT64, [len(shape)], shape))
        filled = helper.make_tensor("value", TensorProto.FLOAT, [1], [value])
        nodes.append(helper.make_node("ConstantOfShape", [f"{name}_shape"], [name], value=filled))
    graph = helper.make_graph(
        nodes,
        "g",
        [declared(name, shape) for name, shape in inputs.items()],
        [declared(name, shape) for name, shape in outputs.items()],
        sizes,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def write(folder: Path, shapes: Graphs, *, value: float = 0.5, **manifest: Any) -> Path:
    """Write a bundle of such graphs; ``manifest`` replaces some of its entries."""
    folder.mkdir(parents=True)
    shutil.copy(Bundle.open("edgetrack-160").path("tokenizer"), folder / "tokenizer.json")
    for name in ("text", "tracker"):
        (folder / f"{name}.weights").write_bytes(bytes(64))
    paths = {
        "tokenizer": "tokenizer.json",
        "text_weights": "text.weights",
        "tracker_weights": "tracker.weights",
    }
    for role, (inputs, outputs) in shapes.items():
        paths[role] = f"{role}.onnx"
        (folder / paths[role]).write_bytes(onnx_of(inputs, outputs, value).SerializeToString())
    values = {
        "schema": 2,
        "name": "hostile",
        "version": "1",
        "license": "Apache-2.0",
        "parameters": 1,
        "sizes": {"template": 32, "search": 32, "grounding": 32},
        "factors": {"template": 2.0, "search": 4.0},
        "mean": [127.5] * 3,
        "std": [127.5] * 3,
        "fill": [127.5] * 3,
        "text_length": 24,
        "thresholds": {},
        "files": {role: {"path": path, "sha256": ""} for role, path in paths.items()},
        "tensors": tensors_of(shapes),
        **manifest,
    }
    (folder / "manifest.json").write_text(json.dumps(values))
    seal(folder)
    return folder


def seal(folder: Path) -> None:
    """Write the true hashes of all files into the manifest."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for entry in manifest["files"].values():
        entry["sha256"] = hashlib.sha256((folder / entry["path"]).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def with_outside_weights(folder: Path, *, shape: tuple[int, ...] = (2,), **entries: str) -> None:
    """Move a tensor of the text encoder's graph to an external file, as ``entries`` of its external_data specify."""
    import onnx

    model = onnx.load(str(folder / "text.onnx"), load_external_data=False)
    tensor = model.graph.initializer.add(name="w", data_type=TensorProto.FLOAT, dims=shape)
    tensor.data_location = TensorProto.EXTERNAL
    for key, text in entries.items():
        tensor.external_data.add(key=key, value=text)
    model.graph.node.append(helper.make_node("ReduceSum", ["w"], ["unused"]))
    (folder / "text.onnx").write_bytes(model.SerializeToString())
    seal(folder)


def tensors_of(shapes: Graphs) -> dict[str, Any]:
    """What the manifest says of such graphs."""

    def specs(side: Shapes) -> dict[str, Any]:
        return {
            name: {"dtype": "int64" if name == "ids" else "float32", "shape": list(shape)}
            for name, shape in side.items()
        }

    return {role: {"inputs": specs(ins), "outputs": specs(outs)} for role, (ins, outs) in shapes.items()}


IN, OUT = 0, 1
Change = Callable[[Graphs], Any]


def shape(role: str, side: int, name: str, *lengths: int) -> Change:
    return lambda all_of: all_of[role][side].update({name: lengths})


# Each is complete: manifest, hashes and graphs say the same.
SHAPES: dict[str, Change] = {
    "a map of the template that is a row": shape("template", IN, "target", 1, 1, 1, 64),
    "a longer row": shape("template", IN, "target", 1, 1, 1, 4096),
    "a column": shape("template", IN, "target", 1, 1, 64, 1),
    "a picture that is no square": shape("search", IN, "image", 1, 3, 32, 64),
    "a score map that is no square": shape("search", OUT, "score", 1, 1, 2, 8),
    "a small score map": shape("search", OUT, "score", 1, 1, 2, 2),
    "few offsets": shape("ground", OUT, "offset", 1, 2, 2, 2),
    "few sizes": shape("search", OUT, "size", 1, 2, 4, 1),
    "few embeddings": shape("search", OUT, "embedding", 1, 4, 8),
    "narrow embeddings": shape("search", OUT, "embedding", 1, 16, 4),
    "wide prompts of the template": shape("template", OUT, "prompts", 1, 3, 64),
    "many tokens of the template": shape("template", OUT, "memory", 1, 2, 64, 8),
    "more layers of the template": shape("template", OUT, "memory", 1, 9, 4, 8),
    "wide film": shape("prompt", OUT, "film", 1, 2, 4096),
    "a wide prototype": shape("prompt", OUT, "prototype", 1, 4096),
    "more words in the memory": shape("prompt", OUT, "memory", 1, 2, 240, 8),
    "another memory for the whole frame": shape("ground", IN, "memory", 1, 2, 7, 8),
    "a batch of one": shape("search2", OUT, "score", 1, 1, 4, 4),
    "another map in the batch": shape("search2", OUT, "embedding", 2, 16, 4),
    "a scalar": shape("search", OUT, "presence"),
    "an input too many": shape("search", IN, "more", 1, 4),
    "texts of another length": lambda all_of: all_of["text"][IN].update(ids=(1, 25), mask=(1, 25)),
}
LARGE: dict[str, Change] = {
    "a large score map": shape("search", OUT, "score", 1, 1, 40000, 40000),
    "a product that wraps": shape("search", IN, "image", 1, 3, 2**31, 2**31),
    "wide prompts": shape("search", IN, "prompts", 1, 3, 2**62),
}


def with_weights(folder: Path, case: str) -> None:
    """What a graph may say of where its weights lie."""
    secret = folder.parent / "secret"
    secret.write_bytes(bytes(64))
    (folder / "unlisted").write_bytes(bytes(64))
    (folder / "link").symlink_to(secret)
    place = {"location": "text.weights", "offset": "0", "length": "8"}
    changes: dict[str, dict[str, Any]] = {
        "unlisted": {"location": "unlisted"},
        "a link": {"location": "link"},
        "above": {"location": "../secret"},
        "above by a detour": {"location": "a/../../secret"},
        "absolute": {"location": str(secret)},
        "memory": {"location": "*/_ORT_MEM_ADDR_/*"},
        "nowhere": {"location": ""},
        "before the start": {"offset": "-4"},
        "after the end": {"offset": "60"},
        "a wrapping end": {"offset": str(2**64 - 4)},
        "too long": {"length": str(2**63)},
        "of no length": {"length": "0"},
        "a number in words": {"length": "eight"},
        "more to say": {"prepacked_0": "k|0;8;x"},
    }
    with_outside_weights(folder, **{**place, **changes[case]})


OUTSIDE = [
    "unlisted", "a link", "above", "above by a detour", "absolute", "memory", "nowhere", "before the start",
    "after the end", "a wrapping end", "too long", "of no length", "a number in words", "more to say",
]  # fmt: skip
