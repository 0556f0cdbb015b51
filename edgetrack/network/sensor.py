"""A second sensor beside color (thermal, depth, events): its own stem, adapters in the shared trunk, a gate per cell.

After SDSTrack (Hou et al., CVPR 2024): neither modality comes first, and either may fail. That network doubles a
ViT-B; here the second sensor runs through the shipped, frozen trunk, so that it costs a third of a frame.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgetrack.network.network import EdgetrackNet
from edgetrack.network.trunk import MobileNetV2

SHARE = 0.75  # of color's pixels along a side: such sensors have fewer, and a frame costs less
_FIRST = 3  # block of the trunk that the stem feeds: stride 4, 24 channels
_ABSENT = 1e4  # taken from the logit of a missing modality: its share is exactly 0
_WIDTHS = (32,) * 3 + (64,) * 4 + (96,) * 3 + (160,) * 3 + (320,)  # of the trunk's blocks from `_FIRST` on


class Adapter(nn.Module):
    """A bottleneck of a quarter of the channels, (B, C, H, W) to the same shape; zeros before it has learned."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(channels, channels // 4, 1)
        self.up = nn.Conv2d(channels // 4, channels, 1)
        for parameter in self.up.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        return self.up(F.relu(self.down(x)))  # type: ignore[no-any-return]


class SensorPath(nn.Module):
    """The second sensor's way through the shared trunk and neck: to features of the same space as color's."""

    def __init__(self, width: int) -> None:
        super().__init__()
        sides = (3, 24, 40)
        self.stem = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in pairwise(sides))
        self.enter = nn.Conv2d(sides[-1], 24, 1)
        self.adapters = nn.ModuleList(Adapter(channels) for channels in _WIDTHS)
        self.pixels = nn.Sequential(nn.Conv2d(3, 24, 4, 4), nn.ReLU(), nn.Conv2d(24, 48, 4, 4), nn.ReLU())
        self.leave = Adapter(width)

    def forward(self, image: Tensor, net: EdgetrackNet) -> Tensor:
        """(B, 3, S, S) in -1..1, S a multiple of 32, to (B, D, S/16, S/16)."""
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
    """Two maps of features to one: each hears of the other, then a gate weighs them in every cell.

    A modality that is absent has no share, and says nothing to the other: with color alone the result is color's
    map, bit for bit.
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
        """Fuse.

        Args:
            color: Features (B, D, S, S).
            other: Features of the second sensor, same shape.
            present: (B, 2), 1 where color and the second sensor are there; one of them must be.

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
    """The shipped network, frozen, with a second sensor; what it adds is ``path`` and ``fusion``."""

    def __init__(self, net: EdgetrackNet, width: int = 192) -> None:
        super().__init__()
        self.net = net.requires_grad_(False)
        self.path = SensorPath(width)
        self.fusion = Fusion(width)

    def features(self, image: Tensor, x: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, D, S/16, S/16) of both pictures in -1..1, and the share (B, 1, S/16, S/16) of ``x`` in them.

        ``image`` is (B, 3, S, S); ``x`` shows the same in `SHARE` of its pixels along a side.
        """
        color = self.net.features(image)
        other = F.interpolate(self.path(x, self.net), size=color.shape[-2:], mode="bilinear")
        fused: tuple[Tensor, Tensor] = self.fusion(color, other, present)
        return fused

    def template(self, image: Tensor, x: Tensor, present: Tensor, target: Tensor) -> dict[str, Tensor]:
        """`EdgetrackNet.template` of both pictures."""
        return self.net.remember(self.features(image, x, present)[0], target)

    def search(self, image: Tensor, x: Tensor, present: Tensor, **target: Tensor) -> dict[str, Tensor]:
        """`EdgetrackNet.search` in both pictures; also ``share`` (B, 1, S/16, S/16) of ``x`` in each cell."""
        grid, share = self.features(image, x, present)
        return {**self.net.find(grid, self.net.embed(grid), **target), "share": share}
