"""The small text files of data sets: boxes, flags, names, sentences. Every fault is reported with file and line."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.datasets.sequence import Boxes
from edgetrack.errors import DatasetError

_SEPARATOR = re.compile(r"\s*[,;]\s*|\s+")  # data sets use comma, semicolon, tab or space


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8 or, as in the sentences of some data sets, Windows-1252.

    Raises:
        DatasetError: The file is missing or is not text.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise DatasetError(
            f"{path} does not exist; it belongs to the official layout; unpack the archive again"
        ) from None
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror}); expected a text file") from None
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise DatasetError(f"{path} is not text; expected UTF-8; unpack the archive again")


def read_lines(path: Path) -> list[str]:
    """Return the lines without line ends (LF or CRLF); empty lines are faults, except at the end."""
    lines = [line.strip() for line in read_text(path).rstrip().splitlines()]
    if not lines:
        raise DatasetError(f"{path} is empty; expected at least one line; unpack the archive again")
    if "" in lines:
        raise DatasetError(f"{path}:{lines.index('') + 1}: the line is empty; expected a value on every line")
    return lines


def cells(line: str) -> list[str]:
    """Return the values of a line, separated by commas, semicolons, tabs or spaces."""
    return _SEPARATOR.split(line.strip())


def numbers(values: list[str], path: Path, line: int) -> list[float]:
    """Return the values as floats; ``nan`` is allowed, infinity is not."""
    try:
        made = [float(value) for value in values]
    except ValueError:
        wrong = next(value for value in values if not _is_number(value))
        raise DatasetError(f"{path}:{line}: {wrong!r} is not a number; expected numbers only") from None
    if math.inf in made or -math.inf in made:
        wrong = values[[math.isinf(value) for value in made].index(True)]
        raise DatasetError(
            f"{path}:{line}: {wrong!r} is not finite; expected pixels, or nan if there is no target"
        )
    return made


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def box_row(row: list[float], path: Path, line: int, *, nan_ok: bool) -> list[float]:
    """Return x, y, w, h, or four nan if the target is absent, which a box without area also means."""
    if len(row) != 4:
        raise DatasetError(f"{path}:{line}: {len(row)} columns; expected 4: x, y, w, h in pixels")
    missing = sum(value != value for value in row)  # only nan differs from itself
    if missing and not nan_ok:
        raise DatasetError(
            f"{path}:{line}: nan; expected numbers: this layout marks frames without the target in separate "
            "files"
        )
    if missing not in (0, 4):
        raise DatasetError(
            f"{path}:{line}: {missing} of 4 values are nan; expected all of them (no target) or none"
        )
    return row if row[2] > 0 and row[3] > 0 else [math.nan] * 4


def read_boxes(path: Path, *, nan_ok: bool = False) -> Boxes:
    """Read one box per line, ``x y w h`` in pixels.

    A width or height that is not positive means that the target is absent, as in LaSOT, TNL2K and TrackingNet.

    Args:
        path: The file.
        nan_ok: Whether lines of four ``nan`` are allowed; they also mean that the target is absent.

    Returns:
        (N, 4) float64, rows of nan if the target is absent.

    Raises:
        DatasetError: The file is missing, or a line is malformed.
    """
    rows = [
        box_row(numbers(cells(line), path, i), path, i, nan_ok=nan_ok)
        for i, line in enumerate(read_lines(path), 1)
    ]
    return np.array(rows, np.float64)


def read_flags(path: Path, count: int, *, highest: int = 1) -> NDArray[np.int64]:
    """Read ``count`` integers from 0 to ``highest``, one per line or all on one line with separators."""
    values: list[float] = []
    for i, line in enumerate(read_lines(path), 1):
        row = numbers(cells(line.rstrip(",; \t")), path, i)
        if wrong := set(row) - set(range(highest + 1)):
            raise DatasetError(f"{path}:{i}: {wrong.pop():g}; expected whole numbers from 0 to {highest}")
        values += row
    if len(values) != count:
        raise DatasetError(f"{path}: {len(values)} flags; expected {count}, one per box")
    return np.array(values, np.int64)


def read_sentence(path: Path) -> str:
    """Return the sentence in the first line, with single spaces between words."""
    text = " ".join(read_lines(path)[0].split())
    if not any(letter.isalnum() for letter in text):
        raise DatasetError(f"{path}:1: {text!r} contains no word; expected a sentence that names the target")
    return text


def inside(name: Any, place: str, expected: str) -> str:
    """Return the name of a file in a data set, and check that an untrusted list does not lead out of its folder.

    Raises:
        DatasetError: The name leads out of the folder; the message begins with its ``place``.
    """
    good = isinstance(name, str) and bool(name) and "\0" not in name
    if not good or Path(name).is_absolute() or ".." in Path(name).parts:
        raise DatasetError(f"{place}: {name!r:.80} is outside of the dataset; expected {expected}")
    return str(name)


def read_names(path: Path) -> list[str]:
    """Read the names of sequences, one per line, without duplicates."""
    names = read_lines(path)
    seen: set[str] = set()
    for i, name in enumerate(names, 1):
        if name in seen:
            raise DatasetError(f"{path}:{i}: {name} is listed twice; expected each sequence once")
        inside(name, f"{path}:{i}", "the name of a sequence")
        seen.add(name)
    return names


def read_json(path: Path) -> Any:
    """Return the content of a JSON file."""
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DatasetError(
            f"{path}:{error.lineno}: not valid JSON: {error.msg}; copy the file again"
        ) from None
    except RecursionError:
        raise DatasetError(f"{path}: the JSON is nested too deeply to be read; expected flat lists") from None
