"""OWL-ViT and OWLv2 from Hugging Face folders, compared with the official classes on random weights."""

from __future__ import annotations

import json
from functools import partialmethod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from published_weights import make_folder
from typer.testing import CliRunner

import edgetrack
from edgetrack.cli import app
from edgetrack.errors import BundleError, ConfigError, ExportError, NotStartedError, PromptError
from edgetrack.peers.owl.images import padded, stretched

torch = pytest.importorskip("torch", reason="needs torch: pip install 'edgetrack[export]'")
pytest.importorskip("onnxscript", reason="needs onnxscript: pip install 'edgetrack[export]'")

from edgetrack.export.command import Request, make_bundle  # noqa: E402
from edgetrack.export.watch import silent  # noqa: E402
from edgetrack.peers.finding import FindingTracker, Found  # noqa: E402
from edgetrack.peers.owl import OwlDetector  # noqa: E402

SIZES = [(97, 150), (33, 900), (1080, 1920), (7, 5), (200, 960)]
KINDS = ["owlv2", "owlvit"]
PHRASES = ["red car", "a dog", "x", "Straße, 7!", "red " * 30]


@pytest.fixture(scope="module")
def transformers() -> Any:
    pytest.importorskip("PIL", reason="needs Pillow, which the official processors read pictures with")
    pytest.importorskip("scipy", reason="needs scipy, which the official processor of OWLv2 resizes with")
    return pytest.importorskip("transformers", reason="needs transformers: pip install 'edgetrack[hf]'")


@pytest.fixture(scope="module", params=KINDS)
def exported(
    request: Any, transformers: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, Path, Path]:
    """Make the official network, its folder, and the bundle."""
    folder = tmp_path_factory.mktemp("owl") / request.param
    network = make_folder(transformers, request.param, folder)
    make_bundle(Request(request.param, folder.parent / "bundle", weights=(folder,)), watch=silent)
    return network, folder, folder.parent / "bundle"


def processor(name: str, transformers: Any) -> Any:
    """The class of the published pictures: from transformers 5 on PIL's, whose square OWLv2 has black, not gray."""
    kind = getattr(transformers, f"{name}ImageProcessorPil", getattr(transformers, f"{name}ImageProcessor"))
    if name == "Owlv2" and kind.__name__.endswith("Pil"):
        return type(name, (kind,), {"pad": partialmethod(kind.pad, constant_value=0.5)})
    return kind


@pytest.mark.parametrize("count", [1, 3, 5])
def test_outputs_equal_those_of_the_official_classes(
    transformers: Any, exported: tuple[Any, Path, Path], count: int
) -> None:
    """The same files serve any number of phrases."""
    network, folder, bundle = exported
    files = (str(folder / name) for name in ("vocab.json", "merges.txt"))
    tokens = transformers.CLIPTokenizer(*files, pad_token="!")(
        PHRASES[:count], padding="max_length", max_length=16, truncation=True, return_tensors="pt"
    )
    image = torch.rand((1, 3, 64, 64), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = network(pixel_values=image, **tokens)
    detector = OwlDetector(bundle, threads=1)
    feeds = {"image": image.numpy(), "queries": detector.queries(PHRASES[:count])}
    logits, boxes = detector._detect.run(None, feeds)
    np.testing.assert_allclose(logits, wanted.logits.numpy(), atol=1e-4)
    np.testing.assert_allclose(boxes, wanted.pred_boxes.numpy(), atol=1e-5)


def test_boxes_are_in_pixels_of_the_frame(transformers: Any, exported: tuple[Any, Path, Path]) -> None:
    """Compare with the official processor's reading of the official network's outputs."""
    network, folder, bundle = exported
    kind = network.config.model_type
    frame = np.random.default_rng(0).integers(0, 256, (97, 150, 3), np.uint8)
    image = (padded if kind == "owlv2" else stretched)(frame, 64)
    files = (str(folder / name) for name in ("vocab.json", "merges.txt"))
    tokens = transformers.CLIPTokenizer(*files)(PHRASES[:2], padding=True, return_tensors="pt")
    with torch.no_grad():
        outputs = network(pixel_values=torch.from_numpy(image), **tokens)
    name = "Owlv2" if kind == "owlv2" else "OwlViT"
    (known,) = processor(name, transformers)().post_process_object_detection(
        outputs, threshold=0.0, target_sizes=[(97, 150)]
    )
    order = known["scores"].argsort(descending=True)
    detector = OwlDetector(bundle, threads=1)
    found = detector.find(frame, detector.queries(PHRASES[:2]), top=5, threshold=0.0)
    assert [item.phrase for item in found] == known["labels"][order][:5].tolist()
    np.testing.assert_allclose([item.score for item in found], known["scores"][order][:5], atol=1e-5)
    boxes = [item.box.xyxy for item in found]
    np.testing.assert_allclose(boxes, known["boxes"][order][:5].numpy(), atol=2e-3)


@pytest.mark.parametrize("size", SIZES)
def test_inputs_equal_those_of_the_official_processors(transformers: Any, size: tuple[int, int]) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    colors = np.ascontiguousarray(frame[..., ::-1])
    side = {"height": 192, "width": 192}
    wanted = processor("Owlv2", transformers)(size=side)(colors, return_tensors="np")["pixel_values"]
    np.testing.assert_allclose(padded(frame, 192), wanted, atol=2e-6)
    wanted = processor("OwlViT", transformers)(size=side)(colors, return_tensors="np")["pixel_values"]
    difference = np.abs(stretched(frame, 192) - wanted)
    assert difference.max() < 1.01 / 255 / 0.26  # one level of gray, by PIL's whole numbers
    assert (difference > 1e-3).mean() < 1e-3


@pytest.mark.parametrize("size", [*SIZES, (1, 1), (1, 300), (481, 300)])
def test_uniform_frame_stays_uniform(size: tuple[int, int]) -> None:
    """In the middle of each color's range, which is what OWLv2's square is filled with."""
    for picture in (stretched, padded):
        image = picture(np.full((*size, 3), 128, np.uint8), 48)
        assert image.shape == (1, 3, 48, 48)
        np.testing.assert_allclose(image, image[:, :, :1, :1] * np.ones_like(image), atol=0.01)


def test_tracker_follows_what_a_text_names(exported: tuple[Any, Path, Path], tmp_path: Path) -> None:
    _, _, bundle = exported
    frame = np.random.default_rng(0).integers(0, 256, (97, 150, 3), np.uint8)
    with edgetrack.open_tracker(bundle, threads=1) as tracker:
        first = tracker.start(frame, text="red car")
        assert (first.status, first.index) == ("tracking", 0)
        assert tracker.update(frame) == edgetrack.Track(first.box, first.score, "tracking", 1)
        tracker.set_text("x")
        assert tracker.update(frame).score != first.score
        with pytest.raises(ConfigError, match="takes a text, but was given a box"):
            tracker.start(frame, box=(1, 2, 30, 40))


def test_missing_target_is_searched_and_then_lost(exported: tuple[Any, Path, Path]) -> None:
    class Seen:
        name, threshold = "seen", 0.1
        scores = iter([0.05, 0.4, 0.09])

        def queries(self, phrases: Any) -> Any:
            return np.zeros((1, 24), np.float32)

        def find(self, frame: Any, queries: Any, **options: Any) -> Any:
            return [Found(edgetrack.Box(1, 2, 3, 4), next(self.scores), 0)]

    tracker, frame = FindingTracker(Seen()), np.zeros((9, 9, 3), np.uint8)
    with pytest.raises(NotStartedError):
        tracker.update(frame)
    tracks = [tracker.start(frame, text="x"), tracker.update(frame), tracker.update(frame)]
    assert [track.status for track in tracks] == ["searching", "tracking", "lost"]
    assert [track.box is None for track in tracks] == [True, False, True]


def test_unsupported_input_is_rejected(exported: tuple[Any, Path, Path], tmp_path: Path) -> None:
    _, _, bundle = exported
    detector = OwlDetector(bundle, threads=1)
    for phrases in ([], ["red car", " "]):
        with pytest.raises(PromptError, match="expected phrases such as 'red car'"):
            detector.queries(phrases)
    with pytest.raises(BundleError, match=r"text\.onnx cannot be loaded"):
        OwlDetector(tmp_path)
    for name in ("text", "detect"):
        (tmp_path / f"{name}.onnx").write_bytes((bundle / "detect.onnx").read_bytes())
    with pytest.raises(BundleError, match="contains another tracker"):
        OwlDetector(tmp_path)


def test_license_is_kept_and_shown(exported: tuple[Any, Path, Path], tmp_path: Path) -> None:
    network, folder, bundle = exported
    manifest = json.loads((bundle / "manifest.json").read_text())
    assert manifest["license"] == "apache-2.0"
    assert f"{folder.name}/model.safetensors" in manifest["weights"]
    words = ["export", network.config.model_type, "--weights", str(folder), "--output", str(tmp_path / "b")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "license apache-2.0" in result.output


def test_folders_of_other_models_are_rejected(transformers: Any, tmp_path: Path) -> None:
    folder = tmp_path / "owlv2"
    make_folder(transformers, "owlv2", folder)
    config, weights = folder / "config.json", folder / "model.safetensors"
    values, data = json.loads(config.read_text()), weights.read_bytes()

    def check(complaint: str, name: str = "owlv2") -> None:
        with pytest.raises(ExportError, match=complaint):
            make_bundle(Request(name, tmp_path / "out", weights=(folder,)), watch=silent)

    check("does not describe owlvit .*its model_type is 'owlv2'", "owlvit")
    config.write_text(
        json.dumps({**values, "vision_config": {**values["vision_config"], "num_hidden_layers": 10**9}})
    )
    check("1000000000.* layers")
    config.write_text(json.dumps({**values, "vision_config": {**values["vision_config"], "hidden_size": 64}}))
    check("is not a checkpoint of owlv2: .* shape .* expected shape")
    config.write_text("{")
    check(r"config\.json does not describe owlv2")
    config.write_text(json.dumps(values))
    weights.write_bytes(data[:-4])
    check(r"cannot be read .*end at byte")
    weights.rename(folder / "pytorch_model.bin")
    check("no model.safetensors, and pickled weights are not read")
    weights.write_bytes(data)
    (folder / "merges.txt").unlink()
    check("no readable tokenizer")
    with pytest.raises(ExportError, match="expected the folder of the model"):
        make_bundle(Request("owlv2", tmp_path / "out", weights=(weights,)), watch=silent)
    assert not (tmp_path / "out").exists()
