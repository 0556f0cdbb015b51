"""A user's network that segments the object in a box: input, prompts and masks as its TOML file declares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[int8]'")
pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")

from tiny_segmenter import KEYS, SIDE, write

from edgetrack import Box
from edgetrack.errors import ConfigError
from edgetrack.segmenter import Segmenter


def frame(width: int, height: int) -> np.ndarray:
    """Two red squares."""
    pixels = np.full((height, width, 3), 60, np.uint8)
    pixels[20:60, 30:70] = pixels[20:60, 110:150] = (0, 0, 255)
    return pixels


@pytest.mark.parametrize("fit", ["pad", "letterbox", "stretch"])
@pytest.mark.parametrize("size", [(200, 100), (160, 240)])
def test_segmenter_outlines_the_object_in_the_box(tmp_path: Path, fit: str, size: tuple[int, int]) -> None:
    segmenter = Segmenter(write(tmp_path, f'fit = "{fit}"'), 1)
    for box, x in ((Box(20, 10, 60, 60), 30), (Box(100, 12, 58, 60), 110)):
        mask = segmenter.outline(frame(*size), box)
        assert mask is not None
        assert mask.size == size
        truth = np.zeros(size[::-1], np.bool_)
        truth[20:60, x : x + 40] = True
        found = mask.dense()
        assert (found & truth).sum() / (found | truth).sum() > 0.8
        rows, columns = np.nonzero(found)
        assert (columns.mean(), rows.mean()) == pytest.approx((x + 19.5, 39.5), abs=1.0)  # not shifted
    assert segmenter.outline(frame(*size), Box(80, 70, 12, 12)) is None


def test_joins_connect_tensors_with_different_names(tmp_path: Path) -> None:
    joined = write(
        tmp_path, 'joins = {image_embed = "image_embeddings"}\nthreshold = 0.2', input="image_embed"
    )
    assert Segmenter(joined, 1).outline(frame(200, 100), Box(20, 10, 60, 60)) is not None
    with pytest.raises(
        ConfigError, match=r"takes 'image_embed', which is not an output .*joins = \{image_embed"
    ):
        Segmenter(write(tmp_path, input="image_embed"), 1)


@pytest.mark.parametrize(
    ("keys", "match"),
    [
        ('masks = "nothing"', r"has the outputs low_res_masks, iou_predictions, not 'nothing'"),
        ('masks = "iou_predictions"', "outputs of its models are not as declared .*masks of shape"),
        ("joins = 3", "joins is 3; expected a table of names"),
        ("threshold = true", "threshold is True; expected a number"),
        ("names = []", "has the unknown key 'names'; expected encoder, decoder"),
        ('decoder = "e.onnx"', "cannot be read"),  # a second time
    ],
)
def test_wrong_declarations_are_rejected(tmp_path: Path, keys: str, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        Segmenter(write(tmp_path, keys), 1)


def test_invalid_models_are_rejected(tmp_path: Path) -> None:
    path = write(tmp_path, side="side")
    with pytest.raises(ConfigError, match=r"encoder takes image tensor\(float\).*such as size = 1024"):
        Segmenter(path, 1)
    path.write_text(KEYS + f"size = {SIDE}")
    assert Segmenter(path, 1).files == (path, tmp_path / "e.onnx", tmp_path / "d.onnx")
    path.write_text(KEYS.replace("d.onnx", "gone.onnx"))
    with pytest.raises(ConfigError, match=r"segmenter .*gone\.onnx cannot be loaded"):
        Segmenter(path, 1)
    path.write_text('decoder = "d.onnx"')
    with pytest.raises(ConfigError, match="has no encoder"):
        Segmenter(path, 1)
