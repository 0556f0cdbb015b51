"""Words for objects: synonyms, hypernyms, color aliases and sentence templates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

VEHICLES = ("car", "bus", "truck", "train", "motorcycle")
HUMANS = ("person", "cyclist", "face", "rider", "people")
TWO_COLORED = ("panda", "zebra", "soccer ball", "yin yang", "dog")  # no single color word fits

_NOUNS: dict[str, tuple[str, ...]] = {
    "car": ("car", "car", "car", "vehicle", "automobile"),
    "bus": ("bus", "bus", "coach", "vehicle"),
    "train": ("train", "train", "railway train"),
    "cyclist": (
        "cyclist",
        "cyclist",
        "biker",
        "rider",
        "person on a bike",
        "person riding a bicycle",
        "bicycle rider",
    ),
    "person": (
        *("person",) * 6, "pedestrian", "pedestrian", "human", "player", "jogger", "runner", "athlete", "walker",
        "dancer", "worker", "child", "basketball player", "football player", "skater", "tourist",
    ),
    "motorcycle": ("motorcycle", "motorbike"),
    "airplane": ("airplane", "plane", "aircraft"),
    "drone": ("drone", "quadcopter", "small drone"),
    "bird": ("bird",),
    "cat": ("cat", "cat", "kitty"),
    "tv": ("tv", "television", "monitor"),
    "couch": ("couch", "sofa"),
    "face": ("face", "face", "head", "human face", "person's face"),
    "cars": ("cars", "row of cars", "vehicles"),
    "people": ("people", "group of people", "pedestrians", "persons"),
    "phone": ("phone", "cellphone"),
    "bicycle": ("bicycle", "bike"),
    "truck": ("truck", "lorry"),
    "soccer ball": ("soccer ball", "football", "ball"),
    "boat": ("boat", "ship"),
    "cup": ("cup", "mug"),
    "laptop": ("laptop", "computer"),
}  # fmt: skip
_MAN, _WOMAN = (
    ("man", "man", "boy", "guy", "male person"),
    ("woman", "woman", "girl", "lady", "female person"),
)
_FEMALE = ("dress", "skirt", "blouse", "heels", "pumps", "purse", "stockings", "leggings", "tights", "romper")
# Other categories that a noun may also mean; they must not be in a scene if the noun is to be unambiguous.
_WIDER: dict[str, tuple[str, ...]] = {
    "vehicle": ("bus", "truck", "train", "motorcycle", "bicycle", "car"),
    "rider": ("motorcycle", "horse", "person"),
    "biker": ("motorcycle", "person"),
    "ball": ("sports ball",), "football": ("sports ball",),
    "computer": ("tv",), "ship": ("sailboat", "ferry"),
    "plane": ("airplane",), "face": ("person",), "head": ("person", "face"),
}  # fmt: skip
_NEIGHBOURS: dict[str, tuple[str, ...]] = {
    "car": ("truck", "bus", "cars"), "cars": ("car", "bus", "truck"), "truck": ("car", "bus"),
    "bus": ("truck", "train"), "train": ("bus",), "people": ("person", "cyclist"),
    "person": ("cyclist", "rider", "face", "people"),
    "cyclist": ("person", "bicycle", "motorcycle", "rider", "people"),
    "boat": ("sailboat", "sailing ship", "ferry"), "bird": ("rooster", "pigeon", "emu", "flamingo", "ibis"),
    "cat": ("wildcat", "leopard", "cougar", "cartoon cat"), "chair": ("wheelchair", "couch", "sofa"),
    "cup": ("wine glass", "bowl"), "airplane": ("helicopter", "drone"), "umbrella": ("lamp",),
    "helicopter": ("airplane", "drone"), "couch": ("sofa", "chair"), "dog": ("cat",), "face": ("person",),
}  # fmt: skip
_DOINGS: dict[str, tuple[str, ...]] = {
    "car": ("driving ahead", "on the road", "driving on the road", "in the street", "moving along the road"),
    "bus": ("on the road", "driving ahead", "in the street"),
    "person": ("walking", "on the street", "walking by", "running", "standing there", "jumping", "dancing"),
    "cyclist": ("riding a bike", "on the road", "riding along"),
    "motorcycle": ("on the road", "riding away"),
    "dog": ("running", "on the ground"), "cat": ("lying there", "looking around"),
    "bird": ("flying", "in the sky"),
    "airplane": ("in the sky", "flying"), "drone": ("in the sky", "flying", "hovering"),
    "helicopter": ("in the sky", "flying"), "boat": ("on the water",),
}  # fmt: skip
_ALIASES: dict[str, tuple[str, ...]] = {
    "grey": ("grey", "gray"),
    "black": ("black", "black", "black", "dark"),
    "purple": ("purple", "purple", "violet"),
}


def texts() -> Iterator[str]:
    """Yield every noun, color and activity that a caption may have."""
    for table in (_NOUNS, _DOINGS, _ALIASES):
        for name, others in table.items():
            yield from (name, *others)
    yield from (*VEHICLES, *HUMANS, *TWO_COLORED, *_MAN, *_WOMAN, *_FEMALE, "silver", "coloured")


def noun(category: str, random: np.random.Generator, *, worn: Sequence[str] = (), sure: bool = False) -> str:
    """Return a word for the category; for a person sometimes man or woman, unless it must be ``sure``."""
    if category == "person" and not sure and random.random() < 0.5:
        if any(name in _FEMALE for name in worn):
            return _pick(_WOMAN, random)
        return _pick(_MAN if random.random() < 0.6 else _WOMAN, random)
    return _pick(_NOUNS.get(category, (category,)), random)


def also(category: str, word: str) -> frozenset[str]:
    """Return the categories that ``word``, used for ``category``, could mean."""
    return frozenset({category, *_NEIGHBOURS.get(category, ()), *_WIDER.get(word, ())})


def color_word(color: str, category: str, random: np.random.Generator) -> str:
    """Return a word for one of the eleven colors: gray, dark, silver (for vehicles), and others."""
    if color == "grey" and category in VEHICLES and random.random() < 0.4:
        return "silver"
    return _pick(_ALIASES.get(color, (color,)), random)


def sentence(
    word: str, random: np.random.Generator, *, color: str = "", category: str = "", suffix: str = ""
) -> str:
    """Return a caption: article, color, noun, perhaps what the object is doing, and ``suffix``."""
    after = suffix
    if not suffix and random.random() < 0.15 and category in _DOINGS:
        after = _pick(_DOINGS[category], random)
    if color and not after and random.random() < 0.12:
        text = _pick(
            ("a {n} that is {c}", "the {n} that is {c}", "the {n} which is {c}", "the {c} coloured {n}"),
            random,
        )
        return text.format(n=word, c=color)
    core = f"{color} {word}".strip()
    one = "" if category in ("cars", "people") else "an " if core[0] in "aeiou" else "a "
    article = _pick(("", "the ", "the ", one), random)
    return f"{article}{core} {after}".strip()


def _pick(words: Sequence[str], random: np.random.Generator) -> str:
    return words[int(random.integers(len(words)))]
