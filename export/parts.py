"""Add trained parts to a bundle: the grounding network, the mask head, the path of a second sensor."""

from __future__ import annotations

from pathlib import Path

from edgetrack._imports import require
from edgetrack.bundle import MASK, PAIRS, Bundle
from edgetrack.export.staging import float_graphs
from edgetrack.export.watch import Watch


def add_grounder_of(folder: Path, source: Path, watch: Watch) -> None:
    """Add the grounding network of a checkpoint, which is a file, or of a bundle."""
    require("torch", extra="export")
    from edgetrack.export.grounder import add_grounder, copy_grounder

    if not _is_checkpoint(source):
        copy_grounder(folder, Bundle.open(str(source)))
        return
    for _ in watch([0], "exporting the grounding network and comparing it with PyTorch", 1):
        add_grounder(folder, source)


def add_masks_of(folder: Path, source: Path, watch: Watch) -> None:
    """Add the mask head of a checkpoint, which is a file, or of a bundle."""
    require("torch", extra="export")
    from edgetrack.export.mask import add_masks, copy_masks

    if not _is_checkpoint(source):
        copy_masks(folder, Bundle.open(str(source)))
    else:
        for _ in watch([0], "exporting the mask head and comparing it with PyTorch", 1):
            add_masks(folder, source)
    float_graphs(folder, (MASK,))  # remove other precisions of an older head


def add_sensor_of(folder: Path, checkpoint: Path, watch: Watch) -> None:
    """Add the path of a second sensor from a checkpoint."""
    require("torch", extra="export")
    from edgetrack.export.sensor import add_sensor

    for _ in watch([0], "exporting the second sensor's path and comparing it with PyTorch", 1):
        add_sensor(folder, checkpoint)
    float_graphs(folder, PAIRS)  # remove other precisions of an older path


def _is_checkpoint(source: Path) -> bool:
    return source.is_file() or source.suffix == ".pt"
