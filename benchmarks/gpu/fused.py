"""Call the CUDA kernels from Python on PyTorch tensors, through the C functions of kernels/cuda_kernels.h."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import torch
from torch import Tensor

from edgetrack._native import library

SIZES = ((256, 192, 64), (400, 192, 64), (1024, 192, 512), (1024, 768, 512))  # N, D = E, K: shipped, largest
TYPES = {torch.float32: 0, torch.float16: 1, torch.int8: 2}
PROTOTYPES = 2
POISON = 77  # fills every output before a call, so that missing writes are visible


class Buffers(ctypes.Structure):
    """edgetrack::TokenSelectBuffers."""

    _fields_ = [
        (name, ctypes.c_void_p)
        for name in (
            "tokens",
            "keys",
            "prototypes",
            "threshold",
            "selected",
            "indices",
            "count",
            "scores",
        )
    ]


class Plane(ctypes.Structure):
    """edgetrack::BgrFrame."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("row_bytes", ctypes.c_ssize_t),
        ("height", ctypes.c_int32),
        ("width", ctypes.c_int32),
    ]


class Planes(ctypes.Structure):
    """edgetrack::Nv12Frame."""

    _fields_ = [
        ("luma", ctypes.c_void_p),
        ("chroma", ctypes.c_void_p),
        ("luma_row_bytes", ctypes.c_ssize_t),
        ("chroma_row_bytes", ctypes.c_ssize_t),
        ("height", ctypes.c_int32),
        ("width", ctypes.c_int32),
    ]


def require(error: int) -> None:
    """Exit if a kernel could not be queued."""
    if error != 0:
        raise SystemExit(f"the kernel gave CUDA error {error}; see cudaError_t in CUDA's documentation")


def stream() -> ctypes.c_void_p:
    """Return PyTorch's current stream."""
    return ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)


class FusedSelect:
    """One prepared call of the kernel; every call is one launch on the current stream."""

    def __init__(self, tokens: Tensor, prototypes: Tensor, threshold: Tensor, keep: int) -> None:
        batch, number, width = tokens.shape
        device = tokens.device
        self.kernels = ctypes.CDLL(str(library("cuda")))
        self.type = TYPES[tokens.dtype]
        self.shape = (ctypes.c_int32 * 6)(batch, number, width, width, prototypes.shape[1], keep)
        self.selected = torch.full((batch, keep, width), POISON, dtype=tokens.dtype, device=device)
        self.indices = torch.full((batch, keep), -POISON, dtype=torch.int32, device=device)
        self.count = torch.full((batch,), -POISON, dtype=torch.int32, device=device)
        self.scores = torch.full((batch, number), float("nan"), device=device)
        self.kept = (tokens, tokens, prototypes, threshold)
        outputs = (self.selected, self.indices, self.count, self.scores)
        self.buffers = Buffers(*(t.data_ptr() for t in (*self.kept, *outputs)))
        blocks = ctypes.c_int32()
        require(self.kernels.edgetrack_token_select_blocks(self.type, self.shape, ctypes.byref(blocks)))
        self.blocks = blocks.value

    def __call__(self) -> None:
        require(
            self.kernels.edgetrack_token_select(
                self.type, self.shape, ctypes.byref(self.buffers), self.blocks, stream()
            )
        )

    def restore(self, tokens: Tensor, selected: Tensor) -> Tensor:
        """Do the inverse: return ``tokens`` with ``selected`` written at the indices of this call."""
        out = torch.full_like(tokens, POISON)
        batch, number, width = tokens.shape
        shape = (ctypes.c_int32 * 4)(batch, number, selected.shape[1], width * tokens.element_size())
        addresses = (ctypes.c_void_p(t.data_ptr()) for t in (tokens, selected, self.indices, out))
        require(self.kernels.edgetrack_token_restore(shape, *addresses, stream()))
        return out


def crop(
    frame: Tensor, chroma: Tensor | None, region: Sequence[float], out: Tensor, colors: Sequence[float]
) -> None:
    """Crop ``frame`` (H, W, 3) BGR, or (H, W) luma with ``chroma`` (H / 2, W / 2, 2), to ``out`` (3, rows, cols)."""
    kernels = ctypes.CDLL(str(library("cuda")))
    height, width = frame.shape[:2]
    if chroma is None:
        function = kernels.edgetrack_crop_bgr
        given: ctypes.Structure = Plane(frame.data_ptr(), frame.stride(0), height, width)
    else:
        function = kernels.edgetrack_crop_nv12
        rows = (frame.stride(0), chroma.stride(0))
        given = Planes(frame.data_ptr(), chroma.data_ptr(), *rows, height, width)
    box, numbers = (ctypes.c_double * 4)(*region), (ctypes.c_float * 9)(*colors)
    half, address = int(out.dtype == torch.float16), ctypes.c_void_p(out.data_ptr())
    require(function(ctypes.byref(given), box, numbers, *out.shape[1:], half, address, stream()))


def make_inputs(
    batch: int, number: int, width: int, dtype: torch.dtype, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return tokens, prototypes of unit length, and threshold, on the GPU."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randn(batch, number, width, generator=generator)
    tokens = (tokens * 40).round().clamp(-127, 127) if dtype == torch.int8 else tokens
    prototypes = torch.randn(batch, PROTOTYPES, width, generator=generator)
    prototypes = torch.nn.functional.normalize(prototypes, dim=-1)
    threshold = 0.1 * torch.randn(batch, generator=generator)
    return tokens.to(dtype).cuda(), prototypes.cuda(), threshold.cuda()
