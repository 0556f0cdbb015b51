"""Any ONNX detector with rules over its boxes, as a baseline.

``FILE.toml`` next to ``FILE.onnx`` describes it, see `description`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edgetrack.errors import ConfigError, EngineUnavailable, reason_of
from edgetrack.evaluation.phrases.decoding import LAYOUTS, suppress
from edgetrack.evaluation.phrases.description import Description
from edgetrack.evaluation.phrases.rules import Detection, find
from edgetrack.evaluation.phrases.types import ScoredBox
from edgetrack.evaluation.types import Floats, Pixels

LEAST = 0.05  # minimum score of detections that the rules consider
NMS_IOU = 0.5
MAX_DETECTIONS = 100
FILL = 114  # gray level of the border of a letterbox, as in YOLOX


class DetectorModel:
    """A detector with rules, as a `PhraseModel`.

    Args:
        path: the ONNX file.
        threads: number of threads of ONNX Runtime.

    Raises:
        ConfigError: the file or its description is missing or invalid.
        EngineUnavailable: ONNX Runtime cannot load the file.
    """

    def __init__(self, path: Path, *, threads: int) -> None:
        if not path.is_file():
            raise ConfigError(f"detector {path} does not exist; expected an ONNX file: correct --tracker")
        self.path, self._description = path, Description.load(path.with_suffix(".toml"))
        self.threshold = self._description.threshold
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, 4
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no common base class
            raise EngineUnavailable(
                f"detector {path} cannot be loaded ({reason_of(error)}); expected an ONNX file: export it "
                "again"
            ) from error
        self._size = self._description.size or self._graph_size()

    def find(self, picture: Pixels, phrase: str) -> list[ScoredBox]:
        """Detect all objects, then apply the rules."""
        return find(phrase, self.detect(picture), picture)

    def detect(self, picture: Pixels) -> list[Detection]:
        """Return all boxes with a score of at least 0.05 in an image (H, W, 3), BGR, best first.

        Raises:
            ConfigError: the outputs do not match the description.
        """
        tensor, scale, offset = self._prepare(picture)
        inputs = {self._session.get_inputs()[0].name: tensor}
        for extra in self._session.get_inputs()[1:]:  # image size that scales the boxes in DETR variants
            inputs[extra.name] = np.array([self._size], np.int64)
        outputs = self._run(inputs)
        try:
            with np.errstate(all="ignore"):  # non-finite boxes are dropped
                values = [np.asarray(output, np.float64) for output in outputs]
                boxes, scores = LAYOUTS[self._description.output](values, self._size)
            if not 0 < scores.shape[1] <= len(self._description.classes):
                raise ValueError(f"{scores.shape[1]} classes instead of {len(self._description.classes)}")
        except (ValueError, TypeError, IndexError) as error:
            shapes = ", ".join(str(np.shape(output)) for output in outputs)
            raise ConfigError(
                f"detector {self.path}: outputs of shape {shapes} do not fit the layout "
                f"{self._description.output!r} ({error}); correct output, size or classes in its TOML file"
            ) from error
        height, width = picture.shape[:2]
        boxes = ((boxes.reshape(-1, 2, 2) - offset) / scale).clip(0, (width, height)).reshape(-1, 4)
        return self._detections(boxes, scores)

    def _detections(self, boxes: Floats, scores: Floats) -> list[Detection]:
        kinds, best = scores.argmax(1), scores.max(1)
        good = np.flatnonzero((best >= LEAST) & (boxes[:, 2:] - boxes[:, :2] >= 1).all(1))
        extent = boxes[good].max(initial=0) + 1
        apart = boxes[good] + extent * kinds[good, None]  # boxes of different classes never overlap
        found = []
        for index in good[suppress(apart, best[good], NMS_IOU)][:MAX_DETECTIONS]:
            x1, y1, x2, y2 = boxes[index].tolist()
            name = self._description.classes[int(kinds[index])]
            found.append(Detection(name, (x1, y1, x2 - x1, y2 - y1), min(1.0, float(best[index]))))
        return found

    def _prepare(self, picture: Pixels) -> tuple[Any, Floats, Floats]:
        """Return the input (1, 3, H, W), float32, and scale and offset (x, y) from the image to it."""
        from edgetrack.io.opencv import load_cv2

        cv2, how, size = load_cv2(), self._description, np.array(self._size)
        sides = np.array(picture.shape[1::-1])
        scale = size / sides if how.resize == "stretch" else np.full(2, (size / sides).min())
        inner = np.maximum(1, (sides * scale).astype(int))
        offset = (size - inner) // 2 if how.resize == "letterbox-center" else np.zeros(2, int)
        canvas = np.full((size[1], size[0], 3), FILL, np.uint8)
        (x, y), (w, h) = offset, inner
        canvas[y : y + h, x : x + w] = cv2.resize(picture, (int(w), int(h)))
        colors = canvas[..., ::-1] if how.color == "rgb" else canvas
        tensor = (colors.astype(np.float32) - np.array(how.mean, np.float32)) / np.array(how.std, np.float32)
        return np.ascontiguousarray(tensor.transpose(2, 0, 1)[None]), scale, offset.astype(np.float64)

    def _run(self, inputs: dict[str, Any]) -> list[Any]:
        try:
            outputs: list[Any] = self._session.run(None, inputs)
        except Exception as error:
            raise ConfigError(
                f"detector {self.path} does not take an input of {self._size[0]} x {self._size[1]} pixels "
                f"({reason_of(error)}); correct size in its TOML file, or export it with a float32 input"
            ) from error
        return outputs

    def _graph_size(self) -> tuple[int, int]:
        shape = self._session.get_inputs()[0].shape
        if len(shape) != 4 or not all(isinstance(side, int) for side in shape[2:]):
            raise ConfigError(
                f"detector {self.path} takes {shape}, which does not fix the size; give size = [WIDTH, "
                "HEIGHT] in its TOML file"
            )
        return shape[3], shape[2]
