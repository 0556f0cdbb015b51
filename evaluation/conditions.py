"""From the name of a disturbance to the stream that applies it."""

from __future__ import annotations

from edgetrack.evaluation.occlusion import LENGTHS, Occlusion, texture
from edgetrack.evaluation.sequences import Sequence
from edgetrack.evaluation.streams import Condition, Stream, generator

SEVERITIES = (1, 2, 3)


def conditions(*, occlusion: bool) -> list[Condition]:
    """The clean pass, and what else is asked for."""
    names = ["occlusion"] if occlusion else []
    return [Condition(), *(Condition(name, severity) for name in names for severity in SEVERITIES)]


def open_stream(condition: Condition, clip: Sequence, *, clips: list[Sequence], seed: int) -> Stream:
    """The stream of a sequence; the same at every call.

    Args:
        clips: all of the data set: occlusions take their texture from another one.
    """
    if condition.name == "occlusion":
        return Occlusion(
            clip.truth,
            length=LENGTHS[condition.severity - 1],
            picture=texture(clips, clip, seed=seed),
            rng=generator(seed, clip.name, "occlusion"),
        )
    return Stream()
