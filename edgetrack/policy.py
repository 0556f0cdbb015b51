"""The thresholds of the state machine: when a prediction counts as the target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from edgetrack.errors import BundleError


@dataclass(frozen=True, slots=True)
class Policy:
    """Parameters of the state machine. Scores are 0..1; a bundle overrides defaults in the manifest's ``thresholds``.

    The defaults of the C++ interface are in ``runtime_cpp/include/edgetrack/tracker.h``; a test compares them.
    """

    detect_threshold: float = 0.60
    """Score from which a find in the whole frame is tracked at once."""
    candidate_threshold: float = 0.10
    """Score from which a find in the whole frame is shown as uncertain."""
    confirm_score_sum: float = 1.0
    """Sum of the scores of consecutive candidates at one position from which they are tracked."""
    track_threshold: float = 0.05
    """While following: score below which the track is uncertain."""
    update_threshold: float = 0.02
    """While following: score below which the box is not moved."""
    max_uncertain_frames: int = 12
    """Consecutive uncertain frames after which the target is lost."""
    reverify_interval: int = 6
    """Frames between two checks of the whole frame against the text; 0 for none."""
    switch_evidence: float = 1.5
    """Accumulated evidence that the text means another object, from which that object is followed."""
    refit_iou: float = 0.6
    """IoU with a check's find at the same position below which the find replaces the box."""
    template_update_interval: int = 5
    """Frames between two updates of the visual prompts from the current frame; 0 for none."""
    template_update_threshold: float = 0.6
    """Score from which a frame may update the visual prompts."""
    window_influence: float = 0.40
    """Weight of the cosine window while following, 0..1."""
    penalty_k: float = 0.08
    """Strength of the penalty on a sudden change of scale or aspect ratio."""
    size_momentum: float = 0.35
    """Fraction of the previous size that is kept in each frame, 0..1."""
    uncertainty_expansion: float = 1.0
    """Relative growth of the search region when the target is about to be lost."""
    velocity_expansion: float = 0.25
    """Relative growth of the search region for a target that moves by its own size per frame; both growths together are
    at most 1."""
    max_coasted_frames: int = 3
    """Consecutive frames that may be extrapolated to meet a deadline."""
    max_reused_frames: int = 5
    """Consecutive frames that may reuse the last box because the scene is static."""
    static_min_runs: int = 3
    """Consecutive inferences at one position before a box may be reused."""
    static_iou: float = 0.9
    """IoU of two boxes from which they count as one position."""
    static_max_diff: float = 4.0
    """Mean difference of a block of the search region, in gray levels of 255, up to which it counts as unchanged."""
    search_latency: int = 1
    """Frames from a whole-frame search to the use of its result while no target is followed."""
    reverify_latency: int = 1
    """Frames from a whole-frame check to the use of its result while a target is followed."""

    @classmethod
    def of(cls, thresholds: Mapping[str, float]) -> Policy:
        """Return the defaults, overridden by the bundle's thresholds.

        Raises:
            BundleError: The bundle names a number that this version does not know, or a count of frames that is not
                a whole number from 0 to 2**30.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(thresholds) - known):
            raise BundleError(
                f"the manifest has unknown thresholds {', '.join(unknown)}; expected {', '.join(sorted(known))}: "
                "run pip install -U edgetrack"
            )
        for field in fields(cls):
            value = thresholds.get(field.name, 0)
            if isinstance(field.default, int) and not (0 <= value <= 1 << 30 and value == int(value)):
                raise BundleError(
                    f"the manifest has the threshold {field.name} {value}; expected a whole number of frames: "
                    "export the bundle again"
                )
        kinds: dict[str, Any] = {field.name: type(field.default) for field in fields(cls)}
        return cls(**{name: kinds[name](value) for name, value in thresholds.items()})
