"""Lists the image files of sequences, sorted by number and without gaps."""

from __future__ import annotations

import os
import re
from pathlib import Path

from edgetrack.datasets.sequence import ImageFrames
from edgetrack.errors import DatasetError

_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")
_DIGITS = re.compile(r"(\d+)")
_AGAIN = "unpack the archive again"


def subfolders(folder: Path) -> list[str]:
    """Return the names of the folders in ``folder``, sorted.

    Raises:
        DatasetError: The folder does not exist, or has no folders.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder; expected the dataset there; correct the path")
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    if not names:
        raise DatasetError(f"{folder} contains no folders; expected one for each sequence; correct the path")
    return names


def _natural(name: str) -> tuple[list[str], list[int], str]:
    parts = _DIGITS.split(name)
    return parts[::2], [int(part) for part in parts[1::2]], name


def image_names(folder: Path) -> list[str]:
    """Return the image files in ``folder``, ``2.jpg`` before ``10.jpg``."""
    try:
        names = [name for name in os.listdir(folder) if name.lower().endswith(_SUFFIXES)]  # noqa: PTH208
    except OSError as error:
        raise DatasetError(
            f"{folder} cannot be listed ({error.strerror}); expected the frames there; {_AGAIN}"
        ) from None
    if not names:
        raise DatasetError(f"{folder} has no images; expected frames ({', '.join(_SUFFIXES)}); {_AGAIN}")
    same_length = (
        len({len(name) for name in names}) == 1
    )  # zero-padded, as in most data sets: alphabetical order is correct and fast
    return sorted(names, key=None if same_length else _natural)


def all_frames(folder: Path, count: int, truth: Path, *, holes: bool = False) -> ImageFrames:
    """Return all ``count`` images in ``folder``, whose numbers must have no gaps unless ``holes``.

    Raises:
        DatasetError: A number is missing, or the number of frames is not that of the lines in the file ``truth``.
    """
    names = image_names(folder)
    stems = [name.rpartition(".")[0] for name in names]
    if not holes and all(stem.isdecimal() for stem in stems):
        for i, stem in enumerate(stems):
            if int(stem) != int(stems[0]) + i:
                raise DatasetError(
                    f"{folder}: frame {int(stems[0]) + i} is missing ({names[i - 1]} is followed by "
                    f"{names[i]}); {_AGAIN}"
                )
    if len(names) != count:
        raise DatasetError(
            f"{truth}: {count} boxes, but {folder} has {len(names)} frames; expected one line per frame; "
            f"{_AGAIN}"
        )
    return ImageFrames(folder, names)


def frames_from(folder: Path, first: int, count: int) -> ImageFrames:
    """Return the ``count`` images numbered from ``first`` on; there may be others before and after them.

    Raises:
        DatasetError: One of them is missing.
    """
    by_number = {
        int(stem): name for name in image_names(folder) if (stem := name.rpartition(".")[0]).isdecimal()
    }
    names = [by_number.get(i, "") for i in range(first, first + count)]
    if "" in names:
        raise DatasetError(
            f"{folder}: frame {first + names.index('')} is missing; expected {first} to {first + count - 1}; "
            f"{_AGAIN}"
        )
    return ImageFrames(folder, names)
