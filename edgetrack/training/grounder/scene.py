"""A scene for questions: a view of one image, or several side by side, with candidates and their labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.training.grounder.cache import Cache
from edgetrack.training.grounder.records import Object, Record, Region

Floats = NDArray[np.float32]
MATCH = 0.5  # minimum IoU for a candidate to match an object


@dataclass(eq=False, slots=True)
class Part:
    """One image in a scene: its record, and the objects as this view shows them."""

    record: Record
    objects: list[Object]  # boxes in fractions of the scene
    rows: slice  # rows of its candidates in the scene
    mirrored: bool
    cut: bool  # whether it shows only a part of the image
    regions: list[Region] = field(default_factory=list)  # boxes in fractions of the scene


@dataclass(eq=False, slots=True)
class Scene:
    """K candidates of one image, or of several side by side."""

    boxes: Floats  # (K, 4) as fractions of the scene
    logits: Floats  # (K, 80)
    features: Floats  # (K, 96)
    level: NDArray[np.int64]  # (K,)
    pooled: Floats  # (K, C, G, G)
    parts: list[Part] = field(default_factory=list)

    @property
    def objects(self) -> list[Object]:
        """All objects of all parts."""
        return [thing for part in self.parts for thing in part.objects]

    def absent(self, name: str) -> bool:
        """Return whether no part shows the class."""
        return all(name in part.record.absent for part in self.parts)


def iou(a: Floats, b: Floats) -> Floats:
    """Return the IoU (N, M) of boxes (N, 4) and (M, 4)."""
    inner = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    joint = inner.clip(0).prod(-1)
    areas = [(v[:, 2:] - v[:, :2]).clip(0).prod(-1) for v in (a, b)]
    return (joint / (areas[0][:, None] + areas[1][None] - joint + 1e-9)).astype(np.float32)  # type: ignore[no-any-return]


def viewed(box: Floats, view: Floats) -> tuple[Floats, float]:
    """Return a box of an image in the coordinates of a view, and the fraction of the box that is visible there."""
    x1, y1, x2, y2, mirror = (float(v) for v in view)
    size = np.array((x2 - x1, y2 - y1) * 2, np.float32)
    moved = (box - np.array((x1, y1, x1, y1), np.float32)) / size
    inside = moved.clip(0, 1)
    whole = float(np.prod(moved[2:] - moved[:2]))
    share = float(np.prod((inside[2:] - inside[:2]).clip(0))) / max(whole, 1e-9)
    if mirror > 0.5:
        inside = np.array((1 - inside[2], inside[1], 1 - inside[0], inside[3]), np.float32)
    return inside.astype(np.float32), share


def whole(record: Record, cache: Cache, count: int) -> Scene:
    """Return the scene of one view of one image, with the ``count`` candidates of the highest scores."""
    arrays, row = cache.arrays, record.row
    count = min(count, int(arrays["valid"][row].sum()))
    view = np.asarray(arrays["view"][row])
    objects = []
    for thing in record.objects:
        box, share = viewed(thing.box, view)
        if share > 0.25:
            sure = (
                thing.score if share > 0.55 else min(thing.score, 0.2)
            )  # partly visible: neither present nor absent
            objects.append(Object(thing.name, box, sure, thing.colors, thing.torso))
    scene = Scene(
        np.array(arrays["boxes"][row, :count], np.float32),
        np.array(arrays["logits"][row, :count], np.float32),
        np.array(arrays["features"][row, :count], np.float32),
        np.array(arrays["level"][row, :count], np.int64),
        np.array(arrays["pooled"][row, :count], np.float32),
    )
    regions = []
    for region in record.regions:
        seen = [viewed(box, view) for box in region.boxes]
        if all(share > 0.55 for _, share in seen):
            regions.append(Region(region.phrases, region.type, tuple(box for box, _ in seen)))
    cut = bool(view[2] - view[0] < 0.99 or view[3] - view[1] < 0.99)
    scene.parts.append(Part(record, objects, slice(0, count), bool(view[4] > 0.5), cut, regions))
    return scene


def side_by_side(scenes: list[Scene], count: int, random: np.random.Generator) -> Scene:
    """Join two to four scenes in a row, a column or a square; each contributes its best candidates."""
    n = len(scenes)
    columns = 2 if n > 2 or random.random() < 0.6 else 1
    rows = -(-n // columns)
    joined: list[tuple[Scene, Floats]] = []
    parts: list[Part] = []
    at = 0
    for i, scene in enumerate(scenes):
        keep = min(len(scene.boxes), count // n)
        x, y = i % columns, i // columns
        offset = np.array((x, y, x, y), np.float32)
        size = np.array((columns, rows) * 2, np.float32)
        joined.append((scene, (scene.boxes[:keep] + offset) / size))
        part = scene.parts[0]
        moved = [Object(o.name, (o.box + offset) / size, o.score, o.colors, o.torso) for o in part.objects]
        told = [
            Region(r.phrases, r.type, tuple((box + offset) / size for box in r.boxes)) for r in part.regions
        ]
        parts.append(Part(part.record, moved, slice(at, at + keep), part.mirrored, part.cut, told))
        at += keep
    take = [part.rows.stop - part.rows.start for part in parts]

    def joint(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(s, name)[:k] for (s, _), k in zip(joined, take, strict=True)])

    boxes = np.concatenate([boxes for _, boxes in joined])
    return Scene(boxes, joint("logits"), joint("features"), joint("level"), joint("pooled"), parts)
