"""Grounding DINO made small: a folder with random weights as transformers saves it, a bundle with known answers."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

SIDE, QUEUE = 128, 20  # of the picture in pixels, and boxes that the network gives
LONGEST = 64  # tokens
# Where bert-base-uncased has them: the network knows the ends of phrases by their numbers.
_SPECIAL = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 1012: ".", 1029: "?"}
_WORDS = ["red", "car", "dog", "a", "the", "left", "of", "s", "t", "r", "##ra", "##ss", "##e", "'", "7", "!"]


def write_tokens(folder: Path) -> None:
    """vocab.txt and preprocessor_config.json."""
    pieces = [_SPECIAL.get(n, f"[unused{n}]") for n in range(1100)]
    pieces[1040 : 1040 + len(_WORDS)] = _WORDS
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    (folder / "preprocessor_config.json").write_text(
        json.dumps({"size": {"shortest_edge": SIDE, "longest_edge": 213}})
    )


def config() -> dict[str, Any]:
    """The values of the configuration."""
    swin = {
        "model_type": "swin",
        "image_size": SIDE,
        "embed_dim": 16,
        "depths": [1, 1, 2, 1],
        "window_size": 4,
    }
    swin |= {"num_heads": [1, 2, 2, 4], "out_features": ["stage2", "stage3", "stage4"]}
    bert = {"model_type": "bert", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    bert |= {"intermediate_size": 48, "vocab_size": 1100, "max_position_embeddings": LONGEST}
    values = {"d_model": 64, "num_queries": QUEUE, "max_text_len": LONGEST}
    values |= dict.fromkeys(("encoder_layers", "decoder_layers"), 2)
    values |= dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), 48)
    values |= dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 4)
    return {"backbone_config": swin, "text_config": bert, **values}


def write_dino_folder(transformers: Any, folder: Path) -> Any:
    """Writes the folder; returns the official network with its own attention."""
    import torch

    torch.manual_seed(0)
    network = transformers.GroundingDinoForObjectDetection(
        transformers.GroundingDinoConfig.from_dict(config())
    )
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.1)
    network.save_pretrained(folder)
    write_tokens(folder)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n\n# A small model\n")
    return network.eval()


def write_dino_bundle(folder: Path) -> Path:
    """Writes two graphs that know "red" and "car".

    Of the two boxes that it gives, one fits "red", one "car"; both lie in the frame's upper left quarter.
    """
    from onnx import TensorProto, helper, numpy_helper

    from edgetrack.peers.dino.graphs import tokenizer_of

    folder.mkdir()
    write_tokens(folder)
    info, node = helper.make_tensor_value_info, helper.make_node

    def save(
        name: str, nodes: list[Any], inputs: list[Any], outputs: list[Any], given: dict[str, Any]
    ) -> Any:
        tensors = [numpy_helper.from_array(np.asarray(value), key) for key, value in given.items()]
        graph = helper.make_graph(nodes, name, inputs, outputs, tensors)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)

    table = np.full((1100, 2), -1.5, np.float32)
    table[1040], table[1041] = (3, -2), (-2, 2)
    masks = [
        info("together", TensorProto.BOOL, [1, "t", "t"]),
        info("positions", TensorProto.INT64, [1, "t"]),
    ]
    ids, words = info("ids", TensorProto.INT64, [1, "t"]), info("words", TensorProto.FLOAT, [1, "t", 2])
    text = save(
        "text", [node("Gather", ["table", "ids"], ["words"])], [ids, *masks], [words], {"table": table}
    )
    picture = [
        info("image", TensorProto.FLOAT, [1, 3, 64, 64]),
        info("visible", TensorProto.FLOAT, [1, 64, 64]),
    ]
    places = np.array([[[0.25, 0.25, 0.1, 0.2], [0.125, 0.25, 0.05, 0.1]]], np.float32)
    detect = save(
        "detect",
        [node("Transpose", ["words"], ["logits"], perm=[0, 2, 1]), node("Identity", ["places"], ["boxes"])],
        [*picture, words, *masks],
        [info("logits", TensorProto.FLOAT, [1, 2, "t"]), info("boxes", TensorProto.FLOAT, [1, 2, 4])],
        {"places": places},
    )
    known = {"kind": "groundingdino", "tokenizer": tokenizer_of(folder), "longest": str(LONGEST)}
    helper.set_model_props(text, known)
    files = {}
    for name, model in (("text", text), ("detect", detect)):
        content = model.SerializeToString()
        (folder / f"{name}.onnx").write_bytes(content)
        files[name] = {"path": f"{name}.onnx", "sha256": hashlib.sha256(content).hexdigest()}
    about = {"name": "tiny-dino", "version": "1", "adapter": "groundingdino", "modes": ["nl"]}
    about |= {"graphs": list(files), "schema": 2, "kind": "adapter", "files": files}
    (folder / "manifest.json").write_text(json.dumps(about))
    return folder
