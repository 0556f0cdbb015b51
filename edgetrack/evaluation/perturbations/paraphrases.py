"""Paraphrases by a fixed list of synonyms, which test whether a text is understood rather than memorized."""

from __future__ import annotations

import re

SYNONYMS = {
    # nouns
    "person": "human", "man": "guy", "woman": "lady", "boy": "lad", "girl": "young lady", "baby": "infant",
    "child": "kid", "people": "persons", "player": "sportsman", "runner": "jogger", "jogger": "runner",
    "pedestrian": "person walking", "cyclist": "bike rider", "face": "visage", "head": "skull", "car": "automobile",
    "vehicle": "car", "truck": "lorry", "bus": "coach", "bike": "bicycle", "bicycle": "bike", "motorbike": "motorcycle",
    "motorcycle": "motorbike", "boat": "ship", "ship": "boat", "airplane": "plane", "plane": "aircraft", "dog": "hound",
    "cat": "feline", "bird": "fowl", "box": "carton", "bottle": "flask", "cup": "mug", "bag": "sack",
    "toy": "plaything", "road": "street", "street": "road", "ball": "sphere",
    "phone": "telephone", "shirt": "top", "trousers": "pants",
    # colors
    "red": "crimson", "blue": "azure", "green": "emerald", "yellow": "golden", "black": "dark", "dark": "black",
    "white": "pale", "grey": "gray", "gray": "grey", "brown": "tan", "orange": "amber", "purple": "violet",
    # other words
    "small": "little", "little": "small", "big": "large", "large": "big",
    "running": "sprinting", "walking": "strolling", "driving": "riding", "wearing": "dressed in", "moving": "in motion",
}  # fmt: skip
_WORD = re.compile(r"[A-Za-z]+")
_ARTICLE = re.compile(r"^(the|an?)\s+", re.IGNORECASE)


def paraphrase(text: str) -> str:
    """Return the text with all words in `SYNONYMS` replaced, and another article in front.

    ``the`` becomes ``a`` or ``an``, and vice versa; a text without an article gets ``the``.
    """
    article = _ARTICLE.match(text)
    rest = _WORD.sub(
        lambda word: SYNONYMS.get(word[0].lower(), word[0]), text[article.end() :] if article else text
    )
    if article is None or article[1].lower() != "the":
        return f"the {rest}"
    return f"{'an' if rest[:1].lower() in 'aeiou' else 'a'} {rest}"
