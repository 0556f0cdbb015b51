"""Published checkpoints are read as tensors; damaged or hostile files are rejected, and no code in them runs."""

from __future__ import annotations

import json
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetrack.errors import ExportError

torch = pytest.importorskip("torch", reason="needs torch: pip install 'edgetrack[export]'")
pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")

from edgetrack.network.weights_file import fitting, read_weights  # noqa: E402


def tensors() -> dict[str, Any]:
    return {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(3)}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "net.pth.tar"
    torch.save({"net": tensors(), "epoch": 300}, path)
    return path


class Runs:
    """An object that creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("key", ["net", "state_dict", "model", None])
def test_tensors_are_found(tmp_path: Path, key: str | None) -> None:
    torch.save({key: tensors(), "epoch": 3} if key else tensors(), tmp_path / "a.pth")
    found = read_weights(tmp_path / "a.pth")
    assert list(found) == ["a.weight", "b"]
    assert torch.equal(found["a.weight"], tensors()["a.weight"])


def test_objects_of_the_training_loop_are_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their module need not be importable when the file is read."""
    name = "lib.train.admin.settings"
    for parent in ("lib", "lib.train", "lib.train.admin", name):
        monkeypatch.setitem(sys.modules, parent, types.ModuleType(parent))
    settings = type("Settings", (), {"__module__": name})
    monkeypatch.setattr(sys.modules[name], "Settings", settings, raising=False)
    value = settings()
    value.local, value.inner, value.best = OrderedDict(lr=0.1), settings(), np.float64(0.5)
    torch.save(
        {"net": tensors(), "settings": value, "stats": {"loss": [value, np.float64(3)]}}, tmp_path / "a.pth"
    )
    monkeypatch.undo()
    assert list(read_weights(tmp_path / "a.pth")) == ["a.weight", "b"]


def test_code_is_rejected_and_does_not_run(tmp_path: Path) -> None:
    sign = tmp_path / "sign"
    torch.save({"net": tensors(), "settings": Runs(sign)}, tmp_path / "a.pth")
    with pytest.raises(ExportError, match=r"would run builtins.getattr, pathlib.*nothing was run"):
        read_weights(tmp_path / "a.pth")
    assert not sign.exists()
    torch.load(tmp_path / "a.pth", weights_only=False)  # what happens to those who are less careful
    assert sign.exists()


def test_code_disguised_as_a_training_loop_does_not_run(tmp_path: Path) -> None:
    """An ignored name becomes an empty object, whatever its arguments."""
    payload = b"\x80\x02clib.train.evil\nsystem\nX\x04\x00\x00\x00lostq\x00\x85R."
    with zipfile.ZipFile(tmp_path / "a.pth", "w") as archive:
        archive.writestr("a/data.pkl", payload)
        archive.writestr("a/version", "3\n")
    with pytest.raises(ExportError, match=r"cannot be read|contain no named tensors"):
        read_weights(tmp_path / "a.pth")


def test_archives_that_declare_a_huge_size_are_rejected(checkpoint: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed.pth"
    with zipfile.ZipFile(checkpoint) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            target.writestr(
                entry.filename, source.read(entry) + bytes(10_000_000 * entry.filename.endswith("/0"))
            )
    with pytest.raises(ExportError, match="when unpacked"):
        read_weights(packed)
    data = bytearray(checkpoint.read_bytes())
    place = data.rfind(b"PK\x01\x02")  # the last entry of the directory: its sizes, packed and not
    data[place + 20 : place + 28] = (2**32 - 2).to_bytes(4, "little") * 2
    (tmp_path / "large.pth").write_bytes(data)
    with pytest.raises(ExportError, match=r"claim to contain|cannot be read"):
        read_weights(tmp_path / "large.pth")


def test_tensor_larger_than_its_data_is_rejected(tmp_path: Path) -> None:
    """The tensor declares 100 GB: 25e9 numbers in a storage of six."""
    path = tmp_path / "a.pth"
    torch.save({"net": tensors()}, path)
    with zipfile.ZipFile(path) as archive:
        parts = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    (name,) = (name for name in parts if name.endswith("data.pkl"))
    # shape (2, 3) becomes (25e9, 3): BININT1 2 -> LONG1 of five bytes
    huge = b"\x8a\x05" + int(25e9).to_bytes(5, "little")
    assert parts[name].count(b"K\x02K\x03\x86") == 1
    parts[name] = parts[name].replace(b"K\x02K\x03\x86", huge + b"K\x03\x86")
    with zipfile.ZipFile(path, "w") as archive:
        for part, data in parts.items():
            archive.writestr(part, data)
    with pytest.raises(ExportError, match="cannot be read"):
        read_weights(path)


@pytest.mark.parametrize("content", [b"", b"PK", b"not an archive", b"PK\x05\x06" + bytes(18)])
@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_files_that_are_not_weights_are_rejected(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ExportError, match=r"a\.(pth|safetensors) (cannot be read|are not an archive)"):
        read_weights(tmp_path / name)


def test_truncated_checkpoint_is_rejected(checkpoint: Path) -> None:
    whole = checkpoint.read_bytes()
    for share in (0.2, 0.5, 0.9, 0.99):
        checkpoint.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(ExportError):
            read_weights(checkpoint)


@pytest.mark.parametrize("value", [[1, 2], {"net": [1]}, {}, 3])
def test_values_that_are_not_tensors_are_rejected(tmp_path: Path, value: Any) -> None:
    torch.save(value, tmp_path / "a.pth")
    with pytest.raises(ExportError, match="contain no named tensors"):
        read_weights(tmp_path / "a.pth")


def write_safetensors(path: Path, header: Any, data: bytes, length: int | None = None) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + data)


def entry(shape: list[Any], first: int, last: int, kind: str = "F32") -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": [first, last]}


def test_safetensors_are_read(tmp_path: Path) -> None:
    value = np.arange(6, dtype="<f4").reshape(2, 3)
    half = np.arange(3, dtype="<f2")
    header = {
        "__metadata__": {"a": "b"},
        "h": entry([3], 24, 30, "F16"),
        "w": entry([2, 3], 0, 24),
        "s": entry([], 30, 34),
    }
    write_safetensors(tmp_path / "a.safetensors", header, value.tobytes() + half.tobytes() + b"\0\0\x80?")
    found = read_weights(tmp_path / "a.safetensors")
    assert np.array_equal(found["w"].numpy(), value)
    assert np.array_equal(found["h"].numpy(), half)
    assert found["s"].item() == 1.0


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, "overlaps"),
        ({"a": entry([1], 0, 4), "b": entry([1], 8, 12)}, "leaves a gap"),
        ({"a": entry([1], 0, 4)}, "end at byte 4"),
        ({"a": entry([4], 0, 16)}, "end at byte 16"),
        ({"a": entry([25_000_000_000], 0, 12)}, "needs 100000000000 bytes"),
        ({"a": entry([-3], 0, 12)}, "not a whole number"),
        ({"a": entry([1.5], 0, 12)}, "not a whole number"),
        ({"a": entry([True], 0, 12)}, "not a whole number"),
        ({"a": entry([3], 0, 12, "F8")}, "has type 'F8'"),
        ({"a": entry([3], 12, 24)}, "leaves a gap"),
        ({"a": {"dtype": "F32"}}, "not a table of tensors"),
        ({"a": 3}, "not a table of tensors"),
        ([1], "not a table of tensors"),
        (b"[" * 100_000, r"not a table of tensors|cannot be read"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_hostile_safetensors_are_rejected(tmp_path: Path, header: Any, says: str) -> None:
    write_safetensors(tmp_path / "a.safetensors", header, bytes(12))
    with pytest.raises(ExportError, match=says):
        read_weights(tmp_path / "a.safetensors")


@pytest.mark.parametrize("length", [0, 1, 10**6, 2**63, 2**64 - 1])
def test_header_longer_than_the_file_is_rejected(tmp_path: Path, length: int) -> None:
    write_safetensors(tmp_path / "a.safetensors", {}, bytes(12), length)
    with pytest.raises(ExportError, match="its header claims"):
        read_weights(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"a.weight": None}, r"it lacks 1 tensors, such as 'a\.weight'"),
        ({"a.weight": (3, 2)}, r"shape \(3, 2\); expected shape \(2, 3\)"),
        ({"c": (1,)}, "the network has no tensor 'c'"),
        ({"a.weight": "nan"}, "not finite"),
    ],
)
def test_unsuitable_weights_are_rejected(change: dict[str, Any], says: str) -> None:
    given = tensors()
    for name, what in change.items():
        if what is None:
            del given[name]
        else:
            given[name] = torch.full((2, 3), torch.nan) if what == "nan" else torch.zeros(what)
    with pytest.raises(ExportError, match=says):
        fitting(Path("a.pth"), given, tensors(), unused=("old.",), kind="SomeTrack")


def test_weights_are_converted_to_the_types_of_the_network() -> None:
    given = {"a.weight": tensors()["a.weight"].half(), "b": torch.tensor(3), "old.c": torch.zeros(1)}
    taken = fitting(Path("a.pth"), given, tensors(), unused=("old.",), kind="SomeTrack")
    assert list(taken) == ["a.weight", "b"]
    assert taken["a.weight"].dtype == torch.float32
