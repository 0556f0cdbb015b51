"""One process of a run whose validation thaws a stage: ``torchrun ... thawing_rank.py FOLDER``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import torch
from training_samples import Sentences, held_out, random_trunk, recipe, squares

from edgetrack.network.trunk import MobileNetV2
from edgetrack.training import train

RANK = int(os.environ["RANK"])
figures = iter(
    (0.5, 0.5, 0.6, 0.7) if RANK == 0 else (0.5, 0.6, 0.7, 0.8)
)  # alone, the second would not thaw


def found(*_: Any) -> dict[str, float]:
    return {"tracking_iou": next(figures), "grounding_iou": 0.0}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    MobileNetV2.load_imagenet = random_trunk  # type: ignore[assignment,method-assign]
    train.validate = found  # type: ignore[assignment,attr-defined]
    samples = squares(level=250 - 100 * RANK)  # each process has samples of its own
    made = recipe(folder, steps=4, validate_steps=1, frozen_blocks=13, thaw_patience=1)
    run = train.Trainer(made, samples, Sentences(), held_out(samples))
    begun = {name: value.clone() for name, value in run.net.state_dict().items()}
    run.run()
    torch.save({"begun": begun, "live": run.net.state_dict()}, folder / f"rank{RANK}.pt")
    (folder / f"rank{RANK}.txt").write_text(str(run.net.frozen_blocks))
    torch.distributed.destroy_process_group()
