"""The neck: combines the trunk's three strides and raw colors into one map of tokens at stride 16."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgetrack.network.trunk import MobileNetV2


class ChannelNorm(nn.Module):
    """Layer norm over the channels of each cell of a (B, C, H, W) map.

    It is independent of the batch, so that tracking and grounding batches, whose statistics differ, can share weights.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)  # type: ignore[no-any-return]


class Neck(nn.Module):
    """Combines stride 16 with fine detail (stride 8), semantics (stride 32) and color (raw pixels).

    ImageNet features lose color with depth, while color words are the most frequent attributes in sentences. The color
    branch therefore processes 16x16 patches of raw pixels with two thin strided convolutions.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        c8, c16, c32 = MobileNetV2.channels
        self.detail = nn.Conv2d(c8, 24, 1)
        self.meaning = nn.Conv2d(c32, width, 1)
        self.colour = nn.Sequential(nn.Conv2d(3, 24, 4, 4), nn.ReLU(), nn.Conv2d(24, 48, 4, 4), nn.ReLU())
        self.join = nn.Conv2d(c16 + 24 * 4 + 48, width, 1)
        self.norm = ChannelNorm(width)

    def forward(self, image: Tensor, stride8: Tensor, stride16: Tensor, stride32: Tensor) -> Tensor:
        return self.merge(self.colour(image), stride8, stride16, stride32)

    def merge(self, pixels: Tensor, stride8: Tensor, stride16: Tensor, stride32: Tensor) -> Tensor:
        """Do the same from ``pixels`` (B, 48, H/16, W/16), the color branch's output for the image."""
        detail = F.pixel_unshuffle(self.detail(stride8), 2)
        near = self.join(torch.cat((stride16, detail, pixels), dim=1))
        far = F.interpolate(self.meaning(stride32), scale_factor=2.0, mode="nearest")
        return self.norm(near + far)  # type: ignore[no-any-return]
