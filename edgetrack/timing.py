"""The time spent on a frame, by stage."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Time spent in one ``start`` or ``update``, in milliseconds.

    Attributes:
        crop: Cropping the search region into the network's input.
        network: Inference of the network.
        other: Decoding, motion, state machine.
    """

    crop: float
    """Cropping the search region into the network's input; 0 for frames in GPU memory, where inference includes it."""
    network: float
    """Inference of the network."""
    other: float
    """Decoding, motion, state machine."""

    @property
    def total(self) -> float:
        """The sum of all parts."""
        return self.crop + self.network + self.other


def timing_of(seconds: tuple[float, float, float]) -> Timing:
    """Convert the seconds of crop, network and total."""
    crop_s, network_s, total_s = seconds
    return Timing(crop_s * 1e3, network_s * 1e3, (total_s - crop_s - network_s) * 1e3)
