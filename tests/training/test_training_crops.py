"""The search crops that a tracker is trained on."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")

from edgetrack.training.data.pictures import Instance, Picture
from edgetrack.training.data.synthetic.crops import search_matrix
from edgetrack.training.data.synthetic.pool import Actor
from edgetrack.training.data.synthetic.warps import box_after

BOX = (170.0, 120.0, 60.0, 40.0)


@pytest.mark.parametrize("gentle", [False, True], ids=["one image", "two frames"])
def test_aspect_ratio_of_the_target_often_differs_from_the_template_and_its_area_does_not(
    gentle: bool,
) -> None:
    """A network that has never seen a target turn reports the template's aspect ratio."""
    picture = Picture(np.zeros((300, 400, 3), np.uint8), (Instance("car", BOX),), "voc", "0", frozenset())
    actor, rng = Actor(picture, picture.instances[0]), np.random.default_rng(0)
    boxes = np.array(
        [
            box_after(actor.instance.outline, search_matrix(actor, rng, flip=False, gentle=gentle))
            for _ in range(2000)
        ]
    )
    change = np.log(boxes[:, 2] / boxes[:, 3]) - np.log(BOX[2] / BOX[3])
    assert 0.15 < np.mean(abs(change) > np.log(1.4)) < 0.5
    assert abs(change.mean()) < 0.1, "wider as often as narrower"
    size = np.sqrt(boxes[:, 2] * boxes[:, 3])
    assert np.median(size) == pytest.approx(64, rel=0.1), "a quarter of the crop"
