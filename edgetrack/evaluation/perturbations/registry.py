"""All perturbations by name."""

from __future__ import annotations

from collections.abc import Sequence

from edgetrack.datasets import Sequence as Clip
from edgetrack.errors import ConfigError
from edgetrack.evaluation.perturbations.base import Chain, Perturbation, rng_for
from edgetrack.evaluation.perturbations.corruptions import EFFECTS, Corruption
from edgetrack.evaluation.perturbations.occlusion import BURST_LENGTHS, Occlusion, texture
from edgetrack.evaluation.perturbations.sensors import SensorFailure
from edgetrack.evaluation.perturbations.temporal import FrameDrop, Freeze, InitJitter, RandomDrop, RealTime
from edgetrack.evaluation.types import CLEAN, FAILURES, OCCLUSION, PROTOCOL, REAL_TIME, SWITCH, Condition

SEVERITIES = (1, 2, 3)
DEFAULT_DRAWS = 10  # random draws of a perturbed first box
# Several corruptions at once, ordered from the scene to the sensor.
COMPOSITES = {
    "low-light+motion-blur": ("motion-blur", "low-light"),
    "fog+noise": ("fog", "gaussian-noise"),
    "defocus+noise": ("defocus", "gaussian-noise"),
    "occlusion+low-light+noise": (OCCLUSION, "low-light", "gaussian-noise"),
}
CORRUPTIONS = (*EFFECTS, "frame-drop", "random-drop", "freeze", "init-jitter", *COMPOSITES)


def conditions(
    *,
    occlusion: bool = False,
    switch: bool = False,
    corruptions: Sequence[str] = (),
    real_time: Sequence[int] = (),
    severities: Sequence[int] = SEVERITIES,
    draws: int = DEFAULT_DRAWS,
    failures: Sequence[str] = (),
) -> list[Condition]:
    """Return the clean condition, each frame rate, the prompt switch, and each requested corruption at each severity.

    ``draws`` is the number of random first boxes of init-jitter. ``failures`` are failures of pairs of sensors, by name
    or by group: "protocol", "color", "x".

    Raises:
        ConfigError: a corruption or failure is unknown.
    """
    if unknown := [name for name in corruptions if name not in CORRUPTIONS]:
        raise ConfigError(f"corruption {unknown[0]!r} is unknown; expected one of {', '.join(CORRUPTIONS)}")
    names = [*([OCCLUSION] if occlusion else []), *dict.fromkeys(corruptions)]
    found = [CLEAN, *(Condition(REAL_TIME, fps) for fps in dict.fromkeys(real_time))]
    found += [Condition(SWITCH)] if switch else []
    for name in names:
        times = draws if name == "init-jitter" else 1
        found += [Condition(name, level, draw) for level in sorted(set(severities)) for draw in range(times)]
    for name in failures_of(failures):
        levels = sorted(set(severities)) if len(FAILURES[name]) > 1 else [1]
        found += [Condition(name, level) for level in levels]
    return found


def failures_of(asked: Sequence[str]) -> list[str]:
    """Return the failures for a list of names and groups, without duplicates.

    Raises:
        ConfigError: a name is unknown.
    """
    groups = {
        "protocol": PROTOCOL,
        **{side: tuple(name for name in FAILURES if name.startswith(f"{side}-")) for side in ("x", "color")},
    }
    if unknown := [name for name in asked if name not in FAILURES and name not in groups]:
        raise ConfigError(
            f"failure {unknown[0]!r} is unknown; expected one of {', '.join((*groups, *FAILURES))}"
        )
    return list(dict.fromkeys(one for name in asked for one in groups.get(name, (name,))))


def open_perturbation(
    condition: Condition, clip: Clip, *, clips: Sequence[Clip], seed: int, corrupt_init: bool = False
) -> Perturbation:
    """Return the perturbation of a sequence; deterministic, with the same random draws at all severities.

    Args:
        clips: all sequences of the dataset, because occlusions take their texture from another one.
        corrupt_init: whether images are perturbed from the first frame on.
    """
    name, severity = condition.name, condition.severity
    if name in COMPOSITES:
        parts = [Condition(part, severity) for part in COMPOSITES[name]]
        return Chain(
            [open_perturbation(p, clip, clips=clips, seed=seed, corrupt_init=corrupt_init) for p in parts]
        )
    rng = rng_for(seed, clip.name, name, *([str(condition.draw)] if condition.draw else []))
    if name == OCCLUSION:
        image = texture(clips, clip, seed=seed)
        return Occlusion(clip.boxes, length=BURST_LENGTHS[severity - 1], image=image, rng=rng)
    if name in FAILURES:
        return SensorFailure(name, severity, rng=rng, first=corrupt_init)
    if name in EFFECTS:
        return Corruption(name, severity, rng=rng, first=corrupt_init)
    if name in ("frame-drop", REAL_TIME):
        return FrameDrop(severity) if name == "frame-drop" else RealTime(severity)
    timed = {"random-drop": RandomDrop, "freeze": Freeze, "init-jitter": InitJitter}
    return timed[name](severity, rng) if name in timed else Perturbation()
