"""A synthetic image under construction: tiles of real images, pasted objects, and their labels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from edgetrack.training.data.pictures import XYWH, Instance, Picture, Pixels, clip_box, overlap, rect_of
from edgetrack.training.data.synthetic import warps
from edgetrack.training.data.synthetic.pool import Actor, area_root
from edgetrack.training.data.synthetic.recolor import (
    CHROMATIC,
    COLORS,
    Paint,
    color_of,
    color_shares,
    recolor,
)
from edgetrack.training.data.synthetic.warps import FLIP, Matrix, chain

Jobs = tuple[
    tuple[str, Paint], ...
]  # part to recolor ("": the whole object, "torso": a band of a person) and its paint
UPPER = ("dress", "coat", "blouse", "sweater", "shirt", "suit", "t-shirt", "vest", "blazer", "jacket", "cape",
         "sweatshirt", "cardigan", "jumper", "top", "hoodie", "bodysuit", "romper")  # fmt: skip
LOWER = ("pants", "skirt", "jeans", "shorts", "leggings", "tights")


@dataclass(eq=False)
class Item:
    """One object of a scene.

    ``color`` is the clear color of its body or clothes, ``colors`` are all visible colors, None if unknown. ``worn``
    pairs each recognized garment with its color.
    """

    category: str
    box: XYWH  # in pixels of the scene
    actor: Actor
    color: str | None = None
    colors: frozenset[str] | None = None
    worn: tuple[tuple[str, str | None], ...] = ()
    face: XYWH | None = None
    jobs: Jobs = ()  # paint jobs still to be done on the image of ``actor``
    painted: bool = False
    shown: float = 1.0  # fraction of the object that is inside the scene and not covered


@dataclass(eq=False)
class Scene:
    """A canvas with its items; ``loose`` are classes that may be visible without being items."""

    canvas: Pixels
    items: list[Item] = field(default_factory=list)
    loose: set[str] = field(default_factory=set)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        return self.canvas.shape[1], self.canvas.shape[0]


def isolated(actor: Actor, scale: float, margin: float = 0.0) -> Actor:
    """Return the object with ``margin`` (in box sizes) of its surroundings, scaled by ``scale``."""
    picture, instance = actor.picture, actor.instance
    x0, y0, x1, y1 = instance.rect
    dx, dy = int((x1 - x0) * margin), int((y1 - y0) * margin)
    left, top = max(0, x0 - dx), max(0, y0 - dy)
    piece = picture.pixels[top : y1 + dy, left : x1 + dx]
    size = (max(4, round(piece.shape[1] * scale)), max(4, round(piece.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    pixels = np.asarray(cv2.resize(piece, size, interpolation=method), np.uint8)
    kx, ky = size[0] / piece.shape[1], size[1] / piece.shape[0]
    return Actor(replace(picture, pixels=pixels), _scaled(instance, left, top, kx, ky, pixels))


def _scaled(instance: Instance, left: int, top: int, kx: float, ky: float, pixels: Pixels) -> Instance:
    x, y, w, h = instance.box
    box = clip_box(((x - left) * kx, (y - top) * ky, w * kx, h * ky), pixels.shape[1], pixels.shape[0])
    box = box or (0.0, 0.0, float(pixels.shape[1]), float(pixels.shape[0]))
    mask = instance.mask
    if mask is not None:
        x0, y0, x1, y1 = rect_of(box)
        mask = np.asarray(cv2.resize(mask, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR), np.uint8)
    return Instance(
        instance.category,
        box,
        mask,
        tuple(_scaled(part, left, top, kx, ky, pixels) for part in instance.parts),
    )


def torso(instance: Instance) -> Instance | None:
    """Return the band of a standing person that shows the clothes of the upper body."""
    x, y, w, h = instance.box
    if instance.mask is None or h < 1.6 * w:
        return None
    band: XYWH = (x, float(round(y + 0.2 * h)), w, float(max(3, round(0.3 * h))))
    _, y0, _, y1 = rect_of(band)
    start = y0 - instance.rect[1]
    mask = instance.mask[start : start + y1 - y0]
    if mask.shape[0] != y1 - y0:
        return None
    rows = (np.arange(y1 - y0) + 0.5) / (y1 - y0)
    fade = np.clip(np.minimum(rows, 1 - rows) / 0.12, 0, 1)  # a soft hem instead of a straight line
    return Instance("torso", band, (mask * fade[:, None]).astype(np.uint8))


def paint(actor: Actor, jobs: Jobs) -> Actor:
    """Do all paint jobs on a copy of the actor's image; isolate it first, because this works on every pixel."""
    if not jobs:
        return actor
    pixels = actor.picture.pixels.copy()
    for name, tin in jobs:
        instance = (
            actor.instance
            if not name
            else torso(actor.instance)
            if name == "torso"
            else actor.instance.part(name)
        )
        if instance is None:
            continue
        x0, y0, x1, y1 = instance.rect
        patch = pixels[y0:y1, x0:x1]
        alpha = instance.alpha[: patch.shape[0], : patch.shape[1]]
        pixels[y0:y1, x0:x1] = recolor(np.ascontiguousarray(patch), np.ascontiguousarray(alpha), tin)
    return Actor(replace(actor.picture, pixels=pixels), actor.instance)


def observe(actor: Actor, box: XYWH, jobs: Jobs = ()) -> Item:
    """Return an item for an object as it looks in ``actor``: colors, garments and face, as far as they are clear."""
    instance = actor.instance
    item = Item(instance.category, box, actor, jobs=jobs, painted=bool(jobs))
    kx, ky = box[2] / instance.box[2], box[3] / instance.box[3]
    if instance.mask is None or min(box[2:]) < 8:
        return item
    patch, alpha = actor.picture.cutout(instance)
    share = color_shares(patch, alpha)
    painted = dict(jobs)
    item.colors = frozenset(c for c, s in zip(COLORS, share, strict=True) if s > 0.1) | {
        t.name for _, t in jobs
    }
    if instance.category in ("person", "cyclist"):
        item.worn = tuple((p.category, _clear(actor, p, painted.get(p.category))) for p in instance.parts)
        clothes = torso(instance)
        upper = [color for name, color in item.worn if name in UPPER and name in painted]
        item.color = upper[0] if upper else _clear(actor, clothes, painted.get("torso")) if clothes else None
        face = instance.part("face")
        if face is not None:
            fx, fy, fw, fh = face.box
            x, y = box[0] + (fx - instance.box[0]) * kx, box[1] + (fy - instance.box[1]) * ky
            item.face = (x, y, fw * kx, fh * ky)
    else:
        item.color = _clear(actor, instance, painted.get(""))
    return item


def _clear(actor: Actor, instance: Instance, tin: Paint | None) -> str | None:
    patch, alpha = actor.picture.cutout(instance)
    alpha = alpha[: patch.shape[0], : patch.shape[1]]
    if tin is None:
        return color_of(patch, alpha)
    share = color_shares(patch, alpha)
    mine = float(share[COLORS.index(tin.name)])
    most = (0.5 if tin.name in CHROMATIC else 0.2) * mine
    rivals = [float(part) for word, part in zip(CHROMATIC, share, strict=False) if word != tin.name]
    return tin.name if mine > 0.17 and max(rivals) < most else None


def lay(
    scene: Scene,
    picture: Picture,
    place: tuple[int, int, int, int],
    source: XYWH,
    *,
    flip: bool,
    jobs: tuple[Instance, Jobs] | None = None,
) -> None:
    """Draw the rectangle ``source`` of an image into ``place`` (x0, y0, x1, y1), with its objects.

    ``jobs`` recolors one of its objects first.
    """
    if jobs is not None:
        picture = paint(Actor(picture, jobs[0]), jobs[1]).picture
    x0, y0, x1, y1 = place
    kx, ky = (x1 - x0) / source[2], (y1 - y0) / source[3]
    matrix = np.array([[kx, 0, -kx * source[0]], [0, ky, -ky * source[1]]])
    if flip:
        matrix = chain(matrix, warps.about(((x1 - x0) / 2, 0.0), FLIP))
    scene.canvas[y0:y1, x0:x1] = warps.warp(picture.pixels, matrix, (x1 - x0, y1 - y0), smooth=True)
    scene.loose |= set(picture.seen) - {instance.category for instance in picture.instances}
    for instance in picture.instances:
        done = jobs[1] if jobs is not None and jobs[0] is instance else ()
        _lay_instance(scene, Actor(picture, instance), place, matrix, flip=flip, done=done)


def _lay_instance(
    scene: Scene, actor: Actor, place: tuple[int, int, int, int], matrix: Matrix, *, flip: bool, done: Jobs
) -> None:
    """Add one object of an image that lies in ``place``; an object outside of it becomes loose."""
    x0, y0, x1, y1 = place
    left, top, width, height = actor.instance.box
    corners = np.array([[left, top], [left + width, top + height]])
    x, y, w, h = warps.box_after(corners.astype(np.float32), matrix)
    inside = clip_box((x, y, w, h), x1 - x0, y1 - y0)
    if inside is None:
        if x < x1 - x0 and y < y1 - y0 and x + w > 0 and y + h > 0:
            scene.loose.add(actor.instance.category)
        return
    item = observe(actor, (x + x0, y + y0, w, h), done)
    item.jobs = ()
    if flip and item.face is not None:
        fx, fy, fw, fh = item.face
        item.face = (2 * item.box[0] + item.box[2] - fx - fw, fy, fw, fh)
    item.box = (inside[0] + x0, inside[1] + y0, inside[2], inside[3])
    item.shown = inside[2] * inside[3] / (w * h)
    scene.items.append(item)


def put(scene: Scene, actor: Actor, size: float, jobs: Jobs, random: np.random.Generator) -> Item | None:
    """Paste an object, recolored, with root area ``size`` at a free place; return None if there is none."""
    width, height = scene.size
    scale = size / area_root(actor.instance.box)
    small = paint(isolated(actor, scale), jobs)
    w, h = small.instance.box[2:]
    if w > 0.95 * width or h > 0.95 * height or min(w, h) < 4:
        return None
    for _ in range(8):
        spot = random.uniform(-0.05 * w, width - 0.95 * w), random.uniform(-0.05 * h, height - 0.95 * h)
        box = (float(round(spot[0])), float(round(spot[1])), w, h)
        if any(max(overlap(item.box, box)[1], overlap(box, item.box)[1]) > 0.25 for item in scene.items):
            continue
        return _pasted(scene, small, actor, box, jobs, flip=random.random() < 0.5)
    return None


def _pasted(scene: Scene, small: Actor, actor: Actor, box: XYWH, jobs: Jobs, *, flip: bool) -> Item:
    patch, alpha = small.picture.cutout(small.instance)
    item = observe(small, box, jobs)
    if flip:
        patch, alpha = patch[:, ::-1], alpha[:, ::-1]
        if item.face is not None:
            x, y, w, h = item.face
            item.face = (2 * box[0] + box[2] - x - w, y, w, h)
    soft = np.asarray(cv2.blur(np.ascontiguousarray(alpha), (3, 3)), np.uint8)
    warps.blend(scene.canvas, np.ascontiguousarray(patch), soft, int(box[0]), int(box[1]))
    item.actor = actor
    item.box = clip_box(box, *scene.size) or box
    for other in scene.items:
        other.shown -= 0.8 * overlap(other.box, box)[1]
    scene.items.append(item)
    return item
