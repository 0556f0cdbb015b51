"""MobileNetV2 1.0 (Sandler et al., CVPR 2018) with the batch norms folded into the convolutions."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from edgetrack.errors import ConfigError, reason_of

# expansion, output channels, repeats, first stride (the paper, table 2)
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class _Conv(nn.Module):
    """A convolution with bias; stride 2 pads right and bottom only, as the published weights expect."""

    def __init__(self, cin: int, cout: int, kernel: int, stride: int = 1, *, depthwise: bool = False) -> None:
        super().__init__()
        groups = cin if depthwise else 1
        self.conv = nn.Conv2d(cin, cout, kernel, stride, 0 if stride == 2 else kernel // 2, groups=groups)
        self.pad = (0, 1, 0, 1) if stride == 2 else None

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, self.pad) if self.pad else x)  # type: ignore[no-any-return]


class _Block(nn.Module):
    """Inverted residual: expand 1x1, depthwise 3x3, project 1x1."""

    def __init__(self, cin: int, cout: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = cin * expansion
        self.expand = _Conv(cin, hidden, 1) if expansion > 1 else None
        self.depthwise = _Conv(hidden, hidden, 3, stride, depthwise=True)
        self.project = _Conv(hidden, cout, 1)
        self.residual = stride == 1 and cin == cout

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else F.relu6(self.expand(x))
        out: Tensor = self.project(F.relu6(self.depthwise(y)))
        return x + out if self.residual else out


class MobileNetV2(nn.Module):
    """Features at strides 8, 16 and 32.

    Input (B, 3, H, W) RGB in -1..1, H and W multiples of 32. Output (B, 32, H/8, W/8), (B, 96, H/16, W/16),
    (B, 320, H/32, W/32).
    """

    channels = (32, 96, 320)
    ends = (5, 12)  # the last blocks of strides 8 and 16

    def __init__(self) -> None:
        super().__init__()
        self.stem = _Conv(3, 32, 3, 2)
        blocks, cin = [], 32
        for expansion, cout, repeats, first in _STAGES:
            for i in range(repeats):
                blocks.append(_Block(cin, cout, first if i == 0 else 1, expansion))
                cin = cout
        self.blocks = nn.ModuleList(blocks)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, stages = F.relu6(self.stem(image)), []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in self.ends:
                stages.append(x)
        return stages[0], stages[1], x

    def load_imagenet(self, path: Path) -> None:
        """Load the ImageNet weights from an .npz file with keys ``stem``, ``blocks.N.{expand,depthwise,project}``.

        Raises:
            ConfigError: The file is missing or damaged, or has weights of another network.
        """
        try:
            with np.load(path) as arrays:
                for name, module in self.named_modules():
                    if isinstance(module, _Conv):
                        _fill(module.conv.weight, arrays[f"{name}.weight"])
                        _fill(cast(Tensor, module.conv.bias), arrays[f"{name}.bias"])
        except (OSError, KeyError, ValueError, RuntimeError, EOFError, BadZipFile) as error:
            raise ConfigError(
                f"{path} cannot be read ({reason_of(error)}); expected the ImageNet weights of MobileNetV2 1.0, "
                "batch norms folded: download it again, or set 'initial' to a checkpoint to start from"
            ) from error


def _fill(parameter: Tensor, values: NDArray[np.floating[Any]]) -> None:
    parameter.data.copy_(torch.from_numpy(values.astype(np.float32)).reshape(parameter.shape))
