"""A smaller search region: the samples made from those of the default size, and the resulting bundle."""

import numpy as np
import pytest

from edgetrack.errors import ConfigError

pytest.importorskip("torch")
from edgetrack.network.region import SearchRegion
from edgetrack.training.recipe import Recipe
from edgetrack.training.region import narrowed


def _samples(*centers: tuple[float, float]) -> dict[str, np.ndarray]:
    """White 40x20 boxes on black; a center of nan is an absent target."""
    search = np.zeros((len(centers), 256, 256, 3), np.uint8)
    boxes = np.zeros((len(centers), 4), np.float32)
    for image, box, (x, y) in zip(search, boxes, centers, strict=True):
        if x == x:
            box[:] = x - 20, y - 10, 40, 20
            image[max(0, int(y) - 10) : int(y) + 10, max(0, int(x) - 20) : int(x) + 20] = 255
    return {"search": search, "box": boxes, "present": (boxes[:, 2] > 0).astype(np.float32)}


def test_default_region_changes_nothing() -> None:
    samples = _samples((128, 128))
    assert narrowed(samples, SearchRegion()) is samples


@pytest.mark.parametrize("region", [SearchRegion(160, 2.5), SearchRegion(160, 3.2), SearchRegion(192, 4.0)])
def test_box_stays_on_its_object(region: SearchRegion) -> None:
    made = narrowed(_samples((128, 128), (150, 100)), region)
    assert made["search"].shape == (2, region.side, region.side, 3)
    for image, (x, y, w, h) in zip(made["search"], made["box"], strict=True):
        rows, columns = np.nonzero(image[..., 0] > 127)
        seen = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        assert np.allclose(seen, (x, y, x + w, y + h), atol=1.0)


def test_object_outside_the_region_is_absent() -> None:
    made = narrowed(_samples((128, 128), (20, 128), (128, 250), (np.nan, np.nan)), SearchRegion(160, 2.5))
    assert made["present"].tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"search_side": 200},
        {"search_side": 512},
        {"search_factor": 1.0},
        {"search_side": 160, "distill": 0.5},
        {"keep_buckets": (0,)},
    ],
)
def test_wrong_recipe_is_named(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong)) + r" = "):
        Recipe(name="x", data="", teachers="", text="", output="", **wrong)
