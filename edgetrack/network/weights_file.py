"""Reader of published checkpoints of third-party trackers that loads tensors only and runs no code."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from edgetrack.errors import ExportError, reason_of
from edgetrack.network.safetensors import read_safetensors

# Training loops save settings and statistics with the weights, as objects of their own classes, of easydict and numpy.
# These are replaced by empty objects; no function or class of these names is looked up.
_IGNORED = ("lib.train.", "ltr.admin.", "easydict.", "numpy.", "_codecs.encode")
_LONGEST_PICKLE = 64 << 20  # bytes
_WRAPPERS = ("net", "state_dict", "model")
C = TypeVar("C")
N = TypeVar("N", bound=nn.Module)


class Ignored:
    """Placeholder for an object of another program; ignores its arguments and its state."""

    def __new__(cls, *_: object) -> Ignored:
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None: ...

    def __setitem__(self, key: object, value: object) -> None: ...


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors by name of a PyTorch checkpoint or a ``.safetensors`` file, without running code in the file.

    Raises:
        ExportError: The file is missing or damaged, refers to code, or is not a table of tensors.
    """
    try:
        state: Any = read_safetensors(path) if path.suffix == ".safetensors" else _unpickled(path)
    except ExportError:
        raise
    except Exception as error:  # for damaged files, torch raises various exceptions
        raise ExportError(
            f"weights {path} cannot be read ({reason_of(error)}); expected a checkpoint written by torch.save, or a "
            "safetensors file: download it again"
        ) from error
    for wrapper in _WRAPPERS:
        if isinstance(state, Mapping) and isinstance(state.get(wrapper), Mapping):
            state = state[wrapper]
            break
    tensors = (
        {name: value for name, value in state.items() if isinstance(value, Tensor)}
        if isinstance(state, Mapping)
        else {}
    )
    if not tensors:
        raise ExportError(
            f"weights {path} contain no named tensors; expected a checkpoint, such as {{'net': tensors}}"
        )
    return tensors


def load_network(
    path: Path,
    config_of: Callable[[Mapping[str, tuple[int, ...]]], C],
    network_of: Callable[[C], N],
    *,
    unused: Iterable[str],
    kind: str,
) -> N:
    """Load the network of a published checkpoint for inference.

    Args:
        path: The checkpoint.
        config_of: Determines the variant from the tensors' shapes by name; raises KeyError, IndexError or ValueError.
        network_of: Builds the network of a variant.
        unused: See ``fitting``.
        kind: Name of the kind of network, for messages.

    Raises:
        ExportError: The file is damaged, would run code, or is not a checkpoint of this kind.
    """
    given = read_weights(path)
    try:
        config = config_of({name: tuple(tensor.shape) for name, tensor in given.items()})
        with torch.device("meta"):  # sizes claimed by the file allocate no memory
            wanted = network_of(config).state_dict()
    except (KeyError, IndexError, ValueError, RuntimeError) as error:
        raise ExportError(
            f"{path} is not a checkpoint of {kind} ({type(error).__name__}: {error}); expected the complete "
            "published file"
        ) from error
    taken = fitting(path, given, wanted, unused=unused, kind=kind)
    network = network_of(config)
    network.load_state_dict(taken)
    return network.eval()


def fitting(
    path: Path, given: Mapping[str, Tensor], wanted: Mapping[str, Tensor], *, unused: Iterable[str], kind: str
) -> dict[str, Tensor]:
    """Return the tensors of ``given`` that a network needs, in float32.

    Args:
        path: Path of the file, for messages.
        given: Tensors of the checkpoint.
        wanted: Tensors of the network, by the same names.
        unused: Prefixes or suffixes of names of tensors that the published network has but does not use.
        kind: Name of the kind of network, for messages.

    Raises:
        ExportError: A tensor is missing, has another shape or type, is not finite, or is not part of the network.
    """

    def refuse(what: str) -> ExportError:
        return ExportError(
            f"{path} is not a checkpoint of {kind}: {what}; expected the complete published file"
        )

    if missing := sorted(wanted.keys() - given.keys()):
        raise refuse(f"it lacks {len(missing)} tensors, such as {missing[0]!r:.100}")
    known = tuple(unused)
    strange = sorted(
        n for n in given.keys() - wanted.keys() if not (n.startswith(known) or n.endswith(known))
    )
    if strange:
        raise refuse(f"the network has no tensor {strange[0]!r:.100}")
    taken = {}
    for name, own in wanted.items():
        tensor = given[name]
        if tensor.shape != own.shape or tensor.layout != torch.strided or tensor.dtype.is_complex:
            shapes = tuple(tensor.shape), tuple(own.shape)
            raise refuse(
                f"{name!r} has type {tensor.dtype} and shape {shapes[0]}; expected shape {shapes[1]}"
            )
        taken[name] = tensor.to(own.dtype)
        if not bool(torch.isfinite(taken[name]).all()):
            raise refuse(f"{name!r} has values that are not finite")
    return taken


def _unpickled(path: Path) -> Any:
    """Return the contents of a ``torch.save`` file without running code in it."""
    _check_archive(path)
    needed = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    if wrong := [name for name in needed if not name.startswith(_IGNORED)]:
        raise ExportError(
            f"weights {path} would run {', '.join(wrong[:3]):.200} when loaded, which tensors do not need; "
            "nothing was run. Do not use this file, or save only its tensors: torch.save(tensors, FILE)"
        )
    stand_ins: list[Any] = [(type("Ignored", (Ignored,), {}), name) for name in needed]
    with torch.serialization.safe_globals(stand_ins):
        return torch.load(path, map_location="cpu", weights_only=True)


def _check_archive(path: Path) -> None:
    """Raise ExportError if a file claims to be larger than it is."""
    if not zipfile.is_zipfile(path):
        raise ExportError(
            f"weights {path} are not an archive of torch.save; expected one of PyTorch 1.6 or later: load "
            "the file where it was written and save it again"
        )
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    declared, size = sum(entry.file_size for entry in entries), path.stat().st_size
    packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    if packed or declared > size:
        raise ExportError(
            f"weights {path} claim to contain {declared:,} bytes{' when unpacked' if packed else ''}, but the file "
            f"has {size:,}; expected an archive of torch.save, which is not compressed"
        )
    if any(e.filename.endswith(".pkl") and e.file_size > _LONGEST_PICKLE for e in entries):
        raise ExportError(
            f"the pickle in weights {path} has more than {_LONGEST_PICKLE:,} bytes; expected only tensors"
        )
