"""Write synthetic scenes with phrases to disk: images with recolored, pasted and juxtaposed objects.

They teach what photographs cannot: the same object in two colors, and which of the two a phrase means.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from edgetrack.training.command_line import arguments
from edgetrack.training.data.sources.images import load_pictures
from edgetrack.training.data.synthetic import augment
from edgetrack.training.data.synthetic.grounding import GroundingSampler
from edgetrack.training.data.synthetic.scene import Scene
from edgetrack.training.data.synthetic.scene_captions import (
    Caption,
    by_color,
    negative,
    positive,
    wrong_color,
)
from edgetrack.training.resumable import appended

_TRIES, _MOST = 6, 4


class SceneWriter(GroundingSampler):
    """Generates scenes with several phrases each."""

    def scene(self) -> tuple[Scene, list[Caption]]:
        """Return a scene, and phrases that are true of exactly one object in it or of none."""
        random = self._random
        duel = random.random() < 0.6
        scene = self._duel() if duel else self._scene()
        claims: dict[str, Caption] = {}
        for _ in range(_TRIES):
            for present in (True, False):
                if present:
                    claim = (by_color if duel and random.random() < 0.8 else positive)(scene, random)
                elif duel:
                    claim = wrong_color(scene, random)
                else:
                    claim = negative(scene, random, self._pool.categories)
                if claim is not None and sum((c.item is None) != present for c in claims.values()) < _MOST:
                    claims.setdefault(claim.caption, claim)
        return scene, list(claims.values())


def main() -> None:
    """Write scenes until there are COUNT; resume after an interruption."""
    given = arguments(__doc__, folder=Path, count=int)
    folder, count = given.folder, given.count
    with appended(folder / "annotations.jsonl") as (done, out):
        writer = SceneWriter(load_pictures(), seed=1000 + done)
        random = np.random.default_rng(2000 + done)
        while done < count:
            scene, claims = writer.scene()
            if not claims:
                continue
            name = f"{done:06d}.jpg"
            image = augment.camera(scene.canvas, random, keep_color=True)
            cv2.imwrite(str(folder / name), image, [cv2.IMWRITE_JPEG_QUALITY, 92])
            phrases = [
                {"phrase": c.caption, "box": None if c.box is None else [round(float(v), 1) for v in c.box]}
                for c in claims
            ]
            things = [
                {
                    "category": item.category,
                    "box": [round(float(v), 1) for v in item.box],
                    "color": item.color,
                }
                for item in scene.items
            ]
            width, height = scene.size
            line = {"image": name, "width": width, "height": height, "objects": things, "phrases": phrases}
            out.write(json.dumps(line) + "\n")
            done += 1
            if done % 200 == 0:
                print(f"{done} of {count}", flush=True)


if __name__ == "__main__":
    main()
