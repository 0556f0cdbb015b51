"""A bundle with the two graphs of OWLv2 that knows red and blue: what it answers is known."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WORDS = {"[UNK]": 0, "red": 1, "blue": 2, "car": 3}
QUERIES = [[0, 0, 0], [2, -2, -2], [-2, -2, 2], [0, 0, 0]]  # of each word, over red, green, blue
STEP, SIDE = 8, 64  # of the network's cells in pixels, and of its picture; a box is two cells wide


def write_tiny_owl(folder: Path, **manifest: Any) -> Path:
    """Writes the bundle; its boxes are a quarter of the square around the frame, at multiples of an eighth."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    folder.mkdir()

    def save(
        name: str, nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: dict[str, Any]
    ) -> Any:
        tensors = [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
        graph = helper.make_graph(nodes, name, inputs, outputs, tensors)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)

    info, node = helper.make_tensor_value_info, helper.make_node
    text = save(
        "text",
        [
            node("Gather", ["table", "ids"], ["rows"]),
            node("ReduceSum", ["rows", "one"], ["queries"], keepdims=0),
        ],
        [info("ids", TensorProto.INT64, ["n", 16])],
        [info("queries", TensorProto.FLOAT, ["n", 3])],
        {"table": np.array(QUERIES, np.float32), "one": np.array([1])},
    )
    tokenizer = {"version": "1.0", "model": {"type": "WordLevel", "vocab": WORDS, "unk_token": "[UNK]"}}
    tokenizer |= {"pre_tokenizer": {"type": "Whitespace"}, "added_tokens": []}
    helper.set_model_props(text, {"kind": "owlv2", "tokenizer": json.dumps(tokenizer)})
    places = np.arange(SIDE // STEP - 1)
    down, across = np.meshgrid(places, places, indexing="ij")
    corners = np.stack([across.ravel(), down.ravel()], 1) * STEP / SIDE
    size = np.full_like(corners, 2 * STEP / SIDE)
    detect = save(
        "detect",
        [
            node("Conv", ["image", "means"], ["cells"], name="cells", strides=[STEP] * 2),
            node("Reshape", ["cells", "flat"], ["colors"]),
            node("MatMul", ["queries", "colors"], ["fits"]),
            node("Transpose", ["fits"], ["turned"], perm=[0, 2, 1]),
            node("Sub", ["turned", "six"], ["logits"]),
            node("Identity", ["places"], ["boxes"]),
        ],
        [info("image", TensorProto.FLOAT, [1, 3, SIDE, SIDE]), info("queries", TensorProto.FLOAT, ["n", 3])],
        [info("logits", TensorProto.FLOAT, [1, "p", "n"]), info("boxes", TensorProto.FLOAT, [1, "p", 4])],
        {
            "means": np.eye(3, dtype=np.float32)[..., None, None].repeat(2 * STEP, 2).repeat(2 * STEP, 3)
            / (2 * STEP) ** 2,
            "flat": np.array([1, 3, -1]),
            "six": np.float32(6),
            "places": np.concatenate([corners + size / 2, size], 1).astype(np.float32)[None],
        },
    )
    files = {}
    for name, model in (("text", text), ("detect", detect)):
        onnx.checker.check_model(model)
        content = model.SerializeToString()
        (folder / f"{name}.onnx").write_bytes(content)
        files[name] = {"path": f"{name}.onnx", "sha256": hashlib.sha256(content).hexdigest()}
    about = {"name": "tiny-owl", "version": "1", "adapter": "owlv2", "modes": ["nl"], "graphs": list(files)}
    about |= {"schema": 2, "kind": "adapter", "files": files, **manifest}
    (folder / "manifest.json").write_text(json.dumps(about))
    return folder


def picture(place: tuple[int, int] | None, color: tuple[int, int, int] = (20, 20, 230)) -> NDArray[np.uint8]:
    """A frame of 256 x 256 pixels with a square of 64 pixels at a place."""
    frame = np.random.default_rng(3).integers(60, 120, (256, 256, 3)).astype(np.uint8)
    if place is not None:
        x, y = place
        frame[y : y + 64, x : x + 64] = color
        frame[y + 16 : y + 24, x + 8 : x + 56] = (40, 40, 120)
    return frame
