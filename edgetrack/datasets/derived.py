"""Simulation of a second sensor from color video, by simple models, because real pairs with boxes are rare.

``infrared``
    A silicon camera with a near-infrared filter and half the pixels: inverted brightness without color, blurred, with
    normal noise of 3 levels. In daylight it contains no information beyond color.
``thermal``
    Warmth: 190 levels for the target and 70 for everything else, by the masks of the data set, plus 30 % of the
    inverted brightness, a blur, and normal noise of 3 levels. Only the target is warm, so this is easier than a real
    scene.
``events``
    Red where the logarithm of the brightness rose by 0.2 or more since the previous frame, blue where it fell, on
    black (Gallego et al., TPAMI 2022, equation 2).

Each is computed from the clean color image, so it is not affected by perturbations of color.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgetrack.datasets.sequence import Frames, Pixels, Sequence
from edgetrack.errors import ConfigError
from edgetrack.io.opencv import load_cv2

_NOISE = 3.0  # levels
_WARM, _COLD, _MATERIAL = 190.0, 70.0, 0.3
_THRESHOLD = 0.2  # change of the logarithm of the brightness
_DARK = 8.0  # levels, added so that the logarithm of black is finite
Plane = NDArray[np.float32]
Masks = Callable[[int], NDArray[np.bool_]]


class _Moment(NamedTuple):
    light: Plane  # (H, W), 0..255
    before: Plane  # that of the previous frame; for the first frame, its own
    mask: NDArray[np.bool_] | None
    random: np.random.Generator


def _infrared(moment: _Moment) -> Pixels:
    cv2, (height, width) = load_cv2(), moment.light.shape
    small = cv2.resize(
        255 - moment.light, (max(width // 2, 1), max(height // 2, 1)), interpolation=cv2.INTER_AREA
    )
    small = cv2.GaussianBlur(small, (0, 0), 0.8) + _NOISE * moment.random.standard_normal(
        small.shape, np.float32
    )
    return _gray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def _thermal(moment: _Moment) -> Pixels:
    assert moment.mask is not None
    level = np.where(moment.mask, _WARM, _COLD).astype(np.float32)
    seen = load_cv2().GaussianBlur(level + _MATERIAL * (128 - moment.light), (0, 0), 1.5)
    return _gray(seen + _NOISE * moment.random.standard_normal(seen.shape, np.float32))


def _events(moment: _Moment) -> Pixels:
    blurred = [load_cv2().GaussianBlur(light, (0, 0), 0.8) for light in (moment.light, moment.before)]
    change = np.log(blurred[0] + _DARK) - np.log(blurred[1] + _DARK)
    shown = np.zeros((*change.shape, 3), np.uint8)
    shown[change >= _THRESHOLD] = (0, 0, 255)
    shown[change <= -_THRESHOLD] = (255, 0, 0)
    return shown


def _gray(values: NDArray[np.floating]) -> Pixels:
    return np.repeat(np.clip(values, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


MODELS: dict[str, Callable[[_Moment], Pixels]] = {
    "infrared": _infrared,
    "thermal": _thermal,
    "events": _events,
}


class DerivedFrames:
    """Simulated images of the second sensor; identical on every access.

    Args:
        frames: Color frames. They are read again, by a separate decoder.
        model: One of `MODELS`.
        masks: Masks of the target, for "thermal".
    """

    def __init__(self, frames: Frames, model: str, masks: Masks | None) -> None:
        self._frames, self._model, self._masks = copy.copy(frames), model, masks

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int, /) -> Pixels:
        index = range(len(self))[index]
        before = _light(self._frames[max(index - 1, 0)])
        return self._shown(index, _light(self._frames[index]), before)

    def __iter__(self) -> Iterator[Pixels]:
        before: Plane | None = None
        for index, pixels in enumerate(self._frames):
            light = _light(pixels)
            yield self._shown(index, light, light if before is None else before)
            before = light

    def _shown(self, index: int, light: Plane, before: Plane) -> Pixels:
        mask = self._masks(index) if self._masks is not None and self._model == "thermal" else None
        return MODELS[self._model](_Moment(light, before, mask, np.random.default_rng(index)))


def with_x(sequence: Sequence, model: str) -> Sequence:
    """Return the sequence with simulated images of a second sensor.

    Raises:
        ConfigError: The model is unknown or needs masks, or the sequence already has a second sensor.
    """
    if model not in MODELS:
        raise ConfigError(f"sensor model {model!r} is unknown; expected one of {', '.join(MODELS)}")
    if sequence.x is not None:
        raise ConfigError(
            f"sequence {sequence.name} already has images of a second sensor; expected color only, from "
            f"which {model} is simulated"
        )
    if model == "thermal" and sequence.masks is None:
        raise ConfigError(
            f"sequence {sequence.name} has no masks, from which temperature is simulated; expected davis, "
            "davis2016, youtube-vos or mose, or another model: "
            f"{', '.join(name for name in MODELS if name != model)}"
        )
    return replace(sequence, x=DerivedFrames(sequence.frames, model, sequence.masks))


def _light(pixels: Pixels) -> Plane:
    cv2 = load_cv2()
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.float32)
