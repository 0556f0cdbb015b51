"""Reader of safetensors files without the package of that name; the contents of a file are not trusted."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

LONGEST_HEADER = 100_000_000  # bytes, as in the format's own reader
_TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file, which has eight bytes of length, a JSON header, and little-endian data.

    The tensors share the memory-mapped file, copy on write, so data is read only when it is used.

    Raises:
        ValueError: The header is damaged, or its tensors are outside the data, overlap, or leave gaps.
    """
    size = path.stat().st_size
    if size < 8:
        raise ValueError(f"it has {size} bytes, too few for a safetensors header")
    data = np.memmap(path, np.uint8, mode="c")
    length = int.from_bytes(data[:8].tobytes(), "little")
    if not 2 <= length <= min(LONGEST_HEADER, size - 8):
        raise ValueError(f"its header claims {length} bytes, but the file has {size}")
    try:
        header: dict[str, Any] = json.loads(data[8 : 8 + length].tobytes())
        header.pop("__metadata__", None)
        ranges = {name: _range(name, entry) for name, entry in header.items()}
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"its header is not a table of tensors ({type(error).__name__}: {error})") from None
    _check_ranges(ranges, size - 8 - length)
    body, tensors = torch.from_numpy(data[8 + length :]), {}
    for name, (first, last) in ranges.items():
        kind, shape = _TYPES[header[name]["dtype"]], header[name]["shape"]
        part = body[first:last]
        if first % kind.itemsize or (8 + length) % kind.itemsize:
            part = part.clone()  # values must be aligned to the size of their type
        tensors[name] = part.view(kind).reshape(shape)
    return tensors


def _range(name: str, entry: dict[str, Any]) -> tuple[int, int]:
    shape, (first, last) = entry["shape"], entry["data_offsets"]
    if entry["dtype"] not in _TYPES:
        raise ValueError(f"tensor {name!r:.80} has type {entry['dtype']!r:.20}; expected {', '.join(_TYPES)}")
    if any(type(n) is not int or n < 0 for n in (*shape, first, last)):
        raise ValueError(f"tensor {name!r:.80} has a shape or offset that is not a whole number")
    expected = math.prod(shape) * _TYPES[entry["dtype"]].itemsize
    if last - first != expected:
        raise ValueError(
            f"tensor {name!r:.80} of shape {shape} needs {expected} bytes, but has {last - first}"
        )
    return first, last


def _check_ranges(ranges: dict[str, tuple[int, int]], size: int) -> None:
    """Raise ValueError unless the ranges cover ``size`` bytes without gaps or overlaps."""
    end = 0
    for name, (first, last) in sorted(ranges.items(), key=lambda item: item[1]):
        if first != end:
            what = "overlaps the one before it" if first < end else "leaves a gap before it"
            raise ValueError(f"tensor {name!r:.80} at bytes {first} to {last} {what}")
        end = last
    if end != size:
        raise ValueError(f"its tensors end at byte {end}, but there are {size} bytes of data")
