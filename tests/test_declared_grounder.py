"""Detectors in ONNX files, declared by a TOML file, and the meaning of their scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from declared_detectors import CENTERS, SCORES, WAYS, write
from tiny_owl import picture, write_tiny_owl

from edgetrack.errors import BundleError, ConfigError, PromptError
from edgetrack.grounders import likeliest, open_grounder
from edgetrack.grounders.bundles import calibrate
from edgetrack.grounders.calibration import Platt, fit_platt
from edgetrack.grounders.declaration import Declaration
from edgetrack.grounders.declared import _LAYOUTS
from edgetrack.types import Box


@pytest.mark.parametrize(("layout", "outputs", "more"), WAYS)
def test_boxes_are_read_from_each_layout(tmp_path: Path, layout: str, outputs: list[Any], more: str) -> None:
    path = write(tmp_path, outputs, f'layout = "{layout}"\nfit = "stretch"\n{more}')
    terms = open_grounder(path, threads=1)
    found = terms.find(np.zeros((320, 640, 3), np.uint8), ["the safety vest", "Helmet"])
    boxes = [box for box, _ in found]
    np.testing.assert_allclose(boxes, [[120, 60, 80, 40], [400, 200, 160, 80]], atol=1e-3)
    wanted = [[0, 0.9], [0.6, 0]] if layout in ("rows", "labels") else SCORES[:, ::-1]
    np.testing.assert_allclose([scores for _, scores in found], wanted, atol=1e-5)


FITS = [
    ("letterbox", (0, -160, 640, 640)),
    ("pad", (0, 0, 640, 640)),
    ("stretch", (0, 0, 640, 320)),
]


@pytest.mark.parametrize(("fit", "region"), FITS)
def test_boxes_are_in_pixels_of_the_frame(tmp_path: Path, fit: str, region: Any) -> None:
    relative = CENTERS / [64, 32, 64, 32]
    path = write(tmp_path, [relative, SCORES], f'layout = "pair"\nrelative = true\nfit = "{fit}"')
    found = open_grounder(path, threads=1).find(np.zeros((320, 640, 3), np.uint8), ["helmet"])
    x, y, w, h = region
    cx, cy, across, down = relative[0]
    np.testing.assert_allclose(
        found[0][0], [x + (cx - across / 2) * w, y + (cy - down / 2) * h, across * w, down * h]
    )


@pytest.mark.parametrize("bgr", [False, True])
def test_network_input_is_as_declared(tmp_path: Path, bgr: bool) -> None:
    """Blue, green and red of the frame are 10, 20, 30; the padding is 1, 2, 3 in the channel order of the input."""
    from edgetrack.grounders.declared import DeclaredGrounder

    path = write(
        tmp_path,
        [CENTERS, SCORES],
        f'layout = "pair"\nbgr = {str(bgr).lower()}\nmean = [1, 2, 3]\nstd = [2, 4, 8]\nfill = [1, 2, 3]\nsize = 16',
        side=("h", "w"),
    )
    grounder = DeclaredGrounder(path, 1)
    seen: list[Any] = []
    session = grounder._session

    class Watched:
        def run(self, names: Any, feeds: dict[str, Any]) -> Any:
            seen.append(next(iter(feeds.values())).copy())
            return session.run(names, feeds)

        def get_inputs(self) -> Any:
            return session.get_inputs()

    grounder._session = Watched()
    frame = np.empty((32, 64, 3), np.uint8)
    frame[:] = (10, 20, 30)
    grounder.find(frame, ["helmet"])
    colors = np.array([10, 20, 30] if bgr else [30, 20, 10])
    assert seen[0].shape == (1, 3, 16, 16)
    np.testing.assert_allclose(seen[0][0, :, 8, 8], (colors - [1, 2, 3]) / [2, 4, 8], atol=1e-5)
    np.testing.assert_allclose(seen[0][0, :, 0, 0], 0, atol=1e-6)


FAULTS = [
    ("layout = 5", "layout is 5; expected yolo or rows or pair"),
    ("shape = 640", "has the unknown key 'shape'; expected model, names"),
    ("std = [0, 1, 1]", "std is .* a magnitude of at least"),
    ("std = [1e-320, 1, 1]", "std is .* a magnitude of at least"),
    ("calibration = [1]", "calibration is .*; expected 2 numbers"),
    ("calibration = [-1, 0]", "scale -1.0 and shift 0.0; expected a positive scale"),
    ("mean = [nan, 0, 0]", "mean is .*; expected 3 numbers"),
    ('layout = "rows"', "outputs are not as declared .*axis 2 must have 6"),
    ('outputs = ["nothing"]', "outputs are not as declared"),
    ("x = ", "cannot be read"),
]


@pytest.mark.parametrize(("text", "complaint"), FAULTS)
def test_wrong_declarations_are_rejected(tmp_path: Path, text: str, complaint: str) -> None:
    path = write(tmp_path, WAYS[0][1], text)
    with pytest.raises(ConfigError, match=complaint):
        open_grounder(path, threads=1)


def test_invalid_models_are_rejected(tmp_path: Path) -> None:
    path = write(tmp_path, WAYS[0][1], "", side=("h", "w"))
    with pytest.raises(ConfigError, match="a line such as size = 640"):
        open_grounder(path, threads=1)
    path.write_text('names = ["a"]')
    with pytest.raises(ConfigError, match="has no model"):
        open_grounder(path, threads=1)
    path.write_text('model = "gone.onnx"\nnames = ["a", "A"]')
    with pytest.raises(ConfigError, match=r"names is .* expected different texts"):
        open_grounder(path, threads=1)
    path.write_text('model = "gone.onnx"\nnames = ["a"]')
    with pytest.raises(ConfigError, match=r"gone\.onnx cannot be loaded"):
        open_grounder(path, threads=1)
    with pytest.raises(ConfigError, match="cannot be read"):
        open_grounder(tmp_path / "none.toml", threads=1)
    with pytest.raises(ConfigError, match=r"is an ONNX file, .* expected a TOML file beside it"):
        open_grounder(tmp_path / "a.onnx", threads=1)


def test_text_must_be_a_class_name(tmp_path: Path) -> None:
    terms = open_grounder(write(tmp_path, WAYS[0][1], ""), threads=1)
    terms.check(["the Helmet", "a  safety VEST"])
    with pytest.raises(PromptError, match=r"cannot find 'red helmet'; expected .*: helmet, Safety vest$"):
        terms.check(["red helmet"])


def test_calibration_fits_log_odds() -> None:
    random = np.random.default_rng(0)
    scores = random.uniform(0.02, 0.98, 4000)
    odds = (scores / (1 - scores)) ** 1.7 * np.exp(-1.2)
    right = random.random(4000) < odds / (1 + odds)
    platt = fit_platt(scores.tolist(), right.tolist())
    assert platt.scale == pytest.approx(1.7, abs=0.15)
    assert platt.shift == pytest.approx(-1.2, abs=0.15)
    assert fit_platt([0.2] * 20 + [0.8] * 20, [False] * 20 + [True] * 20).scale < 5  # not without end
    rising = np.linspace(0.1, 0.9, 40).tolist()
    for right_ones, complaint in ((range(9), "9 right and 31 wrong"), (range(20), "not right more often")):
        with pytest.raises(ConfigError, match=complaint):
            fit_platt(rising, [n in right_ones for n in range(40)])


def test_calibrating_writes_the_manifest(tmp_path: Path) -> None:
    owl = write_tiny_owl(tmp_path / "owl")
    frame = picture((32, 64))
    frames = [(frame, "red car", Box(32 if n % 3 else 150, 64, 64, 64)) for n in range(30)]
    platt = calibrate(owl, frames, threads=1)
    terms = open_grounder(owl, threads=1)
    assert terms.platt == platt != Platt()
    best = max(scores[0] for _, scores in terms.find(frame, ["red car"]))
    assert best == pytest.approx(2 / 3, abs=0.05)  # as often as it was right
    with pytest.raises(BundleError, match="probabilities already"):
        calibrate("edgetrack-160", frames)


def test_non_finite_boxes_are_discarded() -> None:
    boxes = np.array([[0, 0, np.inf, 9], [np.nan, 0, 9, 9], [1, 2, 3, 4], [0, 0, 0, 9]], np.float32)
    found = likeliest(boxes, np.full((4, 1), 0.9, np.float32))
    assert [one.box.xywh for one in found] == [(1, 2, 3, 4)]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", [np.nan, 1e30, -1.0, 1.0])
def test_row_without_a_class_is_discarded(kind: float) -> None:
    rows = np.array([[[1, 2, 4, 6, 0.9, 0], [1, 2, 4, 6, 0.9, kind]]], np.float32)
    boxes, scores = _LAYOUTS["rows"](Declaration(model="a.onnx", names=("car",), layout="rows"), [rows])
    assert (boxes.tolist(), scores.shape) == ([[1, 2, 3, 4]], (1, 1))
