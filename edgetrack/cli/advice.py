"""Notes of a run about its texts: that they mean several objects, or fit several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from edgetrack.cli.base import advise

if TYPE_CHECKING:
    from edgetrack.cli.runners import Tracker
    from edgetrack.types import Candidate


def advise_of_plurals(tracker: Tracker, texts: Sequence[str]) -> None:
    """Note the texts that mean several objects, of which only one is followed."""
    from edgetrack._native import runtime
    from edgetrack.cli.parse import hint_of
    from edgetrack.parsing import means_several
    from edgetrack.peers.guarded import AdapterTracker
    from edgetrack.prompt import check_unicode
    from edgetrack.words import Vocabulary

    if isinstance(tracker, AdapterTracker):
        return
    translation, vocabulary = tracker.reader.translation, Vocabulary.of(tracker.engine.bundle)
    for text in texts:
        if means_several(runtime.parse_phrase(translation.applied(check_unicode(text))), vocabulary):
            advise(hint_of(text))


def advise_of_rivals(rivals: Mapping[str, Sequence[Candidate]]) -> None:
    """Note the targets that are not followed at the end, because their text fits several objects."""
    for name, candidates in rivals.items():
        if len(candidates) > 1:
            boxes = ", ".join("{},{},{},{}".format(*one.box.ints) for one in candidates[:4])
            advise(
                f"{name!r} fits {len(candidates)} objects about equally well, at {boxes}, so none is tracked; "
                "describe it in more detail, or give its box in the first frame: --box x,y,w,h"
            )
