"""The file of a learned model: NumPy's npz without pickles, which is validated when it is read.

It does not contain the background, which will have changed by then, and is learned again within ten seconds.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import StateError
from edgetrack.io.files import write_whole
from edgetrack.unusual.bank import BUDGET
from edgetrack.unusual.calibration import MAX_BLOCKS
from edgetrack.unusual.features import FAMILIES
from edgetrack.unusual.model import GRID, NormalModel

VERSION = 1
MAX_BYTES = 4_000_000  # largest size of a file; a model needs less
SMALLEST, LARGEST = 1e-6, 1e15  # of values that are divisors or squared, and of any value

Array = NDArray[Any]
# The head of an array as np.save writes it.
_HEAD = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '(<(?:f[248]|[iu][248]))', 'fortran_order': False, "
    rb"'shape': \(([\d, ]{0,40})\), \} *\n",
    re.DOTALL,
)
# Largest shape of each array; a negative number is a length that may be smaller.
_SHAPES: dict[str, tuple[type, tuple[int, ...]]] = {
    "version": (np.int64, ()),
    "seconds": (np.float64, ()),
    "block_s": (np.float64, ()),
    "blocks": (np.int64, ()),
    "maxima": (np.float64, (-MAX_BLOCKS, len(FAMILIES))),
    "activity": (np.float64, GRID),
}
for _family in FAMILIES:
    _SHAPES[f"{_family.name}.centers"] = (np.float64, (-BUDGET, _family.length))
    _SHAPES[f"{_family.name}.visits"] = (np.float64, (-BUDGET,))
    _SHAPES[f"{_family.name}.radius"] = (np.float64, ())


def save(model: NormalModel, path: Path) -> None:
    """Write the state of a model to a file; equal states give identical files.

    Raises:
        SinkError: the file cannot be written.
    """
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **_arrays(model))
    write_whole(path, buffer.getvalue(), option="file for the state")


def load(path: Path) -> NormalModel:
    """Read a model from a file.

    Raises:
        StateError: the file is missing, damaged, foreign or newer.
    """
    arrays = _read(path)
    if arrays["version"] != VERSION:
        raise _refuse(path, f"it has version {int(arrays['version'])}; expected {VERSION}")
    _check_values(path, arrays)
    model = NormalModel(block_s=float(arrays["block_s"]))
    model.seconds, model.activity = float(arrays["seconds"]), arrays["activity"]
    model.calibration.maxima, model.calibration.blocks = arrays["maxima"], int(arrays["blocks"])
    model.calibration.refresh()
    for family, bank in zip(FAMILIES, model.banks, strict=True):
        bank.centers, bank.visits = arrays[f"{family.name}.centers"], arrays[f"{family.name}.visits"]
        bank.radius = float(arrays[f"{family.name}.radius"])
    return model


def _arrays(model: NormalModel) -> dict[str, Any]:
    made: dict[str, Any] = {
        "version": np.int64(VERSION),
        "seconds": np.float64(model.seconds),
        "block_s": np.float64(model.calibration.block_s),
        "blocks": np.int64(model.calibration.blocks),
        "maxima": model.calibration.maxima,
        "activity": model.activity,
    }
    for family, bank in zip(FAMILIES, model.banks, strict=True):
        made[f"{family.name}.centers"] = bank.centers
        made[f"{family.name}.visits"] = bank.visits
        made[f"{family.name}.radius"] = np.float64(bank.radius)
    return made


def _read(path: Path) -> dict[str, Array]:
    """Return the arrays of a file, each of an expected name, type and size."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _refuse(path, f"it has {path.stat().st_size} bytes; expected at most {MAX_BYTES}")
        with zipfile.ZipFile(path) as file:
            entries = {entry.filename.removesuffix(".npy"): entry for entry in file.infolist()}
            if sorted(entries) != sorted(_SHAPES) or len(entries) != len(file.infolist()):
                raise _refuse(path, "its contents are not those of a state file")
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries.values()):
                raise _refuse(path, "it is compressed, but state files are not")
            if sum(entry.file_size for entry in entries.values()) > MAX_BYTES:
                raise _refuse(path, "it would need too much memory")
            return {name: _array(path, name, file.read(entry)) for name, entry in entries.items()}
    except FileNotFoundError:
        raise StateError(
            f"state {path} does not exist; expected a file written by NormalModel.save"
        ) from None
    except (OSError, ValueError, zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
        if isinstance(error, StateError):
            raise
        raise _refuse(path, f"it cannot be read ({type(error).__name__}: {error})") from error


def _array(path: Path, name: str, content: bytes) -> Array:
    dtype, bounds = _SHAPES[name]
    head = _HEAD.match(content)  # NumPy's own reader would evaluate this text
    if head is None:
        raise _refuse(path, f"{name} has another format")
    found, shape = np.dtype(head[1].decode()), tuple(int(side) for side in re.findall(rb"\d+", head[2]))
    fits = len(shape) == len(bounds) and all(
        have == most if most >= 0 else 0 <= have <= -most for have, most in zip(shape, bounds, strict=True)
    )
    if not fits or found != dtype or len(content) - head.end() != math.prod(shape) * found.itemsize:
        raise _refuse(path, f"{name} is {found} {shape}; expected {np.dtype(dtype)} of at most {bounds}")
    array: Array = np.frombuffer(content, found, offset=head.end()).reshape(shape).copy()
    return array


def _check_values(path: Path, arrays: dict[str, Array]) -> None:
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise _refuse(path, f"{name} has a value that is not finite")
        if (np.abs(array) > LARGEST).any():
            raise _refuse(path, f"{name} has a value beyond {LARGEST:g}")
        if "centers" not in name and (array < 0).any():
            raise _refuse(path, f"{name} has a negative value")
    for family in FAMILIES:
        if len(arrays[f"{family.name}.centers"]) != len(arrays[f"{family.name}.visits"]):
            raise _refuse(path, f"{family.name} has different numbers of centers and visits")
        if arrays[f"{family.name}.radius"] < SMALLEST:
            raise _refuse(path, f"{family.name} has an invalid radius, {arrays[f'{family.name}.radius']:g}")
    if arrays["block_s"] < SMALLEST or arrays["blocks"] < len(arrays["maxima"]):
        raise _refuse(path, "its blocks are inconsistent")


def _refuse(path: Path, why: str) -> StateError:
    return StateError(f"state {path} is refused: {why}; delete the file and learn again")
