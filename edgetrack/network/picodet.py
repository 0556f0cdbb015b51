"""PicoDet-S (Yu et al., 2021, arXiv:2111.00902): a detector of 80 classes with 1 M parameters.

The grounding network builds on its trunk (an enhanced ShuffleNet), neck (CSP-PAN) and box head. The weights are
PaddleDetection's (Apache-2.0), trained on COCO, and read from the published ONNX file in execution order.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STRIDES = (8, 16, 32, 64)
CLASSES = 80
BINS = 8  # bins of the distribution that encodes each side of a box (generalized focal loss)
WIDTH = 96  # channels of the neck and of the head's features
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # RGB, 0..255, those of ImageNet
# (channels, width of the first block's second branch, hidden width of each block that keeps the size)
_STAGES = ((96, 44, (24, 24)), (192, 48, (60, 48, 60, 48, 48, 48)), (384, 96, (96, 96)))


def _conv(cin: int, cout: int, kernel: int = 1, stride: int = 1, *, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(cin, cout, kernel, stride, kernel // 2, groups=groups)


def _depthwise(width: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return _conv(width, width, kernel, stride, groups=width)


class _Squeeze(nn.Module):
    """Squeeze and excitation with a quarter of the channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.down = _conv(width, width // 4)
        self.up = _conv(width // 4, width)

    def forward(self, x: Tensor) -> Tensor:
        gate: Tensor = self.up(F.relu(self.down(x.mean((2, 3), keepdim=True))))
        return x * (gate / 6 + 0.5).clamp(0, 1)


class _Halving(nn.Module):
    """The first block of a stage: two branches at stride 2, joined and mixed."""

    def __init__(self, cin: int, cout: int, middle: int) -> None:
        super().__init__()
        self.left = nn.ModuleList((_depthwise(cin, 3, 2), _conv(cin, cout // 2)))
        self.right = nn.ModuleList((_conv(cin, middle), _depthwise(middle, 3, 2)))
        self.squeeze = _Squeeze(middle)
        self.project = _conv(middle, cout // 2)
        self.mix = nn.ModuleList((_depthwise(cout, 3), _conv(cout, cout)))

    def forward(self, x: Tensor) -> Tensor:
        left = F.hardswish(self.left[1](self.left[0](x)))
        right = self.squeeze(self.right[1](F.hardswish(self.right[0](x))))
        joined = torch.cat((left, F.hardswish(self.project(right))), 1)
        return F.hardswish(self.mix[1](F.hardswish(self.mix[0](joined))))


class _Keeping(nn.Module):
    """A block that keeps the size: half of the channels pass through, the others are processed, then both shuffled."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.expand = _conv(width // 2, hidden)
        self.depthwise = _depthwise(hidden, 3)
        self.squeeze = _Squeeze(2 * hidden)
        self.project = _conv(2 * hidden, width // 2)

    def forward(self, x: Tensor) -> Tensor:
        passed, renewed = x.chunk(2, 1)
        ghost = F.hardswish(self.expand(renewed))
        ghost = self.squeeze(torch.cat((ghost, self.depthwise(ghost)), 1))
        renewed = F.hardswish(self.project(ghost))
        return torch.stack((passed, renewed), 2).flatten(1, 2)  # interleave the two halves channel by channel


class _Trunk(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = _conv(3, 24, 3, 2)
        stages, cin = [], 24
        for cout, middle, hidden in _STAGES:
            stages.append(nn.Sequential(_Halving(cin, cout, middle), *(_Keeping(cout, h) for h in hidden)))
            cin = cout
        self.stages = nn.ModuleList(stages)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Maps at strides 4, 8, 16 and 32."""
        maps = [F.max_pool2d(F.hardswish(self.stem(image)), 3, 2, 1)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return maps


class _Csp(nn.Module):
    """Cross-stage partial block of the neck: half of the channels take a shortcut."""

    def __init__(self) -> None:
        super().__init__()
        half = WIDTH // 2
        self.short = _conv(2 * WIDTH, half)
        self.long = _conv(2 * WIDTH, half)
        self.block = nn.ModuleList((_conv(half, half), _depthwise(half, 5), _conv(half, half)))
        self.join = _conv(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        y = F.hardswish(self.long(x))
        for conv in self.block:
            y = F.hardswish(conv(y))
        return F.hardswish(self.join(torch.cat((y, F.hardswish(self.short(x))), 1)))


class _Separable(nn.Module):
    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.depthwise = _depthwise(WIDTH, 5, stride)
        self.pointwise = _conv(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return F.hardswish(self.pointwise(F.hardswish(self.depthwise(x))))


class _Up(nn.Module):
    """From a fine level to the next coarser one: downsample, concatenate with the coarser map, mix."""

    def __init__(self) -> None:
        super().__init__()
        self.shrink, self.mix = _Separable(2), _Csp()

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        return self.mix(torch.cat((self.shrink(fine), coarse), 1))  # type: ignore[no-any-return]


class _Neck(nn.Module):
    """CSP-PAN: coarse maps are passed down to the fine ones and up again; a fourth level is added on top."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.ModuleList(_conv(cout, WIDTH) for cout, _, _ in _STAGES)
        self.down = nn.ModuleList(_Csp() for _ in range(2))
        self.up = nn.ModuleList(_Up() for _ in range(2))
        self.top = nn.ModuleList((_Separable(2), _Separable(2)))

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        fine, middle, coarse = (F.hardswish(conv(x)) for conv, x in zip(self.enter, maps, strict=True))
        middle = self.down[0](torch.cat((F.interpolate(coarse, scale_factor=2.0), middle), 1))
        fine = self.down[1](torch.cat((F.interpolate(middle, scale_factor=2.0), fine), 1))
        middle = self.up[0](fine, middle)
        last = self.up[1](middle, coarse)
        return [fine, middle, last, self.top[0](coarse) + self.top[1](last)]


class Detections(NamedTuple):
    """The outputs of all N cells of the four levels, fine levels first, row by row."""

    logits: Tensor  # (B, N, 80)
    boxes: Tensor  # (B, N, 4): x1, y1, x2, y2 in pixels of the input
    features: Tensor  # (B, N, 96): input of both
    level: Tensor  # (N,) int64: index into `STRIDES`
    maps: tuple[
        Tensor, Tensor
    ]  # the trunk's at stride 4 (B, 24, H/4, W/4), the neck's at stride 8 (B, 96, H/8, W/8)


class PicoDet(nn.Module):
    """The detector; input (B, 3, H, W) RGB, normalized by `MEAN` and `STD`, H and W multiples of 64 or 32."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk, self.neck = _Trunk(), _Neck()
        self.towers = nn.ModuleList(nn.Sequential(_Separable(), _Separable()) for _ in STRIDES)
        self.heads = nn.ModuleList(_conv(WIDTH, CLASSES + 4 * BINS) for _ in STRIDES)

    def forward(self, image: Tensor) -> Detections:
        """Detect objects in the images. Scores are joint estimates of class and localization quality."""
        maps = self.trunk(image)
        levels = self.neck(maps[1:])
        logits, boxes, features, which = [], [], [], []
        for i, (tower, head, level) in enumerate(zip(self.towers, self.heads, levels, strict=True)):
            feature = tower(level)
            out = head(feature).flatten(2).transpose(1, 2)
            logits.append(out[..., :CLASSES])
            boxes.append(_boxes(out[..., CLASSES:], level.shape[-2], level.shape[-1], STRIDES[i]))
            features.append(feature.flatten(2).transpose(1, 2))
            which.append(torch.full((out.shape[1],), i))
        return Detections(
            torch.cat(logits, 1),
            torch.cat(boxes, 1),
            torch.cat(features, 1),
            torch.cat(which),
            (maps[0], levels[0]),
        )

    def load_onnx(self, path: Path) -> None:
        """Copy the weights of PaddleDetection's ``picodet_s_416_coco.onnx``.

        Raises:
            ValueError: The convolutions in the file do not match this network.
        """
        import onnx
        from onnx import numpy_helper

        graph = onnx.load(str(path)).graph
        stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        stored |= {
            n.output[0]: numpy_helper.to_array(n.attribute[0].t)
            for n in graph.node
            if n.op_type == "Constant"
        }
        convs = [node for node in graph.node if node.op_type == "Conv"]
        own = [module for module in self._in_order() if isinstance(module, nn.Conv2d)]
        for module, node in zip(own, convs, strict=True):
            weight, bias = (torch.tensor(stored[name]) for name in node.input[1:3])
            if weight.shape != module.weight.shape:
                raise ValueError(
                    f"{node.name}: weights {tuple(weight.shape)}; expected {tuple(module.weight.shape)}"
                )
            module.weight.data.copy_(weight)
            module.bias.data.copy_(bias.flatten())  # type: ignore[union-attr]

    def _in_order(self) -> list[nn.Module]:
        """Return all modules in the order in which the published graph runs them."""
        order: list[nn.Module] = [*self.trunk.modules(), *self.neck.modules()]
        for tower, head in zip(self.towers, self.heads, strict=True):
            order += [*tower.modules(), head]
        return order


def _boxes(bins: Tensor, rows: int, columns: int, stride: int) -> Tensor:
    """Return boxes (B, N, 4) from logits (B, N, 4 * BINS) of the distances to the four sides, in strides."""
    share = bins.reshape(*bins.shape[:-1], 4, BINS).softmax(-1)
    distance = (share * torch.arange(BINS, dtype=bins.dtype, device=bins.device)).sum(-1) * stride
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    centers = (torch.stack((x, y), -1).reshape(-1, 2).to(bins) + 0.5) * stride - 0.5
    return torch.cat((centers - distance[..., :2], centers + distance[..., 2:]), -1)
