"""The mask head: the outline of what a box holds, with a memory of how the target looked.

After MobileVOS (Miles et al., CVPR 2023) and STCN (Cheng et al., NeurIPS 2021): keys of 64 channels, affinity by
negative squared distance, a memory of constant size (here two crops: the first, and the last that was sure). The trunk
is the tracker's own, frozen, up to stride 16. The crop around the box is looked at by itself rather than through the
features of the search region: the target is 80 instead of 64 pixels wide there, and its outline that much finer.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgetrack.network.trunk import MobileNetV2

SIDE = 160  # of the crop, in pixels
FACTOR = 2.0  # side of the crop over sqrt(w * h) of the box
SLOTS = 2  # crops that the memory holds
KEY, VALUE = 64, 96  # channels
CELL = 8  # pixels of the crop that a cell of ``target`` covers
POINT = 2  # pixels of the crop that a logit stands for
_TAPS = (0, 2, 5, 12)  # blocks of the trunk: strides 2, 4, 8, 16
_CHANNELS = (16, 24, 32, 96)
_WIDTHS = (16, 32, 64, 96)  # of the decoder at these strides
_MASKED = (
    -30.0
)  # added to affinities of empty slots; finite, so that an empty memory stays finite, and fp16-safe


def _separable(cin: int, cout: int) -> nn.Sequential:
    """A 3x3 convolution as a depthwise and a pointwise one."""
    return nn.Sequential(nn.Conv2d(cin, cin, 3, padding=1, groups=cin), nn.Conv2d(cin, cout, 1))


class _Mix(nn.Module):
    """Residual block of two separable convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _separable(width, width)
        self.second = _separable(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(F.relu(self.first(x))))


class _Rise(nn.Module):
    """Doubles the resolution of a map, adding the trunk's detail at the finer one."""

    def __init__(self, coarse: int, skip: int, width: int) -> None:
        super().__init__()
        self.coarse = nn.Conv2d(coarse, width, 1)
        self.skip = nn.Conv2d(skip, width, 1)
        self.mix = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        wide = F.interpolate(self.coarse(coarse), scale_factor=2.0, mode="bilinear", align_corners=False)
        joined = F.relu(wide + self.skip(skip))
        return F.relu(joined + self.mix(joined))


class MaskHead(nn.Module):
    """Everything but the trunk: 0.16 M parameters.

    One pass gives the mask and what the memory would keep of it, so that a frame costs one run whether it is remembered
    or not.

    Args:
        wide: What all widths but that of the keys are multiplied by; a teacher has more than one.
    """

    def __init__(self, wide: int = 1) -> None:
        super().__init__()
        c2, c4, c8, c16 = _CHANNELS
        w2, w4, w8, w16 = (width * wide for width in _WIDTHS)
        self.values = value = VALUE * wide  # channels of what is remembered
        self.key = _separable(c16 + 2, KEY)
        self.query = nn.Conv2d(c16 + 4, w16, 1)
        self.join = nn.Conv2d(w16 + value, w16, 1)
        self.mix16 = nn.Sequential(_Mix(w16), _Mix(w16))
        self.rise8 = _Rise(w16, c8 + 1, w8)
        self.rise4 = _Rise(w8, c4, w4)
        self.rise2 = _Rise(w4, c2, w2)
        self.out = nn.Conv2d(w2, 1, 3, padding=1)
        self.shape = nn.Conv2d(1, 16, 8, 8)  # the mask at stride 16
        self.value = nn.Sequential(_separable(c16 + 16, value), nn.ReLU(), _separable(value, value))

    def forward(
        self,
        features: tuple[Tensor, Tensor, Tensor, Tensor],
        target: Tensor,
        keys: Tensor,
        values: Tensor,
        known: Tensor,
        given: Tensor,
        trust: Tensor,
    ) -> dict[str, Tensor]:
        """See `MaskNet.forward`."""
        s2, s4, s8, s16 = features
        key = self.key(torch.cat((s16, _places(s16)), 1)).flatten(2)
        read = recall(key, keys, values, known).reshape(len(s16), -1, *s16.shape[-2:])
        box = F.pixel_unshuffle(target, 2)
        x = self.query(torch.cat((s16, box), 1))
        x = self.mix16(F.relu(self.join(torch.cat((F.relu(x), read), 1))))
        x = self.rise8(x, torch.cat((s8, target), 1))
        x = self.rise4(x, s4)
        finest = self.rise2(x, s2)
        logits = self.out(finest)
        mask = trust[..., None, None] * given + (1.0 - trust[..., None, None]) * torch.sigmoid(logits)
        value = self.value(torch.cat((s16, self.shape(mask)), 1)).flatten(2)
        return {"logits": logits, "key": key, "value": value, "embedding": finest}


def wide_of(weights: Mapping[str, Tensor]) -> int:
    """How many times as wide as the exported one the head of a network with these weights is."""
    return len(weights["head.rise2.mix.bias"]) // _WIDTHS[0]


def _places(features: Tensor) -> Tensor:
    """Coordinates (B, 2, H, W) of the cells, -1..1: the crop is centered on the target, so that places compare."""
    batch, _, height, width = features.shape
    y = torch.linspace(-1.0, 1.0, height, device=features.device)[:, None].expand(height, width)
    x = torch.linspace(-1.0, 1.0, width, device=features.device)[None].expand(height, width)
    return torch.stack((x, y))[None].expand(batch, -1, -1, -1)


def recall(query: Tensor, keys: Tensor, values: Tensor, known: Tensor) -> Tensor:
    """What the memory says of each place of the query.

    Softmax over the memory of -|key - query|^2 / sqrt(C), of which |query|^2 cancels (STCN, section 3.2).

    Args:
        query: (B, C, N).
        keys: (B, slots, C, N).
        values: (B, slots, V, N).
        known: (B, slots), 1 for a slot in use. Without any the result is zero.

    Returns:
        (B, V, N).
    """
    count = query.shape[-1]
    memory = keys.permute(0, 1, 3, 2).flatten(1, 2)  # (B, slots * N, C)
    held = (values * known[..., None, None]).permute(0, 1, 3, 2).flatten(1, 2)
    masked = (_MASKED * (1.0 - known)).repeat_interleave(count, dim=1)[:, None]  # (B, 1, slots * N)
    square = memory.square().sum(-1)[:, None]
    affinity = (2.0 * query.transpose(1, 2) @ memory.transpose(1, 2) - square) * query.shape[1] ** -0.5
    return (torch.softmax(affinity + masked, dim=-1) @ held).transpose(1, 2)


class MaskNet(nn.Module):
    """The trunk up to stride 16 and the mask head, ``wide`` times as wide as the one that is exported."""

    def __init__(self, wide: int = 1) -> None:
        super().__init__()
        self.trunk = MobileNetV2()
        self.trunk.requires_grad_(False)
        self.head = MaskHead(wide)

    def features(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Maps at strides 2, 4, 8 and 16 of images (B, 3, S, S) RGB in -1..1."""
        x, taps = F.relu6(self.trunk.stem(image)), []
        for i, block in enumerate(self.trunk.blocks[: _TAPS[-1] + 1]):
            x = block(x)
            if i in _TAPS:
                taps.append(x)
        return taps[0], taps[1], taps[2], taps[3]

    def forward(
        self,
        image: Tensor,
        target: Tensor,
        keys: Tensor,
        values: Tensor,
        known: Tensor,
        given: Tensor,
        trust: Tensor,
    ) -> dict[str, Tensor]:
        """Outline the target of a crop.

        Args:
            image: (B, 3, SIDE, SIDE) RGB in -1..1, the square of ``FACTOR`` times the box's size around its center.
            target: (B, 1, SIDE / 8, SIDE / 8), share of each cell that the box covers.
            keys: (B, SLOTS, KEY, N) and ``values`` (B, SLOTS, VALUE, N) of the memory, N = (SIDE / 16)^2. In training
                there may be any number of slots.
            values: See ``keys``.
            known: (B, SLOTS), 1 for a slot in use.
            given: (B, 1, SIDE / 2, SIDE / 2), a mask 0..1 that is known to be right, zeros where ``trust`` is.
            trust: (B, 1), 1 where ``given`` is to be remembered instead of what is found.

        Returns:
            ``logits`` (B, 1, SIDE / 2, SIDE / 2) of the mask; ``key`` (B, KEY, N) and ``value`` (B, VALUE, N), a slot
            of the memory; ``embedding`` (B, 16, SIDE / 2, SIDE / 2), what the logits are computed from.
        """
        return self.head(self.features(image), target, keys, values, known, given, trust)  # type: ignore[no-any-return]
