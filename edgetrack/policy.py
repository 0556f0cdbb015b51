"""The thresholds of the state machine: when a prediction counts as the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgetrack._native import runtime
from edgetrack.types import Candidate

_DEFAULTS: dict[str, Any] = runtime.policy({})


@dataclass(frozen=True, slots=True)
class Policy:
    """Parameters of the state machine. Scores are 0..1; a bundle overrides defaults in the manifest's ``thresholds``.

    The defaults are those of the C++ interface, in ``runtime_cpp/include/edgetrack/tracker.h``.
    """

    detect_threshold: float = _DEFAULTS["detect_threshold"]
    """Score from which a detection in the whole frame is tracked immediately, if the target was given by a box."""
    text_detect_threshold: float = _DEFAULTS["text_detect_threshold"]
    """The same if the target was given by a text."""
    candidate_threshold: float = _DEFAULTS["candidate_threshold"]
    """Score from which a detection in the whole frame is returned as uncertain."""
    confirm_score_sum: float = _DEFAULTS["confirm_score_sum"]
    """Evidence of consecutive candidates at one position from which they are tracked: the sum of their scores; by
    text, what each has above ``neutral_score``, in units of what ``text_detect_threshold`` has above it."""
    neutral_score: float = _DEFAULTS["neutral_score"]
    """Score of a detection by text that is neither evidence for nor against it, however often it occurs. While the
    probability that the text means the followed object is lower, the track is uncertain."""
    track_threshold: float = _DEFAULTS["track_threshold"]
    """While following: score below which the track is uncertain."""
    update_threshold: float = _DEFAULTS["update_threshold"]
    """While following: score below which the box is not moved."""
    max_uncertain_frames: int = _DEFAULTS["max_uncertain_frames"]
    """Consecutive uncertain frames after which the target is lost."""
    doubtful_frames: int = _DEFAULTS["doubtful_frames"]
    """Frames for which a target that vanished and is found elsewhere is uncertain, as it may be a look-alike; 0 for
    none."""
    reverify_interval: int = _DEFAULTS["reverify_interval"]
    """Frames between two checks of the whole frame against the text; 0 for none."""
    max_agreed_checks: int = _DEFAULTS["max_agreed_checks"]
    """Maximum number of consecutive checks that agree and count: each doubles the time to the next check, and the time
    that its result may take. A frame whose score is below ``template_update_threshold`` resets the count."""
    switch_evidence: float = _DEFAULTS["switch_evidence"]
    """Accumulated evidence that the text means another object, from which that object is followed."""
    refit_iou: float = _DEFAULTS["refit_iou"]
    """IoU with a check's detection at the same position below which the detection replaces the box."""
    template_update_interval: int = _DEFAULTS["template_update_interval"]
    """Frames between two updates of the visual prompts from the current frame; 0 for none."""
    template_update_threshold: float = _DEFAULTS["template_update_threshold"]
    """Score from which a frame may update the visual prompts and the template."""
    template_blend: float = _DEFAULTS["template_blend"]
    """Weight of the target's latest appearance in the template, next to the first, 0..1; 0, the default, for none."""
    template_blend_interval: int = _DEFAULTS["template_blend_interval"]
    """Minimum number of frames between two updates of the template."""
    template_blend_delay: int = _DEFAULTS["template_blend_delay"]
    """Frames since the last one with a score below ``template_update_threshold`` before the template is updated again:
    after a cover, the wrong object may be followed at first."""
    window_influence: float = _DEFAULTS["window_influence"]
    """Weight of the cosine window while following, 0..1."""
    penalty_k: float = _DEFAULTS["penalty_k"]
    """Strength of the penalty on a sudden change of scale or aspect ratio."""
    size_momentum: float = _DEFAULTS["size_momentum"]
    """Fraction of the previous size that is kept in each frame, 0..1."""
    uncertainty_expansion: float = _DEFAULTS["uncertainty_expansion"]
    """Relative growth of the search region when the target is about to be lost."""
    velocity_expansion: float = _DEFAULTS["velocity_expansion"]
    """Relative growth of the search region for a target that moves by its own size per frame; both growths together are
    at most 1."""
    max_coasted_frames: int = _DEFAULTS["max_coasted_frames"]
    """Consecutive frames that may be extrapolated to meet a deadline."""
    max_reused_frames: int = _DEFAULTS["max_reused_frames"]
    """Consecutive frames that may reuse the last box because the scene is static."""
    static_min_runs: int = _DEFAULTS["static_min_runs"]
    """Consecutive inferences at one position before a box may be reused."""
    static_iou: float = _DEFAULTS["static_iou"]
    """IoU of two boxes from which they count as one position."""
    static_max_diff: float = _DEFAULTS["static_max_diff"]
    """Mean difference of a block of the search region, in gray levels of 255, up to which it counts as unchanged."""
    search_latency: int = _DEFAULTS["search_latency"]
    """Frames from a whole-frame search to the use of its result while no target is followed."""
    reverify_latency: int = _DEFAULTS["reverify_latency"]
    """Frames from a whole-frame check to the use of its result while a target is followed; see
    ``max_agreed_checks``."""
    ambiguous_share: float = _DEFAULTS["ambiguous_share"]
    """Fraction of the best candidate's score from which another candidate, elsewhere, makes the text ambiguous."""

    @classmethod
    def of(cls, thresholds: Mapping[str, float]) -> Policy:
        """Return the defaults, overridden by the bundle's thresholds.

        Raises:
            BundleError: The bundle has a parameter that this version does not know, or a count of frames that is not an
                integer from 0 to 2**30.
        """
        return cls(**runtime.policy(thresholds))

    def rivals(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return the candidates that make a text ambiguous: at other positions than the first, and about as good.

        Args:
            candidates: Candidates of a track, best first.
        """
        found = runtime.rivals([(one.box.xywh, one.score, one.margin) for one in candidates], asdict(self))
        return [candidates[index] for index in found]
