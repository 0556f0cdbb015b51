"""A second sensor beside color: the pictures that are taken, the network with one of them missing, and its training."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import edgetrack
from edgetrack import ConfigError, FrameError, sensor_picture
from edgetrack.sensor import pair_of

COLOR = np.full((40, 60, 3), 90, np.uint8)


def test_measurements_are_scaled_by_the_range_that_is_given() -> None:
    depth = np.array([[500, 2500, 4500, 9000]], np.uint16)
    assert sensor_picture(depth, low=500, high=4500).tolist() == [[0, 127, 255, 255]]
    assert sensor_picture(depth, low=4500, high=500).tolist() == [[255, 127, 0, 0]], "near is bright"
    assert sensor_picture(np.array([[np.nan, np.inf]]), low=0, high=1).tolist() == [[0, 255]]


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (0.0, float("nan")), (float("-inf"), 1.0)])
def test_a_range_that_is_none_is_refused(low: float, high: float) -> None:
    with pytest.raises(ConfigError, match="two different finite numbers"):
        sensor_picture(np.zeros((2, 2)), low=low, high=high)


@pytest.mark.parametrize("values", [np.zeros((2, 2, 3)), np.array([["a"]]), [[1.0]], np.zeros((2, 2), bool)])
def test_what_is_no_plane_of_numbers_is_refused(values: np.ndarray) -> None:
    with pytest.raises(FrameError, match="height, width"):
        sensor_picture(values, low=0, high=1)


def test_a_gray_picture_is_shown_in_three_channels() -> None:
    gray = np.arange(40 * 60, dtype=np.uint8).reshape(40, 60)
    color, other = pair_of(COLOR, gray)
    assert color is COLOR
    assert all((other[..., channel] == gray).all() for channel in range(3))
    assert pair_of(None, gray)[0] is None


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (np.zeros((40, 60), np.uint16), "sensor_picture"),
        (np.zeros((20, 60), np.uint8), "align them"),
        (np.zeros((0, 60), np.uint8), "empty"),
        ("thermal", "str"),
    ],
)
def test_a_pair_that_does_not_fit_is_refused(x: object, said: str) -> None:
    with pytest.raises(FrameError, match=said):
        pair_of(COLOR, x)


def test_a_frame_without_any_image_says_so() -> None:
    with (
        edgetrack.Tracker("edgetrack-160", precision="fp32", threads=1) as tracker,
        pytest.raises(FrameError, match="there is no x"),
    ):
        tracker.start(None, box=(10, 10, 20, 20))


@pytest.mark.parametrize(
    ("model", "precision"),
    [
        ("edgetrack-256", "fp32"),
        ("edgetrack-256", "int8"),
        ("edgetrack-160", "fp32"),
        ("edgetrack-256-x", "fp32"),
    ],
)
def test_the_shipped_models_follow_what_either_sensor_shows(model: str, precision: str) -> None:
    """Smooth patches on a smooth ground; the second sensor shows brightness turned over."""
    random = np.random.default_rng(4)

    def smooth(height: int, width: int, low: int, high: int) -> np.ndarray:
        coarse = random.integers(low, high, (height // 12, width // 12, 3), np.uint8)
        return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)

    ground, target = smooth(240, 320, 60, 140), smooth(48, 48, 0, 255)

    def seen(left: int) -> tuple[np.ndarray, np.ndarray]:
        color = ground.copy()
        color[90:138, left : left + 48] = target
        return color, 255 - cv2.cvtColor(color, cv2.COLOR_BGR2GRAY)

    with edgetrack.Tracker(model, precision=precision, threads=1) as tracker:
        color, x = seen(120)
        tracker.start(color, box=(120, 90, 48, 48), x=x)
        for step in range(1, 7):
            color, x = seen(120 + 3 * step)
            track = tracker.update(None if step > 3 else color, x=x)
            assert track.box is not None
            assert track.box.iou(edgetrack.Box(120 + 3 * step, 90, 48, 48)) > 0.6
        assert track.x_share == 1
        assert tracker.update(seen(141)[0]).x_share is None


def test_with_color_alone_the_features_are_colors_and_with_the_other_alone_the_others() -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'edgetrack[train]'")
    from edgetrack.network.network import EdgetrackNet
    from edgetrack.network.sensor import SensorNet

    torch.manual_seed(0)
    net = SensorNet(EdgetrackNet()).eval()
    for parameter in net.fusion.parameters():  # as after training: nothing is zero
        torch.nn.init.normal_(parameter, std=0.1)
    color, other = torch.randn(2, 3, 128, 128), torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        alone, share = net.features(color, other, torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
        both, gate = net.features(color, other, torch.ones(2, 2))
        assert torch.equal(alone[0], net.net.features(color)[0])
        noise, _ = net.features(torch.zeros_like(color), other, torch.tensor([[0.0, 1.0]] * 2))
    assert share[0].max() == 0
    assert share[1].min() == 1
    assert torch.allclose(noise[1], alone[1]), "what color would show has no say where it is missing"
    assert float(gate.min()) > 0
    assert float(gate.max()) < 1
    assert not torch.allclose(both[0], alone[0])


def test_the_shipped_network_is_read_back_out_of_its_bundle() -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'edgetrack[train]'")
    from edgetrack.bundle import Bundle
    from edgetrack.engines.ort import OrtEngine
    from edgetrack.training.sensors.train import shipped_network

    net, random = shipped_network("edgetrack-256"), np.random.default_rng(0)
    graph = OrtEngine(Bundle.open("edgetrack-256"), threads=1).graph("search")
    feeds = {
        name: random.normal(0, 0.3, spec.shape).astype(np.float32)
        for name, spec in Bundle.open("edgetrack-256").manifest.tensors["search"].inputs.items()
    }
    feeds["memory_mask"][:] = 1
    found = graph.run(feeds)
    with torch.no_grad():
        true = net.search(**{name: torch.from_numpy(value) for name, value in feeds.items()})
    assert np.abs(torch.sigmoid(true["score"]).numpy() - found["score"]).max() < 1e-4
    assert np.abs(true["offset"].numpy() - found["offset"]).max() < 1e-4


def test_training_goes_on_from_the_second_sensor_of_a_bundle() -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'edgetrack[train]'")
    from edgetrack.bundle import Bundle
    from edgetrack.engines.ort import OrtEngine
    from edgetrack.training.sensors.train import built

    bundle, random = Bundle.open("edgetrack-256-x"), np.random.default_rng(0)
    feeds = {
        name: random.normal(0, 0.3, spec.shape).astype(np.float32)
        for name, spec in bundle.manifest.tensors["template_x"].inputs.items()
    }
    feeds["present"][:] = 1
    found = OrtEngine(bundle, threads=1).graph("template_x").run(feeds)
    with torch.no_grad():
        net = built("edgetrack-256", "edgetrack-256-x").eval()
        true = net.template(**{name: torch.from_numpy(value) for name, value in feeds.items()})
    assert all(np.abs(true[name].numpy() - value).max() < 1e-3 for name, value in found.items())
    with pytest.raises(ConfigError, match=r"'template_x'.*--sensor"):
        built("edgetrack-256", "edgetrack-256")


def test_motion_blurs_what_both_sensors_see() -> None:
    pytest.importorskip("torch", reason="needs PyTorch: pip install 'edgetrack[train]'")
    from edgetrack.training.sensors.sampler import smeared

    random = np.random.default_rng(1)
    scene = random.integers(0, 256, (64, 64, 4), np.uint8)
    ratios = np.array([smeared(scene, random).std((0, 1)) / scene.std((0, 1)) for _ in range(60)])
    sharp, blurred = ratios[:, 0] == 1, ratios[:, 0] < 0.9
    assert sharp.any()
    assert blurred.any()
    assert (sharp | blurred).all()
    assert np.allclose(ratios, ratios[:, :1], atol=0.1), "of all channels alike: color and warmth or nearness"


def test_both_sensors_show_the_same_box_and_never_lose_the_same_patch(shared_data: Path) -> None:
    pytest.importorskip("torch", reason="needs PyTorch: pip install 'edgetrack[train]'")
    from edgetrack.training.masks.things import Things, load
    from edgetrack.training.sensors import failures
    from edgetrack.training.sensors.sampler import PairSampler

    things = Things(load(shared_data, shared_data, ("people",), held_out=True))
    sampler = PairSampler(things, None, None, seed=3)
    for _ in range(6):
        sample = sampler.sample()
        assert sample["template"].shape == (2, 128, 128, 3)
        assert sample["search"].shape == (2, 256, 256, 3)
        assert max(sample["search_there"]) == 1
        assert bool(sample["box"].any()) == bool(sample["present"])
    one = np.full((256, 256, 3), 10, np.uint8)
    first, second = failures.complementary(one, one.copy(), np.random.default_rng(0))
    assert not ((first == 128) & (second == 128)).any()
    assert (first == 128).any()
    assert (second == 128).any()
