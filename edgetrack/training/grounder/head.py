"""The head noun of a phrase: "man" of "the old man in the red shirt", "traffic light" of "a traffic light"."""

from __future__ import annotations

import re

from edgetrack.training.grounder.nouns import COCO

_KNOWN = {word for name, others in COCO.items() for word in (name, *others)}
_WORD = re.compile(r"[a-z0-9'-]+")
_SKIPPED = {"a", "an", "the", "this", "that", "one", "some", "his", "her"}
# Words that end the head: what follows says where the object is, or what it does or wears.
_ENDS = {
    "in", "on", "at", "with", "to", "from", "by", "of", "next", "near", "behind", "under", "above", "below",
    "beside", "between", "over", "that", "who", "which", "is", "closest", "nearest", "farthest", "furthest",
    "dressed", "inside", "against", "without",
}  # fmt: skip
_GROUPS = {
    "bunch",
    "group",
    "pair",
    "slice",
    "piece",
    "glass",
    "bowl",
    "plate",
    "cup",
    "bottle",
    "row",
    "herd",
    "kind",
}


def head_noun(phrase: str) -> str:
    """Return the noun that a phrase is about, or the phrase itself if no noun is found."""
    words = [w for w in _WORD.findall(phrase.lower()) if w not in _SKIPPED]
    end = len(words)
    for i, word in enumerate(words):
        verb = (
            word.endswith("ing")
            and len(word) > 5
            and word not in ("ceiling", "building", "painting", "railing")
        )
        if i and (word in _ENDS or verb):
            if word == "of" and words[i - 1] in _GROUPS and i + 1 < len(words):
                return head_noun(" ".join(words[i + 1 :]))
            end = i
            break
    head = words[:end]
    if not head:
        return phrase
    two = " ".join(head[-2:])
    return two if len(head) > 1 and two in _KNOWN else head[-1]
