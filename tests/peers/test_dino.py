"""Grounding DINO from a Hugging Face folder, compared with the official classes on random weights."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_dino import LONGEST, SIDE, write_dino_bundle, write_dino_folder
from typer.testing import CliRunner

import edgetrack
from edgetrack.cli import app
from edgetrack.errors import BundleError, ExportError, PromptError
from edgetrack.grounders import open_grounder
from edgetrack.peers.dino import DinoDetector, layout
from edgetrack.peers.dino.images import fitted, placed

torch = pytest.importorskip("torch", reason="needs torch: pip install 'edgetrack[export]'")
pytest.importorskip("onnxscript", reason="needs onnxscript: pip install 'edgetrack[export]'")

from edgetrack.export.command import Request, make_bundle  # noqa: E402
from edgetrack.export.watch import silent  # noqa: E402

SIZES = [(97, 150), (33, 900), (1080, 1920), (7, 5), (128, 128)]
PROMPTS = [["red car"], ["a dog", "the red car"], ["red", "dog left of the car", "carrasse 7!", "a"]]


@pytest.fixture(scope="module")
def transformers() -> Any:
    pytest.importorskip("PIL", reason="needs Pillow, which the official processor reads pictures with")
    return pytest.importorskip(
        "transformers", minversion="5", reason="needs transformers 5: pip install -U transformers"
    )


@pytest.fixture(scope="module")
def exported(transformers: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """Make the official network, and the bundle that the command exports from its folder."""
    folder = tmp_path_factory.mktemp("dino") / "tiny"
    network, bundle = write_dino_folder(transformers, folder), folder.parent / "bundle"
    words = ["export", "groundingdino", "--weights", str(folder), "--output", str(bundle)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "license apache-2.0" in result.output
    assert json.loads((bundle / "manifest.json").read_text())["license"] == "apache-2.0"
    return network, bundle


def frame_of(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def official(network: Any, detector: DinoDetector, prompt: list[str], frame: Any) -> Any:
    """Return the output of the official network for a frame, with its own masks of the merged sentence."""
    text = ". ".join(phrase.lower() for phrase in prompt) + "."
    ids = torch.tensor([[101, *detector._tokenizer.encode(text, add_special_tokens=False).ids, 102]])
    image, visible = placed(frame, SIDE)
    with torch.no_grad():
        return network(
            pixel_values=torch.from_numpy(image),
            input_ids=ids,
            pixel_mask=torch.from_numpy(visible).long(),
        )


@pytest.mark.nightly
@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("size", [(97, 150), (150, 60)])
def test_outputs_equal_those_of_the_official_class(
    transformers: Any, exported: tuple[Any, Path], prompt: list[str], size: tuple[int, int]
) -> None:
    """The same files serve any number of phrases and tokens."""
    network, bundle = exported
    frame = frame_of(*size)
    detector = DinoDetector(bundle, threads=1)
    queries = detector.queries(prompt)
    outputs = official(network, detector, prompt, frame)
    read = transformers.GroundingDinoProcessor.post_process_grounded_object_detection
    (known,) = read(SimpleNamespace(batch_decode=list), outputs, threshold=0.0, target_sizes=[size])
    scores, boxes = detector.score(frame, queries)
    tokens = queries.words.shape[1]
    wanted = outputs.logits.sigmoid()[0, :, :tokens].numpy()
    assert bool(torch.isinf(outputs.logits[0, :, tokens:]).all())
    for n, span in enumerate(queries.spans):
        np.testing.assert_allclose(scores[:, n], wanted[:, span].max(1), atol=1e-5)
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
    np.testing.assert_allclose(corners, known["boxes"].numpy(), atol=2e-3)


@pytest.mark.nightly
def test_bundle_is_a_grounder_and_a_tracker(exported: tuple[Any, Path]) -> None:
    _, bundle = exported
    frame = frame_of(97, 150)
    terms = open_grounder(bundle, threads=1)
    found = terms.find(frame, ["red car", "a dog"])
    assert found
    assert all(len(scores) == 2 and 0 <= min(scores) <= max(scores) <= 1 for _, scores in found)
    with edgetrack.open_tracker(bundle, threads=1) as tracker:
        first = tracker.start(frame, text="red car")
        assert (first.status, first.index) == ("tracking", 0)
        assert tracker.update(frame) == edgetrack.Track(first.box, first.score, "tracking", 1)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("tokenizers", reason="needs tokenizers: pip install 'edgetrack[hf]'")
    return write_dino_bundle(tmp_path_factory.mktemp("dino") / "tiny")


def test_phrase_scores_like_its_best_token(tiny: Path) -> None:
    """The score does not depend on the other phrases; boxes are fractions of the frame, not of the square."""
    terms = open_grounder(tiny, threads=1)
    found = terms.find(frame_of(100, 200), ["the dog", "the Red car.", "car"])
    np.testing.assert_allclose([box for box, _ in found], [[40, 15, 20, 20], [20, 20, 10, 10]], atol=1e-3)
    odds = np.exp([[-1.5, 3, -2], [-1.5, 2, 2]])
    np.testing.assert_allclose([scores for _, scores in found], odds / (1 + odds), atol=1e-5)


def test_bundle_tracks_on_its_own(tiny: Path) -> None:
    frame = frame_of(100, 200)
    with edgetrack.open_tracker(tiny, threads=1) as tracker:
        track = tracker.start(frame, text="red")
        assert (track.status, track.box) == ("tracking", pytest.approx((40, 15, 20, 20), abs=1e-3))
        tracker.set_text("dog")
        assert tracker.update(frame).status == "lost"


def test_bundles_of_other_models_are_rejected(tiny: Path, tmp_path: Path) -> None:
    for name in ("text", "detect"):
        (tmp_path / f"{name}.onnx").write_bytes((tiny / "detect.onnx").read_bytes())
    with pytest.raises(BundleError, match=r"contains another model .*edgetrack export groundingdino"):
        DinoDetector(tmp_path)


def test_unsupported_phrases_are_rejected(tiny: Path) -> None:
    detector = DinoDetector(tiny, threads=1)
    for phrases, complaint in (
        ([], "contain an empty one"),
        (["red", " "], "contain an empty one"),
        (["red", "?."], "contains no word"),
        (["red car"] * 30, f"have 92 tokens; expected at most {LONGEST}"),
    ):
        with pytest.raises(PromptError, match=complaint):
            detector.queries(phrases)
    assert detector.queries(["red car."]).words.shape == detector.queries(["red car"]).words.shape


def test_token_positions_equal_the_official_masks(transformers: Any) -> None:
    source = transformers.models.grounding_dino.modeling_grounding_dino
    ids = torch.tensor([[101, 5, 6, 1012, 7, 1012, 8, 9, 4, 1012, 102]])
    special = torch.tensor([101, 102, 1012, 1029])
    together, positions = source.generate_masks_with_special_tokens_and_transfer_map(ids, special)
    ours = layout([2, 1, 3])
    np.testing.assert_array_equal(ours[0], together)
    np.testing.assert_array_equal(ours[1], positions)
    assert ours[2] == (slice(1, 3), slice(4, 5), slice(6, 9))


def test_phrases_are_separated_by_periods() -> None:
    together, positions, spans = layout([1, 2])
    assert positions.tolist() == [[0, 0, 1, 0, 1, 2, 0]]
    assert spans == (slice(1, 2), slice(3, 5))
    blocks = [0, 1, 1, 2, 2, 2, 3]
    assert together.tolist() == [[[a == b for b in blocks] for a in blocks]]


@pytest.mark.parametrize("size", SIZES)
def test_input_equals_that_of_the_official_processor(transformers: Any, size: tuple[int, int]) -> None:
    frame, edges = frame_of(*size), {"shortest_edge": SIDE, "longest_edge": SIDE}
    kind = transformers.models.grounding_dino.image_processing_pil_grounding_dino
    processor = kind.GroundingDinoImageProcessorPil(size=edges, pad_size={"height": SIDE, "width": SIDE})
    wanted = processor(np.ascontiguousarray(frame[..., ::-1]), return_tensors="np")
    image, visible = placed(frame, SIDE)
    np.testing.assert_array_equal(visible, wanted["pixel_mask"])
    difference = np.abs(image - wanted["pixel_values"])
    assert difference.max() < 1.01 / 255 / 0.22  # one level of gray, by PIL's whole numbers
    assert (difference > 1e-3).mean() < 2e-3


def test_frame_is_at_the_top_left_of_the_input() -> None:
    assert [fitted(size, 128) for size in SIZES] == [(83, 127), (5, 128), (72, 128), (128, 91), (128, 128)]
    image, visible = placed(np.full((40, 80, 3), (103.5, 116, 124), np.uint8), 64)
    assert (visible[0, :32].min(), visible[0, 32:].max()) == (1, 0)
    assert np.abs(image).max() < 0.02  # the mean color, and nothing beside it


def test_folders_of_other_models_are_rejected(transformers: Any, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    network = write_dino_folder(transformers, folder)
    file, weights = folder / "config.json", folder / "model.safetensors"
    values, data = json.loads(file.read_text()), weights.read_bytes()

    def check(complaint: str, given: Path = folder) -> None:
        with pytest.raises(ExportError, match=complaint):
            make_bundle(Request("groundingdino", tmp_path / "out", weights=(given,)), watch=silent)

    def configured(part: str, **changed: Any) -> None:
        file.write_text(
            json.dumps({**values, part: {**values[part], **changed}} if part else {**values, **changed})
        )

    for part, changed, complaint in (
        ("", {"model_type": "owlv2"}, "its model_type is 'owlv2'"),
        (
            "backbone_config",
            {"model_type": "resnet"},
            "its backbone_config has model_type 'resnet', not swin",
        ),
        ("text_config", {"num_hidden_layers": 10**9}, "1000000000.* layers"),
        ("text_config", {"vocab_size": 10**9}, "but config.json requires"),
        ("", {"d_model": 128}, "but config.json requires"),
        ("", {"num_queries": 21}, "but config.json requires"),
    ):
        configured(part, **changed)
        check(complaint)
    file.write_text(json.dumps(values))
    weights.write_bytes(data[:-4])
    check("cannot be read .*end at byte")
    weights.unlink()
    check("no model.safetensors, and pickled weights are not read")
    state = {name: tensor for name, tensor in network.state_dict().items() if "level_embed" not in name}
    save = pytest.importorskip("safetensors.torch").save_file
    save({name: tensor.clone() for name, tensor in state.items()}, weights)
    check("1 tensors are missing, such as 'model.level_embed'")
    check("expected the folder of the model", weights)
    (folder / "preprocessor_config.json").write_text('{"size": {"shortest_edge": 9}}')
    check("has shortest_edge 9; expected 64 to 4096")
    (folder / "vocab.txt").unlink()
    check("no readable tokenizer")
    assert not (tmp_path / "out").exists()
