"""SUTrack from its published checkpoint: network outputs, boxes in color and in pairs, and rejected input."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from published_weights import (
    moving_patch,
    small_sutrack,
    small_tokenizer,
    sutrack_weights,
    write_small_sutrack,
)

import edgetrack
from edgetrack.errors import (
    BundleError,
    ConfigError,
    ExportError,
    FrameError,
    NotStartedError,
    PromptError,
)
from edgetrack.peers import sutrack

torch = pytest.importorskip("torch", reason="needs torch: pip install 'edgetrack[export]'")
pytest.importorskip("onnxscript", reason="needs onnxscript: pip install 'edgetrack[export]'")
tokenizers = pytest.importorskip("tokenizers", reason="needs tokenizers: pip install 'edgetrack[hf]'")

from torch_sessions import TorchSession  # noqa: E402

from edgetrack.export.adapters.graphs import graphs_of  # noqa: E402
from edgetrack.export.command import Request, make_bundle  # noqa: E402
from edgetrack.export.watch import silent  # noqa: E402
from edgetrack.peers.sutrack import SUTracker, inside_of  # noqa: E402
from edgetrack.peers.sutrack.config import Config  # noqa: E402
from edgetrack.peers.sutrack.graphs import SearchGraph, SUTrackAdapter, TemplateGraph  # noqa: E402
from edgetrack.peers.sutrack.network import SUTrack  # noqa: E402

BOX = (60, 45, 37, 29)
# What the published pipeline (chenxin-dlut/SUTrack at d65052d1, its tracker and its network) gives for the frames of
# moving_patch(), in pairs with the same in other colors, with the weights of small_sutrack(), and for the ids of WORDS:
# x, y, w, h in pixels, and the score.
PUBLISHED = {
    "color": [
        (43.156, 26.666, 37.358, 33.129, 0.47414),
        (27.816, 22.681, 32.385, 41.688, 0.47638),
        (5.687, 24.506, 39.262, 39.067, 0.47064),
        (0.0, 20.149, 23.167, 47.537, 0.47202),
    ],
    "pair": [
        (44.139, 43.596, 33.959, 34.366, 0.48675),
        (43.204, 26.153, 35.391, 35.668, 0.47603),
        (26.049, 4.628, 34.05, 42.566, 0.47183),
        (4.958, 0.0, 37.693, 27.474, 0.47438),
    ],
    "text": [
        (43.201, 26.662, 37.26, 33.15, 0.47396),
        (27.774, 22.731, 32.463, 41.599, 0.47628),
        (5.692, 24.494, 39.247, 39.102, 0.47064),
        (0.0, 2.25, 25.073, 42.983, 0.47241),
    ],
}
WORDS = [298, 3, 17, 200, 299]  # of "re d b"
# The same with two templates, of which the second is replaced every other frame, and with both unchanged.
RENEWED = [
    (45.199, 42.87, 33.762, 34.034, 0.47892),
    (27.218, 42.936, 33.761, 36.69, 0.48075),
    (7.924, 43.952, 33.947, 39.067, 0.47669),
    (5.954, 43.167, 37.084, 41.623, 0.47004),
    (4.957, 20.502, 38.652, 48.066, 0.47217),
    (3.397, 20.631, 40.52, 49.474, 0.47488),
]
KEPT = [
    *RENEWED[:2],
    (8.08, 43.73, 33.685, 39.419, 0.47684),
    (5.756, 43.501, 37.378, 41.073, 0.47004),
    (4.792, 22.276, 38.915, 44.815, 0.47888),
    (3.928, 21.557, 39.932, 47.243, 0.4755),
]
NAMES = "3cb44d6d2aaf78eb08a950e37e6ced4ea50b9fb80cb9838f8e6e6c17b9d7fbd1"  # sha256 of SUTrack-T224's names and shapes


@pytest.fixture(scope="module")
def tokenizer() -> str:
    return small_tokenizer(tokenizers)


Opened = Callable[..., SUTracker]


@pytest.fixture
def opened(tmp_path: Path, tokenizer: str, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Opens the tracker on a small network of some width; its graphs are run by PyTorch."""

    def opens(width: int = 64, **options: Any) -> SUTracker:
        tensors = small_sutrack(width)
        network = SUTrack(Config.of({name: tuple(tensor.shape) for name, tensor in tensors.items()}))
        network.load_state_dict({name: tensors[name] for name in network.state_dict()})
        target = (1, network.config.templates * 16 + 1, width)
        sessions = {
            "template": TorchSession(TemplateGraph(network.eval()), (1, 6, 64, 64), (1, 16)),
            "search": TorchSession(SearchGraph(network), (1, 6, 128, 128), target),
            "text": TorchSession(network.text_encoder, metadata={"tokenizer": tokenizer, "length": "77"}),
        }
        monkeypatch.setattr(sutrack, "open_session", lambda path, *_: sessions[path.stem])
        (tmp_path / "text.onnx").touch()
        return SUTracker(tmp_path, **options)

    return opens


def follow(
    tracker: Any, frames: int = 5, *, pair: bool = False, text: str | None = None
) -> list[tuple[float, ...]]:
    """Return boxes and scores from the second frame on."""
    found = []
    for index, frame in enumerate(moving_patch(frames)):
        x = {"x": np.ascontiguousarray(255 - frame[..., ::-1])} if pair else {}
        track = tracker.update(frame, **x) if index else tracker.start(frame, box=BOX, text=text, **x)
        assert (track.status, track.index) == ("tracking", index)
        found.append((*track.box.xywh, track.score))
    return found[1:]


@pytest.mark.parametrize("kind", list(PUBLISHED))
def test_boxes_equal_those_of_the_published_pipeline(opened: Opened, kind: str) -> None:
    found = follow(opened(), pair=kind == "pair", text="red big car" if kind == "text" else None)
    np.testing.assert_allclose(found, PUBLISHED[kind], atol=2e-3)


def test_second_template_is_updated(opened: Opened, tmp_path: Path) -> None:
    found = follow(opened(448, interval=2, least=0.3), 7)
    np.testing.assert_allclose(found, RENEWED, atol=2e-3)
    found = follow(SUTracker(tmp_path, interval=2, least=1.0), 7)
    np.testing.assert_allclose(found, KEPT, atol=2e-3)


def test_fraction_of_each_template_cell_inside_the_box() -> None:
    """The pixels of a template of 32, in four cells of 16; published positions are off by a pixel's share."""
    np.testing.assert_array_equal(inside_of(edgetrack.Box(5, 9, 100, 100), 100, 32), [1, 1, 1, 1])
    tall = inside_of(edgetrack.Box(5, 9, 25, 100), 100, 32).reshape(2, 2)
    np.testing.assert_array_equal(tall, [[0.25, 0.3125], [0.25, 0.3125]])


def test_unsupported_input_is_rejected(opened: Opened, tmp_path: Path) -> None:
    tracker, frame = opened(), next(moving_patch())
    with pytest.raises(NotStartedError):
        tracker.update(frame)
    with pytest.raises(ConfigError, match="starts from a box"):
        tracker.start(frame, text="red car")
    with pytest.raises(ConfigError, match="a text only together with a box"):
        tracker.set_text("red car")
    with pytest.raises(PromptError, match="contains no word"):
        tracker.start(frame, box=BOX, text=" ")
    with pytest.raises(NotStartedError):
        tracker.update(frame)
    tracker.start(frame, box=BOX)
    with pytest.raises(FrameError, match=r"update\(\) got x, but start\(\) did not"):
        tracker.update(frame, x=frame)
    with pytest.raises(FrameError, match="x has 150x90 pixels, but the frame has 150x97"):
        tracker.start(frame, box=BOX, x=frame[:90])
    (tmp_path / "text.onnx").unlink()
    with pytest.raises(ConfigError, match=r"takes no text; export it with --weights tokenizer\.json"):
        SUTracker(tmp_path).start(frame, box=BOX, text="red car")


def test_weights_of_other_networks_are_rejected(tmp_path: Path, tokenizer: str) -> None:
    state, adapter = small_sutrack(), SUTrackAdapter()
    changes: dict[str, dict[str, Any]] = {
        "lacks 1 tensors, such as 'encoder.body.blocks.5.gamma_1'": {"encoder.body.blocks.5.gamma_1": None},
        "it has 81 positions; expected the positions of a square": {
            "encoder.body.pos_embed": torch.zeros(1, 81, 64)
        },
        "1 of its blocks halve the feature map; expected 2": {"encoder.body.blocks.3.reduction.weight": None},
        "its tokens have 60 and 64 channels": {"encoder.body.cls_token": torch.zeros(1, 1, 60)},
        "the network has no tensor 'encoder.body.rel_pos_bias'": {
            "encoder.body.rel_pos_bias": torch.zeros(1)
        },
    }
    path = tmp_path / "SUTRACK.pth.tar"
    for complaint, change in changes.items():
        changed = {name: value for name, value in (state | change).items() if value is not None}
        torch.save({"net": changed}, path)
        with pytest.raises(ExportError, match=f"is not a checkpoint of SUTrack.*{complaint}"):
            adapter.graphs([path])
    with pytest.raises(ExportError, match="got 2 checkpoints and 0 tokenizers"):
        adapter.graphs([path, path])


@pytest.mark.nightly
def test_bundle_equals_its_network(tmp_path: Path, tokenizer: str) -> None:
    checkpoint, table = write_small_sutrack(tmp_path), tmp_path / "tokenizer.json"
    table.write_text(tokenizer)
    for weights, kinds in (((checkpoint,), ("color", "pair")), ((checkpoint, table), ("text",))):
        folder = tmp_path / kinds[0]
        make_bundle(Request("sutrack", folder, weights=weights), watch=silent)
        for kind in kinds:
            with edgetrack.open_tracker(folder, threads=1) as tracker:
                found = follow(tracker, pair=kind == "pair", text="red big car" if kind == "text" else None)
            np.testing.assert_allclose(found, PUBLISHED[kind], atol=2e-3)
    with (
        edgetrack.open_tracker(tmp_path / "color") as tracker,
        pytest.raises(ConfigError, match="takes a box, but was given a text with a box"),
    ):
        tracker.start(next(moving_patch()), box=BOX, text="red car")
    (tmp_path / "color/search.onnx").write_bytes((tmp_path / "color/template.onnx").read_bytes())
    with pytest.raises(BundleError, match="contains another tracker"):
        SUTracker(tmp_path / "color")
    table.write_text(tokenizer.replace('"word5":5,', ""))
    with pytest.raises(ExportError, match="has 299 word pieces, but this checkpoint was trained with 300"):
        graphs_of(SUTrackAdapter(), "sutrack", [checkpoint, table])
    table.write_text("{")
    with pytest.raises(ExportError, match="cannot be read"):
        graphs_of(SUTrackAdapter(), "sutrack", [checkpoint, table])


@pytest.mark.nightly
@torch.no_grad()
def test_full_network_equals_the_published_one(repository: Path) -> None:
    """tests/recorded/sutrack.npz holds what the published SUTrack-T224 gives for the same weights and inputs."""
    network = SUTrack(Config()).eval()
    listed = "\n".join(f"{name} {tuple(value.shape)}" for name, value in sorted(network.state_dict().items()))
    assert hashlib.sha256(listed.encode()).hexdigest() == NAMES
    weights = sutrack_weights(network.config)
    network.load_state_dict({name: weights[name] for name in network.state_dict()})
    random = np.random.default_rng(0)
    template, search = (
        torch.from_numpy(random.standard_normal((1, 6, s, s)).astype(np.float32)) for s in (112, 224)
    )
    ids = torch.tensor([[49406, *random.integers(0, 49406, 6), 49407]])
    with np.load(repository / "tests/recorded/sutrack.npz") as archive:
        known = {name: archive[name] for name in archive.files}
    tokens = network.body.template_tokens(template, torch.from_numpy(known["inside"]))
    sentence = network.text_encoder(ids)
    scores, sizes, offsets = network(search, torch.cat([tokens, sentence], 1))
    silence = network.text_encoder(torch.zeros(1, 1, dtype=torch.int64))
    for name, output in {
        "sentence": sentence,
        "silence": silence,
        "scores": scores,
        "sizes": sizes,
        "offsets": offsets,
    }.items():
        np.testing.assert_allclose(output.numpy(), known[name], atol=1e-4, rtol=0, err_msg=name)
