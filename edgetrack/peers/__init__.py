"""Trackers from elsewhere, run beside edgetrack: what is asked of one, and how to bring one's own."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import BundleError, ConfigError
from edgetrack.types import Box, Track

if TYPE_CHECKING:
    from onnx import ModelProto

Mode = Literal["nl", "bbox", "nlbbox"]  # a target given by text, by a box, or by both
FACTS = "adapter.json"  # beside the exported graphs: what made them, of what


class FrameTracker(Protocol):
    """What is asked of a tracker; ``edgetrack.Tracker`` has it. Frames are uint8 (H, W, 3) BGR."""

    def start(
        self, frame: NDArray[np.uint8], *, text: str | None = None, box: Box | None = None
    ) -> Track: ...
    def update(self, frame: NDArray[np.uint8]) -> Track: ...
    def set_text(self, text: str) -> None: ...


class Adapter(Protocol):
    """Brings a tracker of one's own: written as ONNX files where torch is, run from them where it is not.

    A class without arguments in a file; ``FILE.py:CLASS`` names it for ``edgetrack export`` and ``edgetrack eval``.
    """

    modes: tuple[Mode, ...]  # how its target can be given

    def graphs(self, weights: Sequence[Path]) -> Mapping[str, ModelProto]:
        """The ONNX models by name, made of the weights that the user names; ``x`` becomes ``x.onnx``.

        ``edgetrack.export.adapters.torch_graph`` makes one of a module and compares the two.
        """
        ...

    def open(self, folder: Path, *, threads: int) -> FrameTracker:
        """A tracker that runs what ``graphs`` gave, from ``folder``."""
        ...


def load_adapter(name: str) -> Adapter:
    """The adapter ``FILE.py:CLASS``. The file is run: it is the user's own.

    Raises:
        ConfigError: there is no such file or class, or it is no ``Adapter``.
    """
    file, _, wanted = name.rpartition(":")
    path = Path(file)
    if not path.is_file() or path.suffix != ".py":
        raise ConfigError(f"adapter {name!r}: {file or name} is no Python file; expected FILE.py:CLASS")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        made = getattr(module, wanted)()
    except Exception as error:  # whatever the file does
        raise ConfigError(
            f"adapter {name!r} cannot be loaded ({type(error).__name__}: {error}); expected a class without arguments"
        ) from error
    missing = [part for part in ("modes", "graphs", "open") if not hasattr(made, part)]
    if missing:
        raise ConfigError(f"adapter {name!r} has no {', '.join(missing)}; see edgetrack.peers.Adapter")
    return cast(Adapter, made)


def facts_of(folder: Path) -> dict[str, Any]:
    """What ``edgetrack export`` noted of an adapter's graphs: ``adapter``, and hashes of files in ``sha256``.

    Raises:
        BundleError: it is not such a folder.
    """
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        return {"adapter": str(facts["adapter"]), "sha256": dict(facts["sha256"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(
            f"{folder} has no {FACTS} that can be read ({type(error).__name__}: {error}); expected what this writes: "
            "edgetrack export ADAPTER --weights FILE --output DIR"
        ) from error
