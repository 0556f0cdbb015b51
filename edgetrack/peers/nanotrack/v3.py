"""NanoTrack v3 in PyTorch, for its published checkpoint ``*.pth``; the names of layers are those in the file.

MobileNetV3-small (Howard et al., ICCV 2019) down to stride 16, and a head that compares template and search region
pixel by pixel and channel by channel.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgetrack.errors import ExportError, reason_of
from edgetrack.peers.nanotrack import SEARCH, TEMPLATE, VERSIONS

_WIDTH = VERSIONS["nanotrack-v3"]
# for each block: kernel, inner width, width, squeezed width or 0, hard swish, stride
_BLOCKS = (
    (3, 16, 16, 8, False, 2),
    (3, 72, 24, 0, False, 2),
    (3, 88, 24, 0, False, 1),
    (5, 96, 40, 24, True, 2),
    (5, 240, 40, 64, True, 1),
    (5, 240, 40, 64, True, 1),
    (5, 120, 48, 32, True, 1),
    (5, 144, 48, 40, True, 1),
    (5, 288, _WIDTH, 72, True, 1),
)
# The file contains the best score of the training as a NumPy scalar; these types are safe to load.
_NUMBERS: list[Any] = [
    (np.float64(0).__reduce__()[0], "numpy.core.multiarray.scalar"),
    np.dtype,
    type(np.dtype(np.float64)),
    codecs.encode,
]


def _conv(
    width: int,
    out: int,
    kernel: int = 1,
    *,
    stride: int = 1,
    pad: int | None = None,
    groups: int = 1,
    bias: bool = False,
) -> list[nn.Module]:
    pad = kernel // 2 if pad is None else pad
    return [nn.Conv2d(width, out, kernel, stride, pad, groups=groups, bias=bias), nn.BatchNorm2d(out)]


class _Squeeze(nn.Module):
    """Squeeze-and-excitation: weights channels by their means."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(width, inner), nn.ReLU(), nn.Linear(inner, width), nn.Hardsigmoid())

    def forward(self, x: Tensor) -> Tensor:
        return x * cast(Tensor, self.fc(x.mean((2, 3))))[:, :, None, None]


class _Block(nn.Module):
    def __init__(
        self, width: int, kernel: int, inner: int, out: int, squeezed: int, swish: bool, stride: int
    ) -> None:
        super().__init__()
        act: nn.Module = nn.Hardswish() if swish else nn.ReLU()
        squeeze = _Squeeze(inner, squeezed) if squeezed else nn.Identity()
        wider = _conv(width, inner)
        deep = _conv(inner, inner, kernel, stride=stride, groups=inner)
        narrow = _conv(inner, out)
        order = (
            [*deep, act, squeeze, *narrow] if inner == width else [*wider, act, *deep, squeeze, act, *narrow]
        )
        self.conv = nn.Sequential(*order)
        self.adds = stride == 1 and width == out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.adds else y


class _Backbone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        blocks: list[nn.Module] = [nn.Sequential(*_conv(3, 16, 3, stride=2), nn.Hardswish())]
        width = 16
        for kernel, inner, out, squeezed, swish, stride in _BLOCKS:
            blocks.append(_Block(width, kernel, inner, out, squeezed, swish, stride))
            width = out
        self.features = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.features(x))


class _Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(width, width, 1), nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


class _Pair(nn.Module):
    """The common first layers of both correlations."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_kernel = nn.Sequential(*_conv(_WIDTH, _WIDTH, bias=True))
        self.conv_search = nn.Sequential(*_conv(_WIDTH, _WIDTH, bias=True))


class _ByPixel(_Pair):
    """Pixel-wise correlation, with one channel for each of the template's 8x8 cells."""

    def __init__(self) -> None:
        super().__init__()
        self.CA_layer = _Attention(64)
        self.conv = nn.Sequential(*_conv(64, 64, 2, pad=0, groups=64), nn.ReLU6(), *_conv(64, 64, bias=True))

    def forward(self, kernel: Tensor, search: Tensor) -> Tensor:
        cells = self.conv_kernel(kernel).flatten(2).transpose(1, 2)
        search = self.conv_search(search)
        return cast(
            Tensor, self.conv(self.CA_layer((cells @ search.flatten(2)).unflatten(2, search.shape[2:])))
        )


class _ByChannel(_Pair):
    """Depth-wise correlation, with the center of the template as the filter of each channel."""

    def forward(self, kernel: Tensor, search: Tensor) -> Tensor:
        middle = self.conv_kernel(kernel[:, :, 2:6, 2:6])
        return F.conv2d(self.conv_search(search), middle.transpose(0, 1), padding=1, groups=_WIDTH)


def _tower() -> nn.Sequential:
    step = [
        layer
        for _ in range(6)
        for layer in (*_conv(_WIDTH, _WIDTH, 3, groups=_WIDTH), nn.ReLU6(), *_conv(_WIDTH, _WIDTH))
    ]
    return nn.Sequential(*step)


class _Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        for part, outputs in (("cls", 2), ("bbox", 4)):
            kind = "cls" if part == "cls" else "reg"
            self.add_module(f"corr_pw_{kind}", _ByPixel())
            self.add_module(f"corr_dw_{kind}", _ByChannel())
            self.add_module(f"down_{kind}", nn.Sequential(nn.Conv2d(64 + _WIDTH, _WIDTH, 1)))
            self.add_module(f"{part}_tower", _tower())
            name = "cls_logits" if part == "cls" else "bbox_pred"
            self.add_module(name, nn.Sequential(nn.Conv2d(_WIDTH, outputs, 1)))

    def forward(self, kernel: Tensor, search: Tensor) -> tuple[Tensor, Tensor]:
        parts = self._modules
        joined = {}
        for kind in ("cls", "reg"):
            both = [cast(nn.Module, parts[f"corr_{how}_{kind}"])(kernel, search) for how in ("pw", "dw")]
            joined[kind] = cast(nn.Module, parts[f"down_{kind}"])(torch.cat(both, 1))
        classes = self.get_submodule("cls_logits")(self.get_submodule("cls_tower")(joined["cls"]))
        sides = self.get_submodule("bbox_pred")(self.get_submodule("bbox_tower")(joined["reg"]))
        return classes, torch.exp(sides)


class NanoTrackV3(nn.Module):
    """image (1, 3, 255, 255) RGB 0..255, kernel (1, 96, 8, 8) -> classes (1, 2, 15, 15), sides (1, 4, 15, 15)."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.ban_head = _Backbone(), _Head()

    def forward(self, image: Tensor, kernel: Tensor) -> tuple[Tensor, Tensor]:
        return cast("tuple[Tensor, Tensor]", self.ban_head(kernel, self.backbone(image)))


def graphs(path: Path) -> Mapping[str, onnx.ModelProto]:
    """Return the graphs ``template`` and ``search`` of a checkpoint.

    Raises:
        ExportError: it is not a checkpoint of NanoTrack v3.
    """
    from edgetrack.export.adapters import torch_graph

    network = NanoTrackV3()
    try:
        with torch.serialization.safe_globals(_NUMBERS):
            state: Any = torch.load(path, map_location="cpu", weights_only=True)
        state = state.get("state_dict", state)
        network.load_state_dict({k: v for k, v in state.items() if not k.startswith("neck.")})  # unused
    except Exception as error:  # torch.load may raise anything for damaged files
        raise ExportError(
            f"{path} cannot be loaded ({reason_of(error)}); expected the published checkpoint of NanoTrack v3"
        ) from error
    images = {side: (1, 3, side, side) for side in (TEMPLATE, SEARCH)}
    kernel = {"kernel": (1, _WIDTH, 8, 8)}
    return {
        "template": torch_graph(network.backbone, inputs={"image": images[TEMPLATE]}, outputs=["kernel"]),
        "search": torch_graph(
            network, inputs={"image": images[SEARCH], **kernel}, outputs=["classes", "sides"]
        ),
    }
