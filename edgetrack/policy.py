"""When a prediction counts as the target: the thresholds of the state machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgetrack._native import runtime

_DEFAULTS: dict[str, Any] = runtime.policy({})  # of runtime_cpp/include/edgetrack/tracker.h


@dataclass(frozen=True, slots=True)
class Policy:
    """Numbers of the state machine. Scores are 0..1; a bundle may bring its own in the manifest's ``thresholds``.

    The defaults are those of C++.
    """

    # A whole-frame find this sure is tracked at once.
    detect_threshold: float = _DEFAULTS["detect_threshold"]
    # One this sure is shown as uncertain.
    candidate_threshold: float = _DEFAULTS["candidate_threshold"]
    # Sum of the scores of candidates in a row at one place from which they are tracked.
    confirm_score_sum: float = _DEFAULTS["confirm_score_sum"]
    # Following: below this the track is uncertain.
    track_threshold: float = _DEFAULTS["track_threshold"]
    # Following: below this the box is not moved.
    update_threshold: float = _DEFAULTS["update_threshold"]
    # Uncertain frames in a row before the target is lost.
    max_uncertain_frames: int = _DEFAULTS["max_uncertain_frames"]
    # Frames between two checks of the whole frame by the sentence; 0: never.
    reverify_interval: int = _DEFAULTS["reverify_interval"]
    # Evidence that the sentence means something else from which that is followed.
    switch_evidence: float = _DEFAULTS["switch_evidence"]
    # IoU with a check's find at the same place below which that find is taken.
    refit_iou: float = _DEFAULTS["refit_iou"]
    # Frames between two renewals of the prompts by what is seen; 0: never.
    template_update_interval: int = _DEFAULTS["template_update_interval"]
    # Score from which a frame may renew them.
    template_update_threshold: float = _DEFAULTS["template_update_threshold"]
    # Weight of the cosine window while following.
    window_influence: float = _DEFAULTS["window_influence"]
    # On a sudden change of shape.
    penalty_k: float = _DEFAULTS["penalty_k"]
    # Share of the old size that is kept each frame.
    size_momentum: float = _DEFAULTS["size_momentum"]
    # Growth of the search region, as a share, when the target is about to be lost.
    uncertainty_expansion: float = _DEFAULTS["uncertainty_expansion"]
    # The same for a target that moves by its own size in a frame; together 1 at most.
    velocity_expansion: float = _DEFAULTS["velocity_expansion"]
    # Frames in a row that may coast when the deadline is short.
    max_coasted_frames: int = _DEFAULTS["max_coasted_frames"]
    # Frames in a row whose box may be the last one because nothing has changed.
    max_reused_frames: int = _DEFAULTS["max_reused_frames"]
    # Runs of the network in a row at one place before that.
    static_min_runs: int = _DEFAULTS["static_min_runs"]
    # IoU of two boxes from which they are at one place.
    static_iou: float = _DEFAULTS["static_iou"]
    # Mean difference of a block of the search region, of 0..255, that is no change.
    static_max_diff: float = _DEFAULTS["static_max_diff"]
    # Frames from a look at the whole frame to its answer, while nothing is followed.
    search_latency: int = _DEFAULTS["search_latency"]
    # The same beside following, where it is worked on meanwhile.
    reverify_latency: int = _DEFAULTS["reverify_latency"]

    @classmethod
    def of(cls, thresholds: Mapping[str, float]) -> Policy:
        """Return the defaults, overridden by the bundle's thresholds.

        Raises:
            BundleError: The bundle names a number that this version does not know, or a count of frames that is not a
                whole number from 0 to 2**30.
        """
        return cls(**runtime.policy(thresholds))
