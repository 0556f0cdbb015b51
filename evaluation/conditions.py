"""From the name of a disturbance to the stream that applies it."""

from __future__ import annotations

from collections.abc import Sequence

from edgetrack.errors import ConfigError
from edgetrack.evaluation.corruptions import EFFECTS, Corruption
from edgetrack.evaluation.occlusion import LENGTHS, Occlusion, texture
from edgetrack.evaluation.sequences import Sequence as Clip
from edgetrack.evaluation.streams import CLEAN, REAL_TIME, Condition, Stream, generator
from edgetrack.evaluation.timing import FrameDrop, Freeze, InitJitter, RandomDrop, RealTime

SEVERITIES = (1, 2, 3)
CORRUPTIONS = (*EFFECTS, "frame-drop", "random-drop", "freeze", "init-jitter")


def conditions(
    *, occlusion: bool = False, corruptions: Sequence[str] = (), real_time: Sequence[int] = ()
) -> list[Condition]:
    """The clean pass, each frame rate, and each disturbance asked for at each severity.

    Raises:
        ConfigError: an unknown corruption.
    """
    if unknown := [name for name in corruptions if name not in CORRUPTIONS]:
        raise ConfigError(f"corruption {unknown[0]!r} is unknown; expected one of {', '.join(CORRUPTIONS)}")
    names = [*(["occlusion"] if occlusion else []), *dict.fromkeys(corruptions)]
    rates = [Condition(REAL_TIME, fps) for fps in dict.fromkeys(real_time)]
    return [CLEAN, *rates, *(Condition(name, severity) for name in names for severity in SEVERITIES)]


def open_stream(
    condition: Condition, clip: Clip, *, clips: list[Clip], seed: int, corrupt_init: bool = False
) -> Stream:
    """The stream of a sequence; the same at every call, and drawn alike at all severities.

    Args:
        clips: all of the data set: occlusions take their texture from another one.
        corrupt_init: whether pictures are disturbed from the first frame on.
    """
    name, severity = condition.name, condition.severity
    rng = generator(seed, clip.name, name)
    if name == "occlusion":
        picture = texture(clips, clip, seed=seed)
        return Occlusion(clip.truth, length=LENGTHS[severity - 1], picture=picture, rng=rng)
    if name in EFFECTS:
        return Corruption(name, severity, rng=rng, first=corrupt_init)
    if name in ("frame-drop", REAL_TIME):
        return FrameDrop(severity) if name == "frame-drop" else RealTime(severity)
    timed = {"random-drop": RandomDrop, "freeze": Freeze, "init-jitter": InitJitter}
    return timed[name](severity, rng) if name in timed else Stream()
