"""The options that only ``edgetrack replay`` has."""

from __future__ import annotations

from typing import Annotated

from edgetrack.cli.options import ENGINES, PRECISIONS, option

_CANDIDATE, _RECORDED = "Candidate", "Default: the recorded one."
Against = Annotated[
    str | None, option(f"Model of the candidate. {_RECORDED}", panel=_CANDIDATE, metavar="NAME|DIR")
]
CandidateEngine = Annotated[str | None, option(f"{ENGINES}. {_RECORDED}", panel=_CANDIDATE, metavar="NAME")]
CandidatePrecision = Annotated[
    str | None, option(f"{PRECISIONS}. {_RECORDED}", panel=_CANDIDATE, metavar="NAME")
]
Recorded = Annotated[
    bool,
    option(
        "Use the recorded track as the reference. It was computed on raw frames, so JPEG artifacts count as "
        "divergence.",
        "--recorded",
    ),
]
MinIou = Annotated[float, option("A frame with an IoU below this diverges.", min=0, max=1, metavar="IOU")]
Allow = Annotated[float, option("Fraction of the frames that may diverge.", min=0, max=1, metavar="FRACTION")]
