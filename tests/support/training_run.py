"""A folder in which ``edgetrack train tiny.toml`` runs: small trees of official data sets, random weights."""

from __future__ import annotations

import os
from pathlib import Path

import torch
import trees
from tokenizers import Tokenizer

import edgetrack
from edgetrack.network.network import EdgetrackNet
from edgetrack.network.text import CHECKPOINT, TOKENIZER, MiniLM
from edgetrack.training import checkpoint

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
RECIPE = """
name = "tiny"
data = ""
teachers = ""
text = "text"
output = "run"
initial = "initial.pt"
steps = {steps}
held_out = 0.15
search_side = 96
tracking_batch = 2
grounding_batch = 1
warmup_steps = 1
validate_steps = 2

[[datasets]]
name = "lasot"
path = "LaSOT"
split = "train"

[[datasets]]
name = "refcoco"
path = "RefCOCO"
split = "train"
weight = 0.5
"""


def random_text_encoder(folder: Path) -> None:
    """The shipped vocabulary with weights of no meaning."""
    folder.mkdir()
    shipped = Path(edgetrack.__file__).parent / "models" / "edgetrack-256" / "tokenizer.json"
    (folder / TOKENIZER).write_bytes(shipped.read_bytes())
    rows = Tokenizer.from_file(str(shipped)).get_vocab_size()
    torch.save(MiniLM(rows).state_dict(), folder / CHECKPOINT)


def prepare(folder: Path, steps: int = 2) -> None:
    """Write ``tiny.toml`` and all that it names."""
    torch.manual_seed(0)
    random_text_encoder(folder / "text")
    checkpoint.save(folder / "initial.pt", {"model": EdgetrackNet().state_dict(), "config": {}})
    trees.lasot(folder / "LaSOT", names=tuple(f"car-{i}" for i in range(1, 73)))
    trees.refcoco(folder / "RefCOCO")
    (folder / "tiny.toml").write_text(RECIPE.format(steps=steps))
