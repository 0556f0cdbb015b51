"""A second sensor beside color (thermal, depth, events): its own stem, adapters in the shared trunk, a gate per cell.

After SDSTrack (Hou et al., CVPR 2024): neither modality has priority, and either may fail. SDSTrack doubles a ViT-B;
here the second sensor runs through the shipped, frozen trunk, so that it adds only a third of a frame's cost.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgetrack.network.network import EdgetrackNet
from edgetrack.network.trunk import MobileNetV2

SHARE = 0.75  # side relative to the color image: such sensors have fewer pixels, and a frame costs less
_FIRST = 3  # trunk block that the stem feeds: stride 4, 24 channels
_ABSENT = 1e4  # subtracted from the logit of a missing modality, so that its share is exactly 0
_WIDTHS = (32,) * 3 + (64,) * 4 + (96,) * 3 + (160,) * 3 + (320,)  # of trunk blocks from `_FIRST` on


class Adapter(nn.Module):
    """A bottleneck with a quarter of the channels, (B, C, H, W) to the same shape; it outputs zeros before training."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(channels, channels // 4, 1)
        self.up = nn.Conv2d(channels // 4, channels, 1)
        for parameter in self.up.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        return self.up(F.relu(self.down(x)))  # type: ignore[no-any-return]


class SensorPath(nn.Module):
    """The second sensor's path through the shared trunk and neck, to features in the same space as those of color."""

    def __init__(self, width: int) -> None:
        super().__init__()
        sides = (3, 24, 40)
        self.stem = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in pairwise(sides))
        self.enter = nn.Conv2d(sides[-1], 24, 1)
        self.adapters = nn.ModuleList(Adapter(channels) for channels in _WIDTHS)
        self.pixels = nn.Sequential(nn.Conv2d(3, 24, 4, 4), nn.ReLU(), nn.Conv2d(24, 48, 4, 4), nn.ReLU())
        self.leave = Adapter(width)

    def forward(self, image: Tensor, net: EdgetrackNet) -> Tensor:
        """Map images (B, 3, S, S) in -1..1, S a multiple of 32, to features (B, D, S/16, S/16)."""
        x = image
        for layer in self.stem:
            x = F.relu6(layer(x))
        x, stages = self.enter(x), []
        for i, adapter in enumerate(self.adapters, _FIRST):
            x = net.trunk.blocks[i](x)
            x = x + adapter(x)
            if i in MobileNetV2.ends:
                stages.append(x)
        grid = net.neck.merge(self.pixels(image), stages[0], stages[1], x)
        return grid + self.leave(grid)  # type: ignore[no-any-return]


class Fusion(nn.Module):
    """Fusion of two feature maps: they exchange information, then a gate weights them in every cell.

    An absent modality has no share and does not influence the other: with color alone, the result is bit for bit the
    color map.
    """

    def __init__(self, width: int, hidden: int = 48) -> None:
        super().__init__()
        self.hear = nn.ModuleList(Adapter(width) for _ in range(2))
        self.compare = nn.Conv2d(2 * width, hidden, 1)
        self.around = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.whole = nn.Linear(hidden, hidden)
        self.judge = nn.Conv2d(hidden, 2, 1)
        for parameter in self.judge.parameters():
            nn.init.zeros_(parameter)

    def forward(self, color: Tensor, other: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Fuse both feature maps.

        Args:
            color: Features (B, D, S, S).
            other: Features of the second sensor, same shape.
            present: (B, 2), 1 if color and the second sensor are present; at least one must be.

        Returns:
            Features (B, D, S, S) and the share (B, 1, S, S) of the second sensor in them.
        """
        there = present[:, :, None, None]
        both = there.prod(1, keepdim=True)
        seen = self.compare(torch.cat((color * there[:, :1], other * there[:, 1:]), 1))
        seen = seen + self.around(F.relu(seen)) + self.whole(F.relu(seen).mean((2, 3)))[:, :, None, None]
        logits = self.judge(F.relu(seen)) - _ABSENT * (1.0 - there)
        share = torch.sigmoid(logits[:, 1:] - logits[:, :1])
        color, other = color + both * self.hear[0](other), other + both * self.hear[1](color)
        return color * (1.0 - share) + other * share, share


class SensorNet(nn.Module):
    """The shipped network, frozen, with a second sensor; only ``path`` and ``fusion`` are new."""

    def __init__(self, net: EdgetrackNet, width: int = 192) -> None:
        super().__init__()
        self.net = net.requires_grad_(False)
        self.path = SensorPath(width)
        self.fusion = Fusion(width)

    def features(self, image: Tensor, x: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Return features (B, D, S/16, S/16) of both images in -1..1, and the share (B, 1, S/16, S/16) of ``x``.

        ``image`` is (B, 3, S, S); ``x`` shows the same region with a side of `SHARE` times S.
        """
        color = self.net.features(image)
        other = F.interpolate(self.path(x, self.net), size=color.shape[-2:], mode="bilinear")
        fused: tuple[Tensor, Tensor] = self.fusion(color, other, present)
        return fused

    def template(self, image: Tensor, x: Tensor, present: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Do `EdgetrackNet.template` with both images."""
        return self.net.remember(self.features(image, x, present)[0], target)

    def search(self, image: Tensor, x: Tensor, present: Tensor, **target: Tensor) -> dict[str, Tensor]:
        """Do `EdgetrackNet.search` in both images; also return ``share`` (B, 1, S/16, S/16) of ``x`` in each cell."""
        grid, share = self.features(image, x, present)
        return {**self.net.find(grid, self.net.embed(grid), **target), "share": share}
