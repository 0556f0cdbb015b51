"""Scenes in which people fall, loiter, and leave objects behind: photographed people, pasted into a real room.

``benchmarks/watch_drawn.py`` renders and evaluates them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

FPS = 10
SIZE = (768, 432)
NOISE = 2.0  # standard deviation in gray levels
HEIGHT = 0.45  # height of a person divided by the distance of the feet from the top of the image
THING = 0.42  # height of an object, relative to that of a person at the same position
PLANT = "000000144941.jpg"  # in the folder coco; the detector does not recognize the available bags

Sprite = NDArray[np.uint8]  # (H, W, 4): BGR and alpha


@dataclass(frozen=True, slots=True)
class Key:
    """The position of something at a time; between two keys, it moves at constant speed."""

    time_s: float
    x: float  # position of the feet, in pixels
    y: float = 370.0
    turn: float = 0.0  # clockwise rotation about the feet, in degrees
    tall: float = 1.0  # fraction of the full height: less for a person who squats


@dataclass(frozen=True, slots=True)
class Part:
    """A person or object in a scene, present from the first key to the last."""

    sprite: int | None  # index of a person; None: the potted plant
    keys: Sequence[Key]

    def at(self, time_s: float) -> Key | None:
        """Return its position at a time, or None if it is not present."""
        if not self.keys[0].time_s <= time_s <= self.keys[-1].time_s:
            return None
        table = np.array([(k.time_s, k.x, k.y, k.turn, k.tall) for k in self.keys])
        return Key(time_s, *(float(np.interp(time_s, table[:, 0], table[:, n])) for n in range(1, 5)))


FALLS = (
    Part(0, [Key(1, -60), Key(7, 300), Key(8, 300), Key(8.7, 300, turn=85), Key(16, 300, turn=85),
             Key(17.5, 300), Key(23, 840)]),
    Part(3, [Key(24, 830), Key(36, -60)]),  # walks through
    Part(7, [Key(30, -60, 330), Key(35, 420, 330), Key(37, 420, 330), Key(37.8, 420, 330, -82),
             Key(45, 420, 330, -82), Key(46.5, 420, 330), Key(52, -60, 330)]),
    Part(2, [Key(52, 830), Key(57, 380), Key(58, 380, tall=0.62), Key(61, 380, tall=0.62), Key(62, 380),
             Key(67, -60)]),  # squats
)  # fmt: skip
LOITERS = (
    Part(1, [Key(1, -60), Key(9, 830)]),  # walks through
    Part(3, [Key(8, 830), Key(12, 360), Key(16, 290), Key(20, 370), Key(26, 330), Key(32, 400), Key(36, 350),
             Key(41, -60)]),
    Part(7, [Key(40, -60), Key(46, 640), Key(53, 90), Key(60, 660), Key(67, 80), Key(69, -60)]),  # back and forth
)  # fmt: skip
LEAVES = (
    Part(0, [Key(1, -60), Key(7, 355), Key(8, 355), Key(13, 830)]),
    Part(None, [Key(1, -10), Key(7, 405), Key(53, 405), Key(59, 880)]),
    Part(3, [Key(30, 830, 330), Key(39, -60, 330)]),  # passes by
    Part(7, [Key(47, -60), Key(52, 355), Key(53, 355), Key(59, 830)]),  # takes it
    Part(2, [Key(60, -60), Key(65, 300), Key(80, 300), Key(84, -60)]),  # stays next to the second plant
    Part(None, [Key(60, -10), Key(65, 350), Key(80, 350), Key(84, -10)]),
)
SCENES = {"drawn-falls": FALLS, "drawn-loiters": LOITERS, "drawn-leaves": LEAVES}
EVENTS = {  # by scene and rule: when the rule's condition becomes true, in seconds
    "drawn-falls": {"a person falls": [8.0, 37.0]},
    "drawn-loiters": {"a person loiters within 1 height for 15 seconds": [12.0]},
    "drawn-leaves": {"a potted plant is left behind": [10.0], "a potted plant is taken away": [53.0, 80.0]},
}


def render(parts: Sequence[Part], data: Path, path: Path) -> None:
    """Write the video of a scene; ``data`` contains the images (``train``) and the room (``clips``)."""
    people, plant = _people(data / "train" / "ccp"), _plant(data / "train" / "coco")
    room = _room(data / "clips" / "one-by-one-person-detection.mp4")
    rng = np.random.default_rng(0)
    noise = rng.normal(0, NOISE, (2 * SIZE[1], 2 * SIZE[0], 3)).round().astype(np.int16)
    movie = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, SIZE)
    for index in range(round(FPS * (max(part.keys[-1].time_s for part in parts) + 3))):
        picture = room.copy()
        there = [(key, part) for part in parts if (key := part.at(index / FPS)) is not None]
        for key, part in sorted(there, key=lambda one: one[0].y):  # nearest last
            tall = HEIGHT * key.y * key.tall
            if part.sprite is None:
                _paste(picture, plant, key, THING * tall)
            else:
                _paste(picture, people[part.sprite], key, tall)
        x, y = int(rng.integers(SIZE[0])), int(rng.integers(SIZE[1]))
        movie.write(cv2.add(picture, noise[y : y + SIZE[1], x : x + SIZE[0]], dtype=cv2.CV_8U))
    movie.release()


def _paste(picture: NDArray[np.uint8], sprite: Sprite, key: Key, tall: float) -> None:
    """Draw a sprite of height ``tall`` in pixels, with its feet at the key's position."""
    rows, columns = sprite.shape[:2]
    scale = tall / key.tall / rows
    small = cv2.resize(sprite, None, fx=scale, fy=scale * key.tall, interpolation=cv2.INTER_AREA)
    rows, columns = small.shape[:2]
    swing = 1.5 * np.sin(7 * key.time_s) * (key.turn == 0)  # walking motion
    turn = cv2.getRotationMatrix2D((columns / 2, float(rows)), -key.turn - swing, 1.0)
    reach = int(1.2 * tall)  # only this area around the feet changes
    left, top = max(int(key.x) - reach, 0), max(int(key.y) - reach, 0)
    part = picture[top : int(key.y) + reach, left : max(int(key.x) + reach, 0)]
    if part.size == 0:
        return
    turn[:, 2] += (key.x - columns / 2 - left, key.y - rows - top)
    drawn = cv2.warpAffine(small, turn, part.shape[1::-1], flags=cv2.INTER_LINEAR)
    alpha = drawn[..., 3].astype(np.float32) / 255
    part[:] = cv2.blendLinear(drawn[..., :3].copy(), part.copy(), alpha, 1 - alpha)


def _people(folder: Path) -> list[Sprite]:
    return [
        _cut(_read(folder / row["image"]), _read(folder / row["label_map"], cv2.IMREAD_GRAYSCALE) > 0)
        for row in list(_rows(folder))[:8]
    ]


def _plant(folder: Path) -> Sprite:
    row = next(row for row in _rows(folder) if row["image"] == PLANT)
    pixels = _read(folder / PLANT)
    polygon = max(
        (thing["polygons"][0] for thing in row["objects"] if thing["category"] == "potted plant"), key=len
    )
    mask = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.array(polygon).reshape(-1, 2).round().astype(np.int32)], 255)
    return _cut(pixels, mask > 0)


def _rows(folder: Path) -> Iterator[dict[str, Any]]:
    with (folder / "annotations.jsonl").open() as lines:
        yield from map(json.loads, lines)


def _read(path: Path, flags: int = cv2.IMREAD_COLOR) -> NDArray[np.uint8]:
    pixels = cv2.imread(str(path), flags)
    if pixels is None:
        raise SystemExit(f"error: {path} cannot be read as a picture")
    return np.asarray(pixels, np.uint8)


def _cut(pixels: NDArray[np.uint8], mask: NDArray[Any]) -> Sprite:
    ys, xs = np.nonzero(mask)
    whole = np.dstack([pixels, mask.astype(np.uint8) * 255])
    return whole[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]


def _room(clip: Path) -> NDArray[np.uint8]:
    """Return the first frame of the clip, which shows an empty room."""
    capture = cv2.VideoCapture(str(clip))
    _, pixels = capture.read()
    capture.release()
    return np.asarray(pixels)
