"""Measure the contribution of the mask memory: write bundles whose graph "mask" remembers less, to be evaluated.

python benchmarks/masks_memory.py edgetrack-256 FOLDER   # writes FOLDER/none, FOLDER/first and FOLDER/last
edgetrack eval davis2016 DAVIS --split val --mask given --tracker edgetrack --tracker edgetrack:FOLDER/none \
    --tracker edgetrack:FOLDER/first --tracker edgetrack:FOLDER/last

The slots in use are an input of the graph, (1, 2); the bundles modify that input inside the graph. With "last", the
first frame is used until there is another.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgetrack.bundle import MASK, Bundle
from edgetrack.export.staging import copy_bundle, write_manifest

# known' = known * (factor + known @ other): a slot may depend on the other slot not being in use.
MEMORIES = {
    "none": ([0, 0], [[0, 0], [0, 0]]),
    "first": ([1, 0], [[0, 0], [0, 0]]),
    "last": ([1, 1], [[0, 0], [-1, 0]]),
}


def forgetful(model: onnx.ModelProto, factor: list[int], other: list[list[int]]) -> onnx.ModelProto:
    """Change which slots of the memory the graph uses."""
    graph = model.graph
    for node in graph.node:
        node.input[:] = ["kept" if name == "known" else name for name in node.input]
    for name, value in (("factor", [factor]), ("other", other)):
        graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), name))
    nodes = [
        helper.make_node("MatMul", ["known", "other"], ["seen"], name="seen"),
        helper.make_node("Add", ["seen", "factor"], ["share"], name="share"),
        helper.make_node("Mul", ["known", "share"], ["kept"], name="kept"),
    ]
    for node in reversed(nodes):
        graph.node.insert(0, node)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", help="bundle with masks")
    parser.add_argument("folder", type=Path, help="where the new bundles go")
    options = parser.parse_args()
    bundle = Bundle.open(options.model)
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, (factor, other) in MEMORIES.items():
        copy_bundle(bundle, options.folder / name, keep=bundle.manifest.precisions)
        copied = Bundle.open(options.folder / name)
        file = copied.path(MASK)
        model = forgetful(onnx.load(str(file), load_external_data=False), factor, other)
        file.write_bytes(model.SerializeToString(deterministic=True))
        onnx.checker.check_model(str(file))
        write_manifest(options.folder / name, copied.manifest, files={MASK: file.name})
        print(options.folder / name)


if __name__ == "__main__":
    main()
