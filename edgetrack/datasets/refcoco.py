"""RefCOCO, RefCOCO+ (Yu et al., ECCV 2016) and RefCOCOg (Mao et al., CVPR 2016), on images of COCO train2014.

    DATA/refcoco/{instances.json, refs(unc).p}      refcoco+/refs(unc).p      refcocog/{refs(umd).p, refs(google).p}
    DATA/images/mscoco/images/train2014/*.jpg       or images/train2014/, or train2014/

``refs(unc).json``, the same list as JSON, is read instead of the pickle if it exists.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgetrack.datasets.coco import image_folder, read_instances
from edgetrack.datasets.sets import Region, RegionLayout
from edgetrack.datasets.tables import read_json
from edgetrack.errors import MALFORMED, DatasetError

_IMAGES = ("images/mscoco/images/train2014", "images/train2014", "train2014")


class _PlainUnpickler(pickle.Unpickler):
    """Unpickles lists, dicts, strings and numbers; refuses pickles that refer to a class or function."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it wants to load {module}.{name}")


def read_plain_pickle(path: Path) -> Any:
    """Return the content of a pickle of built-in containers, without executing anything in the file.

    Raises:
        DatasetError: The file is missing, is not a pickle, or contains more than containers, strings and numbers.
    """
    try:
        with path.open("rb") as file:
            # The official files are from Python 2, whose byte strings become str.
            return _PlainUnpickler(file, encoding="latin-1").load()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror}); expected the official file") from None
    except Exception as error:  # damaged pickles may raise any exception
        raise DatasetError(
            f"{path} is not a plain pickle ({type(error).__name__}: {error}); expected only lists, dicts, "
            "strings and numbers; download the official file again, or convert it to JSON"
        ) from None


def _sentences(path: Path, split: str) -> dict[int, tuple[str, ...]]:
    """Return the sentences of each annotation of the split."""
    as_json = path.with_suffix(".json")
    path = as_json if as_json.is_file() else path
    refs = read_json(path) if path is as_json else read_plain_pickle(path)
    if not isinstance(refs, list):
        raise DatasetError(f"{path} contains a {type(refs).__name__}; expected a list of references")
    found: dict[int, tuple[str, ...]] = {}
    for i, ref in enumerate(refs):
        try:
            if ref["split"] != split:
                continue
            texts = tuple(" ".join(str(s["sent"]).split()) for s in ref["sentences"])
            key = int(ref["ann_id"])
        except MALFORMED as error:
            raise DatasetError(
                f"{path}: in reference {i}, {error} is missing or malformed; expected split, ann_id and "
                "sentences with sent"
            ) from None
        found[key] = found.get(key, ()) + tuple(t for t in texts if any(c.isalnum() for c in t))
    if not found:
        splits = sorted({str(ref.get("split")) for ref in refs})
        raise DatasetError(f"{path}: no reference has split {split!r}; it has {splits}")
    return found


def _reader(folder: str, authors: str) -> Callable[[Path, str], list[Region]]:
    def read(root: Path, split: str) -> list[Region]:
        texts = _sentences(root / folder / f"refs({authors}).p", split)
        images = image_folder([root / name for name in _IMAGES])
        return read_instances(root / folder / "instances.json", images, texts)

    return read


_PEOPLE = ("train", "val", "testA", "testB")
LAYOUTS = (
    RegionLayout("refcoco", _PEOPLE, _reader("refcoco", "unc")),
    RegionLayout("refcoco+", _PEOPLE, _reader("refcoco+", "unc")),
    RegionLayout("refcocog", ("train", "val", "test"), _reader("refcocog", "umd")),
    RegionLayout("refcocog-google", ("train", "val"), _reader("refcocog", "google")),
)
