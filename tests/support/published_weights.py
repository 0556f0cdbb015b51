"""Checkpoints of published trackers, small or in their full size, whose weights follow from names and shapes."""

from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHARED = Path(os.environ["EDGETRACK_DATA"]).parent / "fixtures"  # not in the repository
LETTERS = [chr(ord("a") + n) for n in range(26)]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *LETTERS, *(f"##{letter}" for letter in LETTERS)]


def closed_form(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The weights that the reference outputs of UVLTrack were made with."""
    random = np.random.RandomState(zlib.crc32(name.encode()) & 0x7FFFFFFF).standard_normal(shape)
    if name.endswith("logit_scale"):
        return np.full(shape, math.log(1 / 0.07), np.float32)
    if name.endswith("running_mean"):
        return (0.1 * random).astype(np.float32)
    if name.endswith("running_var"):
        return (1 + 0.1 * np.abs(random)).astype(np.float32)
    if len(shape) == 1:
        return (1 + 0.1 * random if name.endswith("weight") else 0.02 * random).astype(np.float32)
    if (len(shape) == 2 and "embed" in name) or "token" in name or "pos_embed" in name:
        return (0.02 * random).astype(np.float32)
    return (random / math.sqrt(math.prod(shape[1:]))).astype(np.float32)


def small_uvltrack(template: int = 4, search: int = 8) -> dict[str, Any]:
    """The tensors of UVLTrack with 64 channels and four layers; its boxes are as large as what they are made of."""
    import torch

    from edgetrack.peers.uvltrack.network import Config, UVLTrack

    config = Config(64, 4, 2, 128, 200, template=template, search=search, head=32)
    tensors: dict[str, Any] = {}
    for name, own in UVLTrack(config).state_dict().items():
        tensors[name] = torch.from_numpy(np.asarray(closed_form(name, tuple(own.shape)))).to(own.dtype)
    for part in ("conv_bbox", "conv_bbox_grounding"):
        tensors[f"box_head.{part}.4.bias"] -= 1.1  # a quarter of the search region
    for name, unused in {"backbone.vit.norm.weight": (64,), "box_head.prompter.q.weight": (64, 64)}.items():
        tensors[name] = torch.zeros(unused)  # which the published files have, too
    return tensors


def small_litetrack(keep: int = 24) -> Any:
    """LiteTrack with the weights of `small_uvltrack`, and in what it has beside them closed-form ones that count."""
    import torch

    from edgetrack.peers.litetrack.network import LiteTrack
    from edgetrack.peers.uvltrack.network import Config

    weights = small_uvltrack()
    network = LiteTrack(Config.of({name: tuple(value.shape) for name, value in weights.items()}), keep)
    for name, own in network.state_dict().items():
        if name not in weights and own.ndim:
            weights[name] = torch.from_numpy(closed_form(name, tuple(own.shape)))
    own = network.state_dict()
    network.load_state_dict({name: weights.get(name, value) for name, value in own.items()})
    return network.eval()


def write_small_sdstrack(folder: Path) -> Path:
    """A checkpoint of SDSTrack with 64 channels, and all twelve blocks; returns its path."""
    import torch

    from edgetrack.peers.sdstrack.network import Config, SDSTrack

    state = SDSTrack(Config(64, 12, template=4, search=8, head=32)).state_dict()
    tensors = {
        name: torch.from_numpy(np.asarray(closed_form(name, tuple(v.shape)))) for name, v in state.items()
    }
    tensors["box_head.conv5_size.bias"] -= 1.1  # a quarter of the search region
    tensors["backbone.cls_token"] = torch.zeros(1, 1, 64)  # which the published files have, and nobody reads
    torch.save({"net": tensors, "epoch": 40}, folder / "SDSTrack.pth.tar")
    return folder / "SDSTrack.pth.tar"


def small_sutrack(width: int = 64) -> dict[str, Any]:
    """The tensors of SUTrack with two blocks of attention; with a width of 448 it has two templates."""
    from edgetrack.peers.sutrack.config import Config

    config = Config(width, (1, 1), 2, 8, 32, 64, 2, 48, 300)
    tensors = sutrack_weights(config)
    tensors["decoder.conv5_size.bias"] -= 1.1  # a quarter of the search region
    return tensors


def sutrack_weights(config: Any) -> dict[str, Any]:
    """Closed-form tensors of SUTrack, in which attention counts, beside some that only the published files have."""
    import torch

    from edgetrack.peers.sutrack.network import SUTrack

    state = SUTrack(config).state_dict()
    tensors = {}
    for name, own in state.items():
        value = torch.from_numpy(np.asarray(closed_form(name, tuple(own.shape))))
        tensors[name] = (value + 0.5 if "gamma" in name else value).to(own.dtype)
    for name, shape in {
        "task_decoder.layers.0.weight": (256, config.width),
        "text_encoder.norm1.bias": (48,),
    }.items():
        tensors[name] = torch.zeros(shape)
    return tensors


def write_small_sutrack(folder: Path) -> Path:
    """A checkpoint of SUTrack; returns its path."""
    import torch

    torch.save({"net": small_sutrack(), "epoch": 180}, folder / "SUTRACK_ep0180.pth.tar")
    return folder / "SUTRACK_ep0180.pth.tar"


def small_tokenizer(tokenizers: Any) -> str:
    """The tokenizer.json of 300 words, with CLIP's beginning and end of a sentence, that fits ``small_sutrack``."""
    known = {"red": 3, "big": 17, "car": 200, "<|startoftext|>": 298, "<|endoftext|>": 299}
    words = {f"word{n}": n for n in range(300) if n not in known.values()} | known
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="word0"))
    made.normalizer = tokenizers.normalizers.Lowercase()
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="<|startoftext|> $A <|endoftext|>",
        special_tokens=[("<|startoftext|>", 298), ("<|endoftext|>", 299)],
    )
    return str(made.to_str())


def write_small_uvltrack(folder: Path, **cells: int) -> tuple[Path, Path]:
    """A checkpoint of ``small_uvltrack`` and a vocabulary; returns their paths."""
    import torch

    checkpoint, vocabulary = folder / "UVLTrack_ep0300.pth.tar", folder / "vocab.txt"
    torch.save({"net": small_uvltrack(**cells), "epoch": 300}, checkpoint)
    pieces = [*VOCABULARY, *(f"unused{n}" for n in range(200 - len(VOCABULARY)))]
    vocabulary.write_text("\n".join(pieces) + "\n")
    return checkpoint, vocabulary


def make_folder(transformers: Any, kind: str, folder: Path) -> Any:
    """A small model with random weights as its own class saves it, beside a tokenizer and a card; returns the model."""
    import torch

    letters = [chr(code) for code in range(33, 127)] + [chr(code) for code in range(161, 256)]
    pieces = [
        *letters,
        *(f"{letter}</w>" for letter in letters),
        "re",
        "red</w>",
        "<|startoftext|>",
        "<|endoftext|>",
    ]
    begin, end = len(pieces) - 2, len(pieces) - 1
    layers = {"num_hidden_layers": 2, "num_attention_heads": 4}
    text = {
        "vocab_size": len(pieces),
        "hidden_size": 24,
        "intermediate_size": 48,
        "max_position_embeddings": 16,
    }
    text |= {"bos_token_id": begin, "eos_token_id": end, "pad_token_id": 0}
    vision = {"hidden_size": 32, "intermediate_size": 64, "image_size": 64, "patch_size": 16}
    name = "Owlv2" if kind == "owlv2" else "OwlViT"
    config = getattr(transformers, f"{name}Config").from_dict(
        {"projection_dim": 24, "text_config": text | layers, "vision_config": vision | layers}
    )
    torch.manual_seed(0)
    network = getattr(transformers, f"{name}ForObjectDetection")(config).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.2)
    network.save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({piece: n for n, piece in enumerate(pieces)}))
    (folder / "merges.txt").write_text("#version: 0.2\nr e\nre d</w>\n")
    (folder / "README.md").write_text("---\nlicense: apache-2.0\ntags:\n- vision\n---\n\n# A small model\n")
    return network


def moving_patch(frames: int = 8) -> Iterator[NDArray[np.uint8]]:
    """Frames of 150 x 97 pixels: a patch of 37 x 29 moves from (60, 45) over a ground of squares."""
    random = np.random.default_rng(7)
    ground = random.integers(0, 256, (13, 19, 3)).repeat(8, 0).repeat(8, 1)[:97, :150].astype(np.uint8)
    patch = random.integers(0, 256, (29, 37, 3)).astype(np.uint8)
    for index in range(frames):
        frame = ground.copy()
        part = frame[45 + 3 * index :, 60 + 7 * index :][:29, :37]
        part[:] = patch[: part.shape[0], : part.shape[1]]
        yield frame


def reference(name: str) -> Mapping[str, NDArray[Any]]:
    """Inputs and outputs of a published network; skips the test where they are not here."""
    import pytest

    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"the reference outputs are not here: {path} does not exist")
    with np.load(path) as archive:
        return {key: archive[key] for key in archive.files}
