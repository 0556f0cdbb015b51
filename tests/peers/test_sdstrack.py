"""SDSTrack from its published checkpoint: network outputs, boxes in image pairs, and rejected input."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from once import made_once
from published_weights import SHARED, closed_form, moving_patch, reference, write_small_sdstrack

import edgetrack
from edgetrack.errors import BundleError, ConfigError, ExportError, FrameError, NotStartedError

torch = pytest.importorskip("torch", reason="needs torch: pip install 'edgetrack[export]'")
pytest.importorskip("onnxscript", reason="needs onnxscript: pip install 'edgetrack[export]'")

from edgetrack.export.command import Request, make_bundle  # noqa: E402
from edgetrack.export.watch import silent  # noqa: E402
from edgetrack.peers.pairs import depth_picture  # noqa: E402
from edgetrack.peers.sdstrack import SDSTracker  # noqa: E402
from edgetrack.peers.sdstrack.graphs import UNUSED  # noqa: E402
from edgetrack.peers.sdstrack.network import Config, SDSTrack  # noqa: E402

BOX = (60, 45, 37, 29)
# What the published pipeline (hoqolo/SDSTrack at 822d9852, its tracker and its network) gives for pairs() with the
# weights of write_small_sdstrack(): x, y, w, h in pixels, and the score.
PUBLISHED = [
    (59.163, 42.854, 32.349, 29.064, 0.49280),
    (55.547, 23.088, 32.218, 34.841, 0.50234),
    (53.374, 21.462, 34.757, 34.607, 0.49021),
    (33.526, 17.070, 36.898, 38.303, 0.48778),
]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_sdstrack(tmp_path_factory.mktemp("sdstrack"))


@pytest.fixture(scope="module")
def bundle(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    def export(folder: Path) -> None:
        make_bundle(Request("sdstrack", folder / "bundle", weights=(checkpoint,)), watch=silent)

    return made_once(tmp_path_factory, "sdstrack", export) / "bundle"


def pairs() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Frames, and the same in other colors."""
    for frame in moving_patch(5):
        yield frame, np.ascontiguousarray(255 - frame[..., ::-1])


@pytest.mark.nightly
@torch.no_grad()
def test_full_network_equals_the_published_one() -> None:
    known = reference("sdstrack/sdstrack_io.npz")
    network = SDSTrack(Config()).eval()
    state = network.state_dict()
    lines = (SHARED / "sdstrack/keys_sdstrack.txt").read_text().splitlines()
    listed = dict(line.split("\t")[:2] for line in lines)
    assert {name: str(tuple(value.shape)) for name, value in state.items()}.items() <= listed.items()
    assert listed.keys() - state.keys() == set(UNUSED)
    for name, value in state.items():
        if not name.endswith("num_batches_tracked"):
            value.copy_(torch.from_numpy(np.asarray(closed_form(name, tuple(value.shape)))))
    templates = network.backbone.template_tokens(torch.from_numpy(known["z"]))
    outputs = network(templates, torch.from_numpy(known["x"]))
    for name, output in zip(("score_map", "size_map", "offset_map"), outputs, strict=True):
        np.testing.assert_allclose(output.numpy(), known[name], atol=1e-4, rtol=0, err_msg=name)


@pytest.mark.nightly
def test_boxes_equal_those_of_the_published_pipeline(bundle: Path) -> None:
    (first, *others), found = list(pairs()), []
    with edgetrack.open_tracker(bundle, threads=1) as tracker:
        track = tracker.start(first[0], box=BOX, x=first[1])
        assert (track.box, track.status, track.index) == (edgetrack.Box(*BOX), "tracking", 0)
        for index, pair in enumerate(others, start=1):
            track = tracker.update(pair[0], x=pair[1])
            assert track.box is not None
            assert track.index == index
            found.append((*track.box.xywh, track.score))
    np.testing.assert_allclose(found, PUBLISHED, atol=2e-3)


@pytest.mark.nightly
def test_both_images_matter(bundle: Path) -> None:
    first, second = list(pairs())[:2]
    boxes = []
    for pair in (second, (second[0], first[0]), (first[0], second[1])):
        tracker = SDSTracker(bundle, threads=1)
        tracker.start(first[0], x=first[1], box=BOX)
        boxes.append(tracker.update(pair[0], x=pair[1]).score)
    assert len(set(boxes)) == 3


@pytest.mark.nightly
def test_unsupported_input_is_rejected(bundle: Path, tmp_path: Path) -> None:
    frame, x = next(pairs())
    with edgetrack.open_tracker(bundle, threads=1) as tracker:
        with pytest.raises(ConfigError, match="tracks in pairs of images, but got only one"):
            tracker.start(frame, box=BOX)
        with pytest.raises(FrameError, match="x has 150x90 pixels, but the frame has 150x97"):
            tracker.start(frame, box=BOX, x=x[:90])
        with pytest.raises(ConfigError, match="takes a box, but was given a text"):
            tracker.start(frame, text="red car", x=x)
    raw = SDSTracker(bundle, threads=1)
    with pytest.raises(NotStartedError):
        raw.update(frame, x=x)
    with pytest.raises(ConfigError, match="takes no text"):
        raw.set_text("red car")
    with pytest.raises(BundleError, match=r"template\.onnx cannot be loaded .* edgetrack export sdstrack"):
        SDSTracker(tmp_path)
    for name in ("template", "search"):
        (tmp_path / f"{name}.onnx").write_bytes((bundle / "search.onnx").read_bytes())
    with pytest.raises(BundleError, match="contains another tracker"):
        SDSTracker(tmp_path)


def test_weights_of_other_networks_are_rejected(checkpoint: Path, tmp_path: Path) -> None:
    state = torch.load(checkpoint, weights_only=True)["net"]
    changes = {
        "lacks 1 tensors, such as 'backbone.blocks.3.attn.proj.bias'": "blocks.3.attn.proj.bias",
        r"is not a checkpoint of SDSTrack \(KeyError": "pos_embed_x",
    }
    for index, (complaint, gone) in enumerate(changes.items()):
        path = tmp_path / f"{index}.pth"
        torch.save(
            {"net": {name: value for name, value in state.items() if name != f"backbone.{gone}"}}, path
        )
        with pytest.raises(ExportError, match=complaint):
            make_bundle(Request("sdstrack", tmp_path / "out", weights=(path,)), watch=silent)
    with pytest.raises(ExportError, match="got 2 files with weights; expected one"):
        make_bundle(Request("sdstrack", tmp_path / "out", weights=(checkpoint, checkpoint)), watch=silent)
    assert not (tmp_path / "out").exists()


def test_depth_is_colored_as_the_weights_expect() -> None:
    """As published: OpenCV's colors, read as if they were red, green, blue; here pictures are blue, green, red."""
    cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
    depth = np.random.default_rng(0).integers(300, 9000, (20, 30)).astype(np.uint16)
    depth[3:6, 4:9] = 60_000
    published = depth.copy()
    farthest = min(np.median(published) * 3, 10000)
    published[published > farthest] = farthest
    gray = np.asarray(cv2.normalize(published, None, alpha=0, beta=255, norm_type=cv2.NORM_MINMAX), np.uint8)
    np.testing.assert_array_equal(depth_picture(depth)[..., ::-1], cv2.applyColorMap(gray, cv2.COLORMAP_JET))
    with pytest.raises(FrameError, match="expected uint16"):
        depth_picture(depth.astype(np.float32))
