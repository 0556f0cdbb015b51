"""Quantization-aware training rounds as the exporter does and learns through the rounding."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from edgetrack.network.network import EdgetrackNet  # noqa: E402
from edgetrack.training.quantize import InputRange, quantize_aware, round_weight  # noqa: E402


def test_weights_lie_on_the_grid_of_their_channel() -> None:
    weight = torch.randn(5, 3, 3, 3) * torch.tensor([0.01, 1.0, 7.0, 0.5, 0.0]).reshape(5, 1, 1, 1)
    rounded = round_weight(weight).numpy()
    for channel, mine in zip(weight.numpy(), rounded, strict=True):
        step = np.abs(channel).max() / 127
        expected = np.round(channel / step) * step if step else channel
        assert np.allclose(mine, expected, rtol=0, atol=1e-6 * max(step, 1e-9) * 127 + 1e-9)


def test_inputs_have_at_most_256_levels_including_zero() -> None:
    x = torch.cat((torch.zeros(1), torch.linspace(-0.3, 2.1, 5000)))
    rounded = InputRange().round(x)
    assert len(rounded.unique()) <= 256
    assert rounded[0] == 0
    assert (rounded - x).abs().max() <= 0.51 * 2.4 / 255


def test_range_forgets_a_single_outlier() -> None:
    inputs, usual = InputRange(), torch.linspace(-1, 1, 1001)
    inputs.round(usual)
    inputs.round(usual * 100)
    for _ in range(600):
        inputs.round(usual)
    assert inputs.high is not None
    assert float(inputs.high) < 1.5


def test_gradients_pass_and_training_reaches_the_grid() -> None:
    """A layer learns a target through the rounding, to about the error of the grid."""
    torch.manual_seed(0)
    layer, wanted = nn.Linear(8, 4), torch.randn(4, 8)
    quantize_aware(layer)
    optimizer = torch.optim.Adam(layer.parameters(), 0.02)
    for _ in range(400):
        x = torch.randn(64, 8)
        loss = (layer(x) - x @ wanted.T).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.01


def test_network_keeps_its_names_and_its_float_copy() -> None:
    net = EdgetrackNet().eval()
    plain = copy.deepcopy(net)
    before = set(net.state_dict())
    assert quantize_aware(net) > 80
    assert set(net.state_dict()) == before
    image = torch.rand(1, 3, 128, 128) * 2 - 1
    with torch.no_grad():
        exact, rounded = plain.features(image), net.features(image)
    error = float((exact - rounded).square().mean() / exact.square().mean())
    assert 0 < error < 0.2
