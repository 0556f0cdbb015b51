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

    acquire: float = 0.60  # a whole-frame find this sure is tracked at once
    candidate: float = 0.10  # one this sure is shown as uncertain
    confirm: float = 1.0  # sum of the scores of candidates in a row at one place from which they are tracked
    keep: float = 0.05  # following: below this the track is uncertain
    drop: float = 0.02  # following: below this the box is not moved
    patience: float = 12.0  # uncertain frames in a row before the target is lost
    verify: float = 6.0  # frames between two checks of the whole frame by the sentence; 0: never
    doubt: float = 1.5  # evidence that the sentence means something else from which that is followed
    extent: float = 0.6  # IoU with a check's find at the same place below which that find is taken
    refresh: float = 5.0  # frames between two renewals of the prompts by what is seen; 0: never
    sure: float = 0.6  # score from which a frame may renew them
    window: float = 0.40  # weight of the cosine window while following
    penalty: float = 0.08  # on a sudden change of shape
    inertia: float = 0.35  # share of the old size that is kept each frame
    widen: float = 1.0  # growth of the search region, as a share, when the target is about to be lost
    haste: float = 0.25  # the same for a target that moves by its own size in a frame; together 1 at most
    coast: float = 3.0  # frames in a row that may coast when the deadline is short
    reuse: float = 5.0  # frames in a row whose box may be the last one because nothing has changed
    rest: float = 3.0  # runs of the network in a row at one place before that
    still: float = 0.9  # IoU of two boxes from which they are at one place
    calm: float = 4.0  # mean difference of a block of the search region, of 0..255, that is no change
    seek: float = 1.0  # frames from a look at the whole frame to its answer, while nothing is followed
    lag: float = 1.0  # the same beside following, where it is worked on meanwhile

    @classmethod
    def of(cls, thresholds: Mapping[str, float]) -> Policy:
        """The defaults with a bundle's own numbers in their place.

        Raises:
            BundleError: the bundle names a number that this version does not know.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(thresholds) - known):
            raise BundleError(
                f"the manifest has unknown thresholds {', '.join(unknown)}; expected {', '.join(sorted(known))}: "
                "run pip install -U edgetrack"
            )
        return cls(**thresholds)
