"""A user's own network that segments the object in a box, described by a TOML file.

Segment Anything, MobileSAM, NanoSAM, SAM 2 and EdgeTAM are exported as two ONNX files: an encoder for the image, and a
decoder, which takes the outputs of the encoder and a box as two points. ONNX Runtime runs both; their own code is not
needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.crop import Region, Triple
from edgetrack.declared import (
    PICTURE,
    Floats,
    Parser,
    look,
    number,
    open_session,
    picture_of,
    read_table,
    said,
    text,
)
from edgetrack.errors import ConfigError, reason_of
from edgetrack.io.opencv import load_cv2
from edgetrack.mask import Mask
from edgetrack.types import Box

_CORNERS = (2, 3)  # labels of the top-left and bottom-right corners of a box, in Segment Anything
_TYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(int32)": np.int32}
_LOW = 256  # side of the mask input of Segment Anything, if the graph leaves it open


@dataclass(frozen=True)
class Declaration:
    """The keys of the file.

    The decoder gets the box as ``point_coords`` (1, 2, 2), in pixels of the encoder's image, with ``point_labels`` 2
    and 3; an empty mask, as ``mask_input`` and ``has_mask_input``; and the size of the frame as ``orig_im_size``;
    each only if it has such an input. Its other inputs are outputs of the encoder.

    Attributes:
        encoder: Path of the encoder's ONNX file, relative to the folder of the TOML file.
        decoder: Path of the decoder's ONNX file.
        joins: Maps inputs of the decoder to outputs of the encoder whose names differ.
        masks: Name of the decoder's output of logits (1, masks, rows, columns), which cover the encoder's whole
            image.
        scores: Name of the output with the predicted quality of each mask; the best one is used.
        threshold: Logit above which a pixel belongs to the target.
        size: Side of the image, if the graph leaves it open.
        fit: "pad": the frame at the top left of the square. "letterbox": in its middle. "stretch": stretched over it.
        bgr: Whether the image is in BGR order.
        mean, std: The image is (value - mean) / std of values 0..255, in the order of its channels.
        fill: Color around the frame, in the order of the image's channels.
    """

    encoder: str
    decoder: str
    joins: Mapping[str, str] = field(default_factory=dict)
    masks: str = "low_res_masks"
    scores: str = "iou_predictions"
    threshold: float = 0
    size: int = 0
    fit: str = "pad"
    bgr: bool = False
    mean: Triple = (123.675, 116.28, 103.53)
    std: Triple = (58.395, 57.12, 57.375)
    fill: Triple = (123.675, 116.28, 103.53)


class Segmenter:
    """Segments the object in a box; it has no memory of earlier frames.

    Attributes:
        files: The TOML file and its models.

    Args:
        path: Of the TOML file; its models are in the same folder.
        threads: CPU threads for the networks.

    Raises:
        ConfigError: The file is invalid, or a model does not fit it.
        MissingExtra: onnxruntime or OpenCV is not installed.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        self._path, self._cv2 = path, load_cv2()
        needed = {"encoder": '"ENCODER.onnx"', "decoder": '"DECODER.onnx"'}
        self._how = how = Declaration(**read_table("segmenter", path, _PARSERS, needed))
        models = path.parent / how.encoder, path.parent / how.decoder
        self.files = (path, *models)
        self._encoder, self._decoder = (open_session(f"segmenter {path}", model, threads) for model in models)
        inputs = self._encoder.get_inputs()
        picture = picture_of(inputs[0], how.size) if len(inputs) == 1 else None
        if picture is None:
            raise self._error(
                f"its encoder takes {said(inputs)}; expected one image, float32 (1, 3, rows, columns); if rows and "
                "columns are open, set them with a line such as size = 1024"
            )
        self._out: Floats = picture
        self._given = self._constants()
        # Report all errors now.
        self.outline(np.full((8, 8, 3), 114, np.uint8), Box(2, 2, 4, 4))

    def outline(self, frame: NDArray[np.uint8], box: Box) -> Mask | None:
        """Segment the object in a box; return None if the mask has no pixel.

        Args:
            frame: uint8 (H, W, 3), BGR.
            box: In pixels of the frame.

        Raises:
            ConfigError: The outputs of the models are not as declared.
        """
        image, region = look(frame, self._how, self._out)
        try:
            found = self._encoder.run(None, {self._encoder.get_inputs()[0].name: image})
            names = [one.name for one in self._encoder.get_outputs()]
            feeds = {**self._given, **self._joined(dict(zip(names, found, strict=True)))}
            feeds |= self._points(frame, box, region)
            masks, scores = self._decoder.run([self._how.masks, self._how.scores], feeds)
            logits = _best(masks, scores)
        except Exception as error:  # onnxruntime's exceptions have no common base but Exception
            raise self._error(
                f"the outputs of its models are not as declared ({reason_of(error)})"
            ) from error
        return Mask.of(self._spread(logits, region, frame.shape[:2]) > self._how.threshold)

    def _constants(self) -> dict[str, NDArray[Any]]:
        """Return the decoder inputs that are the same for every box; check that all inputs are known."""
        encoded = {one.name for one in self._encoder.get_outputs()}
        given: dict[str, NDArray[Any]] = {}
        for one in self._decoder.get_inputs():
            if one.name == "mask_input":
                shape = [1, 1, *(side if isinstance(side, int) else _LOW for side in one.shape[2:])]
                given[one.name] = np.zeros(shape, np.float32)
            elif one.name == "has_mask_input":
                given[one.name] = np.zeros(1, np.float32)
            elif one.name not in _OF_BOX and self._how.joins.get(one.name, one.name) not in encoded:
                there = ", ".join(sorted(encoded))
                raise self._error(
                    f"its decoder takes {one.name!r}, which is not an output of the encoder ({there}); expected "
                    f'joins = {{{one.name} = "..."}}'
                )
        wanted = {self._how.masks, self._how.scores}
        if missing := sorted(wanted - {one.name for one in self._decoder.get_outputs()}):
            there = ", ".join(one.name for one in self._decoder.get_outputs())
            raise self._error(
                f"its decoder has the outputs {there}, not {missing[0]!r}; expected masks and scores to name outputs"
            )
        return given

    def _joined(self, encoded: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return the outputs of the encoder under the decoder's names."""
        names = [one.name for one in self._decoder.get_inputs()]
        sources = {name: self._how.joins.get(name, name) for name in names}
        return {name: encoded[source] for name, source in sources.items() if source in encoded}

    def _points(self, frame: NDArray[np.uint8], box: Box, region: Region) -> dict[str, NDArray[Any]]:
        """Return the box as two points in the encoder's image, and the size of the frame, if the decoder takes them."""
        x, y, w, h = region
        rows, columns = self._out.shape[2:]
        corners = (np.array(box.xyxy).reshape(2, 2) - (x, y)) * (columns / w, rows / h)
        values = {
            "point_coords": corners[None],
            "point_labels": np.array([_CORNERS]),
            "orig_im_size": frame.shape[:2],
        }
        return {
            one.name: np.asarray(values[one.name], _TYPES.get(one.type, np.float32))
            for one in self._decoder.get_inputs()
            if one.name in values
        }

    def _spread(self, logits: Floats, region: Region, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Interpolate the logits bilinearly at the centers of the frame's pixels, (H, W)."""
        x, y, w, h = region
        across, down = w / logits.shape[1], h / logits.shape[0]
        matrix = np.array([[across, 0, x + across / 2 - 0.5], [0, down, y + down / 2 - 0.5]])
        spread = self._cv2.warpAffine(logits, matrix, shape[::-1], borderMode=self._cv2.BORDER_REPLICATE)
        return np.asarray(spread, np.float32)

    def _error(self, what: str) -> ConfigError:
        return ConfigError(f"segmenter {self._path}: {what}; see edgetrack.segmenter.Declaration")


_OF_BOX = ("point_coords", "point_labels", "orig_im_size")


def _best(masks: Floats, scores: Floats) -> Floats:
    """Return the logits (rows, columns) of the best mask."""
    if masks.ndim != 4 or len(masks) != 1 or scores.shape != masks.shape[:2]:
        raise ValueError(f"masks of shape {masks.shape} and scores of shape {scores.shape}")
    return np.ascontiguousarray(masks[0, int(scores[0].argmax())], np.float32)


def _joins(value: Any) -> Mapping[str, str]:
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value.values()):
        raise ValueError("a table of names")
    return dict(value)


_PARSERS: Mapping[str, Parser] = {
    "encoder": text,
    "decoder": text,
    "joins": _joins,
    "masks": text,
    "scores": text,
    "threshold": number,
    **PICTURE,
}
assert list(_PARSERS) == [one.name for one in fields(Declaration)]
