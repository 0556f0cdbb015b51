"""The mask head: segments the object in a box, with a memory of the target's appearance.

After MobileVOS (Miles et al., CVPR 2023) and STCN (Cheng et al., NeurIPS 2021): keys of 64 channels, affinity by
negative squared distance, a memory of constant size (here two crops: the first, and the last confident one). The trunk
is the tracker's own, frozen, up to stride 16. The head processes a separate crop around the box instead of the features
of the search region: the target is 80 instead of 64 pixels wide there, and its outline correspondingly finer.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgetrack.network.trunk import MobileNetV2

SIDE = 160  # of the crop, in pixels
FACTOR = 2.0  # side of the crop divided by sqrt(w * h) of the box
SLOTS = 2  # crops that the memory holds
KEY, VALUE = 64, 96  # channels
CELL = 8  # side of a cell of ``target``, in pixels of the crop
POINT = 2  # side of a logit, in pixels of the crop
_TAPS = (0, 2, 5, 12)  # trunk blocks at strides 2, 4, 8, 16
_CHANNELS = (16, 24, 32, 96)
_WIDTHS = (16, 32, 64, 96)  # widths of the decoder at these strides
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
    """Doubles the resolution of a map and adds the trunk's features of the finer resolution."""

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
    """Everything except the trunk: 0.16 M parameters.

    One pass computes the mask and the memory entry of the frame, so that every frame takes one run, whether it is
    stored in the memory or not.

    Args:
        wide: Factor for all widths except that of the keys; above 1 for a teacher.
    """

    def __init__(self, wide: int = 1) -> None:
        super().__init__()
        c2, c4, c8, c16 = _CHANNELS
        w2, w4, w8, w16 = (width * wide for width in _WIDTHS)
        self.values = value = VALUE * wide  # channels of the memory's values
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
    """Return the factor ``wide`` of the head with these weights, relative to the exported head."""
    return len(weights["head.rise2.mix.bias"]) // _WIDTHS[0]


def _places(features: Tensor) -> Tensor:
    """Return cell coordinates (B, 2, H, W), -1..1; crops are centered on the target, so positions are comparable."""
    batch, _, height, width = features.shape
    y = torch.linspace(-1.0, 1.0, height, device=features.device)[:, None].expand(height, width)
    x = torch.linspace(-1.0, 1.0, width, device=features.device)[None].expand(height, width)
    return torch.stack((x, y))[None].expand(batch, -1, -1, -1)


def recall(query: Tensor, keys: Tensor, values: Tensor, known: Tensor) -> Tensor:
    """Read the memory at each position of the query.

    The weights are a softmax over the memory of -|key - query|^2 / sqrt(C), in which |query|^2 cancels (STCN, section
    3.2).

    Args:
        query: (B, C, N).
        keys: (B, slots, C, N).
        values: (B, slots, V, N).
        known: (B, slots), 1 for a slot in use. If no slot is in use, the result is zero.

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
    """The trunk up to stride 16 and the mask head, ``wide`` times as wide as the exported one."""

    def __init__(self, wide: int = 1) -> None:
        super().__init__()
        self.trunk = MobileNetV2()
        self.trunk.requires_grad_(False)
        self.head = MaskHead(wide)

    def features(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return maps at strides 2, 4, 8 and 16 of images (B, 3, S, S), RGB in -1..1."""
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
        """Segment the target in a crop.

        Args:
            image: (B, 3, SIDE, SIDE) RGB in -1..1, the square of ``FACTOR`` times the box's size around its center.
            target: (B, 1, SIDE / 8, SIDE / 8), fraction of each cell that the box covers.
            keys: (B, SLOTS, KEY, N) and ``values`` (B, SLOTS, VALUE, N) of the memory, N = (SIDE / 16)^2. Training may
                use any number of slots.
            values: See ``keys``.
            known: (B, SLOTS), 1 for a slot in use.
            given: (B, 1, SIDE / 2, SIDE / 2), a mask known to be correct, 0..1; zeros where ``trust`` is 0.
            trust: (B, 1), 1 to store ``given`` in the memory instead of the predicted mask.

        Returns:
            ``logits`` (B, 1, SIDE / 2, SIDE / 2) of the mask; ``key`` (B, KEY, N) and ``value`` (B, VALUE, N), the
            memory entry; ``embedding`` (B, 16, SIDE / 2, SIDE / 2), from which the logits are computed.
        """
        return self.head(self.features(image), target, keys, values, known, given, trust)  # type: ignore[no-any-return]
