"""Trackers from elsewhere, run beside edgetrack: what is asked of one, and how to bring one's own."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, cast, get_args

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import ConfigError, reason_of
from edgetrack.types import Box, Track

if TYPE_CHECKING:
    from onnx import ModelProto

Mode = Literal["nl", "bbox", "nlbbox"]  # a target given by text, by a box, or by both


class FrameTracker(Protocol):
    """What is asked of a tracker; ``edgetrack.Tracker`` has it. Frames are uint8 (H, W, 3) BGR."""

    def start(
        self, frame: NDArray[np.uint8], *, text: str | None = None, box: Box | None = None
    ) -> Track: ...
    def update(self, frame: NDArray[np.uint8]) -> Track: ...
    def set_text(self, text: str) -> None: ...


class Opener(Protocol):
    """Runs the graphs of a bundle."""

    modes: tuple[Mode, ...]  # how its target can be given

    def open(self, folder: Path, *, threads: int) -> FrameTracker:
        """A tracker that runs the ONNX files in ``folder``, ``x.onnx`` for each graph ``x``."""
        ...


class Adapter(Opener, Protocol):
    """Brings a tracker of one's own: written as ONNX files where torch is, run from them where it is not.

    A class without arguments in one file that needs no other of the user's; ``FILE.py:CLASS`` names it for
    ``edgetrack export``, which copies the file into the bundle. INT8 is calibrated on what ``open``'s tracker feeds to
    its sessions of onnxruntime.
    """

    def graphs(self, weights: Sequence[Path]) -> Mapping[str, ModelProto]:
        """The ONNX models by name, made of the weights that the user names; ``x`` becomes ``x.onnx``.

        ``edgetrack.export.adapters.torch_graph`` makes one of a module and compares the two.
        """
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
            f"adapter {name!r} cannot be loaded ({reason_of(error)}); expected a class without arguments"
        ) from error
    missing = [part for part in ("modes", "graphs", "open") if not hasattr(made, part)]
    if missing:
        raise ConfigError(f"adapter {name!r} has no {', '.join(missing)}; see edgetrack.peers.Adapter")
    if not made.modes or not set(made.modes) <= set(get_args(Mode)):
        raise ConfigError(
            f"adapter {name!r} has modes {made.modes!r}; expected some of {', '.join(get_args(Mode))}"
        )
    return cast(Adapter, made)
