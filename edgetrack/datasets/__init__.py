"""Readers of the official layouts of tracking and grounding data sets, for training and evaluation.

    from edgetrack.datasets import open_dataset

    for sequence in open_dataset("lasot", "/data/LaSOT", "test"):
        sequence.name, sequence.text, sequence.boxes  # (N, 4) xywh in pixels, nan where the target is absent
        sequence.frames[0]  # uint8 (H, W, 3) BGR, read now

``edgetrack dataset check lasot /data/LaSOT test`` checks a data set and reports every fault with its file and line.
"""

from edgetrack.datasets.phrases import Phrase, PhraseSet
from edgetrack.datasets.registry import LAYOUTS, open_dataset
from edgetrack.datasets.sequence import Frames, ImageFrames, Sequence, VideoFrames
from edgetrack.datasets.sets import Region, RegionSet, SequenceSet

__all__ = [
    "LAYOUTS",
    "Frames",
    "ImageFrames",
    "Phrase",
    "PhraseSet",
    "Region",
    "RegionSet",
    "Sequence",
    "SequenceSet",
    "VideoFrames",
    "open_dataset",
]
