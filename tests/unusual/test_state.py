"""The state of a model of normal activity: byte-identical after loading and saving; untrusted data is rejected."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cv2")

from edgetrack.errors import SinkError, StateError
from edgetrack.types import Frame
from edgetrack.unusual import NormalModel


def drawn(index: int) -> Frame:
    pixels = np.full((90, 160, 3), 90, np.uint8)
    x = (9 * index) % 150
    pixels[40:52, x : x + 10] = 220
    return Frame(pixels, index, index / 5)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("state") / "state.npz"
    model = NormalModel(block_s=1.0)
    for index in range(200):
        model.update(drawn(index))
    model.finish()
    model.save(path)
    return path


def changed(state: Path, to: Path, **values: Any) -> Path:
    with np.load(state) as file:
        arrays = {**file, **values}
    np.savez(to, **{name: value for name, value in arrays.items() if value is not None})
    return to


def test_loading_and_saving_gives_the_same_bytes(state: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.npz"
    NormalModel.load(state).save(again)
    assert again.read_bytes() == state.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["again.npz"]
    assert state.stat().st_size < 200_000


def test_loaded_model_gives_the_same_scores(state: Path) -> None:
    models = [NormalModel.load(state), NormalModel.load(state)]
    assert models[0].threshold(per_day=100) == models[1].threshold(per_day=100)
    assert models[0].seconds == pytest.approx(30, abs=3)
    scores = [[model.update(drawn(index)).score for index in range(100)] for model in models]
    assert scores[0] == scores[1]
    assert max(scores[0]) > 0


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"version": np.int64(2)}, "version 2; expected 1"),
        ({"seconds": None}, "contents are not those of a state"),
        ({"stranger": np.zeros(1)}, "contents are not those of a state"),
        ({"motion.centers": np.zeros((100_000, 5))}, "would need too much|bytes; expected|at most"),
        ({"motion.centers": np.zeros((3, 5), np.float32)}, "motion.centers is float32"),
        ({"motion.centers": np.full((3, 5), np.nan), "motion.visits": np.ones(3)}, "not finite"),
        ({"motion.visits": np.ones(0)}, "different numbers of centers and visits"),
        ({"activity": -np.ones((9, 16))}, "negative"),
        ({"size.radius": np.float64(0)}, "radius, 0"),
        ({"blocks": np.int64(0)}, "its blocks are inconsistent"),
        ({"block_s": np.float64(0)}, "its blocks are inconsistent"),
        ({"block_s": np.float64(5e-324)}, "its blocks are inconsistent"),
        ({"size.radius": np.float64(5e-324)}, "radius, 4.9"),
        ({"size.radius": np.float64(1e308)}, "beyond 1e.15"),
        ({"activity": np.full((9, 16), 1e308)}, "beyond 1e.15"),
    ],
)
def test_inconsistent_state_is_rejected(
    state: Path, tmp_path: Path, values: dict[str, Any], says: str
) -> None:
    path = changed(state, tmp_path / "changed.npz", **values)
    with pytest.raises(StateError, match=says) as caught:
        NormalModel.load(path)
    assert str(path) in str(caught.value)


def pickled(state: Path, path: Path) -> None:
    with np.load(state) as file:
        arrays = dict(file)
    np.savez(path, **{**arrays, "seconds": np.array({"a": 1}, dtype=object)})


def claimed(state: Path, path: Path) -> None:
    """Make an array whose header declares far more data than there is."""
    with zipfile.ZipFile(state) as file, zipfile.ZipFile(path, "w") as made:
        for entry in file.infolist():
            content = file.read(entry)
            if entry.filename == "maxima.npy":
                header = io.BytesIO()
                about = {"descr": "<f8", "fortran_order": False, "shape": (10_000, 6)}
                np.lib.format.write_array_header_1_0(header, about)
                content = header.getvalue()
            made.writestr(entry.filename, content)


def bomb(state: Path, path: Path) -> None:
    with zipfile.ZipFile(state) as file, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for entry in file.infolist():
            made.writestr(
                entry.filename, bytes(5_000_000) if entry.filename == "activity.npy" else file.read(entry)
            )


def damaged_stream(state: Path, path: Path) -> None:
    """Make it compressed, as no state is, and damaged: zlib raises its own exceptions."""
    with zipfile.ZipFile(state) as file, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for entry in file.infolist():
            made.writestr(entry.filename, file.read(entry))
    content = bytearray(path.read_bytes())
    begin = 30 + len("version.npy")
    content[begin : begin + 20] = b"\xff" * 20
    path.write_bytes(content)


def open_header(state: Path, path: Path) -> None:
    """Make a header that ends within a bracket, for which NumPy's reader raises an unexpected exception."""
    with zipfile.ZipFile(state) as file, zipfile.ZipFile(path, "w") as made:
        for entry in file.infolist():
            content = file.read(entry)
            if entry.filename == "activity.npy":
                content = b"\x93NUMPY\x01\x00\x40\x00" + b"{'descr': (".ljust(63) + b"\n" + content[128:]
            made.writestr(entry.filename, content)


def cut(state: Path, path: Path) -> None:
    path.write_bytes(state.read_bytes()[:-300])


def flipped(state: Path, path: Path) -> None:
    content = bytearray(state.read_bytes())
    content[200] ^= 255
    path.write_bytes(content)


@pytest.mark.parametrize("make", [pickled, claimed, bomb, damaged_stream, open_header, cut, flipped])
def test_hostile_and_damaged_files_are_rejected(
    state: Path, tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    path = tmp_path / "hostile.npz"
    make(state, path)
    with pytest.raises(StateError, match=r"is refused: .*delete the file and learn again"):
        NormalModel.load(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"hello", bytes(5_000_000)])
def test_other_files_are_rejected(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.npz"
    path.write_bytes(content)
    with pytest.raises(StateError, match="is refused"):
        NormalModel.load(path)


def test_missing_or_unwritable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="does not exist"):
        NormalModel.load(tmp_path / "nothing.npz")
    with pytest.raises(StateError, match="cannot be read"):
        NormalModel.load(tmp_path)
    with pytest.raises(SinkError, match=re.escape("cannot be written")):
        NormalModel().save(tmp_path / "no folder" / "state.npz")
