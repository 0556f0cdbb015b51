"""When a prediction counts as the target: the thresholds of the state machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from edgetrack.errors import BundleError


@dataclass(frozen=True, slots=True)
class Policy:
    """Numbers of the state machine. Scores are 0..1; a bundle may bring its own in the manifest's ``thresholds``.

    The defaults for use from C++ are in ``runtime_cpp/include/edgetrack/tracker.h``; a test holds them to these.
    """

    detect_threshold: float = 0.60  # a whole-frame find this sure is tracked at once
    candidate_threshold: float = 0.10  # one this sure is shown as uncertain
    confirm_score_sum: float = (
        1.0  # sum of the scores of candidates in a row at one place from which they are tracked
    )
    track_threshold: float = 0.05  # following: below this the track is uncertain
    update_threshold: float = 0.02  # following: below this the box is not moved
    max_uncertain_frames: int = 12  # uncertain frames in a row before the target is lost
    reverify_interval: int = 6  # frames between two checks of the whole frame by the sentence; 0: never
    switch_evidence: float = (
        1.5  # evidence that the sentence means something else from which that is followed
    )
    refit_iou: float = 0.6  # IoU with a check's find at the same place below which that find is taken
    template_update_interval: int = 5  # frames between two renewals of the prompts by what is seen; 0: never
    template_update_threshold: float = 0.6  # score from which a frame may renew them
    window_influence: float = 0.40  # weight of the cosine window while following
    penalty_k: float = 0.08  # on a sudden change of shape
    size_momentum: float = 0.35  # share of the old size that is kept each frame
    uncertainty_expansion: float = (
        1.0  # growth of the search region, as a share, when the target is about to be lost
    )
    velocity_expansion: float = (
        0.25  # the same for a target that moves by its own size in a frame; together 1 at most
    )
    max_coasted_frames: int = 3  # frames in a row that may coast when the deadline is short
    max_reused_frames: int = 5  # frames in a row whose box may be the last one because nothing has changed
    static_min_runs: int = 3  # runs of the network in a row at one place before that
    static_iou: float = 0.9  # IoU of two boxes from which they are at one place
    static_max_diff: float = (
        4.0  # mean difference of a block of the search region, of 0..255, that is no change
    )
    search_latency: int = 1  # frames from a look at the whole frame to its answer, while nothing is followed
    reverify_latency: int = 1  # the same beside following, where it is worked on meanwhile

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
        kinds = {field.name: type(field.default) for field in fields(cls)}
        return cls(**{name: kinds[name](value) for name, value in thresholds.items()})
