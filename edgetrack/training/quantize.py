"""Quantization-aware fine-tuning: the rounding of INT8 is simulated in training.

Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference (CVPR 2018),
section 3: rounding in the forward pass, and gradients as if there were none. Weights have one symmetric scale per
channel, and inputs one range per layer, as in ``edgetrack export --int8``. The ranges are stored outside the network,
so the checkpoint of such a run is like any other, in float32.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_LEVELS, _WEIGHT_LEVELS = 255, 127
_MEMORY = 0.99  # decay of the running range


def _straight_through(x: Tensor, rounded: Tensor) -> Tensor:
    return x + (rounded - x).detach()


def round_weight(weight: Tensor) -> Tensor:
    """Round ``weight`` (out, ...) to its INT8 grid: symmetric, with one scale per output channel."""
    scale = weight.detach().abs().flatten(1).amax(1).clamp(min=1e-12) / _WEIGHT_LEVELS
    scale = scale.reshape(-1, *[1] * (weight.ndim - 1))
    return _straight_through(weight, (weight / scale).round() * scale)


class InputRange:
    """The running range of a layer's inputs; zero is always one of its levels."""

    def __init__(self) -> None:
        self.low: Tensor | None = None
        self.high: Tensor | None = None

    def round(self, x: Tensor) -> Tensor:
        """Round ``x`` to the 256 levels of the range, and update the range with that of ``x``."""
        values = x.float()
        low, high = (t.detach() for t in values.aminmax())
        low, high = low.clamp(max=0.0), high.clamp(min=1e-6)
        self.low = low if self.low is None else self.low.lerp(low, 1 - _MEMORY)
        self.high = high if self.high is None else self.high.lerp(high, 1 - _MEMORY)
        step = (self.high - self.low) / _LEVELS
        zero = (-self.low / step).round()
        levels = (values / step + zero).round().clamp(0, _LEVELS)
        return _straight_through(x, ((levels - zero) * step).to(x.dtype))


def _wrap(layer: nn.Conv2d | nn.Linear) -> None:
    inputs = InputRange()

    def forward(x: Tensor) -> Tensor:
        weight = round_weight(layer.weight)
        if isinstance(layer, nn.Conv2d):
            return layer._conv_forward(inputs.round(x), weight, layer.bias)  # type: ignore[no-any-return]
        return F.linear(inputs.round(x), weight, layer.bias)

    layer.forward = forward  # type: ignore[method-assign, assignment]


def quantize_aware(net: nn.Module) -> int:
    """Make every convolution and linear layer of ``net`` round as in INT8; return the number of layers."""
    layers = [module for module in net.modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    with torch.no_grad():
        for layer in layers:
            _wrap(layer)
    return len(layers)
