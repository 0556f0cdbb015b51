"""Other trackers in edgetrack's tools: the interface that they implement, and how to add your own."""

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
    """The interface of a tracker, which ``edgetrack.Tracker`` implements. Frames are uint8 (H, W, 3), BGR."""

    def start(self, frame: NDArray[np.uint8], *, text: str | None = None, box: Box | None = None) -> Track:
        """Set the target in one of the adapter's ``modes``, and return the track of the first frame."""
        ...

    def update(self, frame: NDArray[np.uint8]) -> Track:
        """Return the track of the next frame."""
        ...

    def set_text(self, text: str) -> None:
        """Set the text of another target; raise NotImplementedError if the tracker takes no text."""
        ...


class Opener(Protocol):
    """Runs the graphs of a bundle."""

    modes: tuple[Mode, ...]
    """How a target can be given: "nl" (text), "bbox" (box), "nlbbox" (both).

    An optional attribute ``precisions`` lists what ``open`` accepts as ``precision=`` in addition to the precisions of
    the files: "bf16" is computed from the files in float32, "int8-bf16" from those in INT8.
    """

    def open(self, folder: Path, *, threads: int) -> FrameTracker:
        """Return a tracker that runs the ONNX files in ``folder``, ``x.onnx`` for each graph ``x``."""
        ...


class Adapter(Opener, Protocol):
    """Bring your own tracker: exported to ONNX on a machine with PyTorch, run on one without.

    An adapter is a class without constructor arguments, in one self-contained file. ``edgetrack export`` takes it as
    ``FILE.py:CLASS`` and copies the file into the bundle. INT8 is calibrated on the inputs that the tracker returned by
    ``open`` passes to its ONNX Runtime sessions.
    """

    def graphs(self, weights: Sequence[Path]) -> Mapping[str, ModelProto]:
        """Return the ONNX models by name, made from the user's weight files; ``x`` becomes ``x.onnx``.

        ``edgetrack.export.adapters.torch_graph`` converts a PyTorch module and compares the outputs.
        """
        ...


def load_adapter(name: str) -> Adapter:
    """Return the adapter ``FILE.py:CLASS``; this executes the user's file.

    Raises:
        ConfigError: the file or class does not exist, or the class is not an ``Adapter``.
    """
    file, _, wanted = name.rpartition(":")
    path = Path(file)
    if not path.is_file() or path.suffix != ".py":
        raise ConfigError(f"adapter {name!r}: {file or name} is not a Python file; expected FILE.py:CLASS")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        made = getattr(module, wanted)()
    except Exception as error:  # the file may raise anything
        raise ConfigError(
            f"adapter {name!r} cannot be loaded ({reason_of(error)}); expected a class that can be created "
            "without arguments"
        ) from error
    missing = [part for part in ("modes", "graphs", "open") if not hasattr(made, part)]
    if missing:
        raise ConfigError(f"adapter {name!r} has no {', '.join(missing)}; see edgetrack.peers.Adapter")
    if not made.modes or not set(made.modes) <= set(get_args(Mode)):
        raise ConfigError(
            f"adapter {name!r} has modes {made.modes!r}; expected modes among {', '.join(get_args(Mode))}"
        )
    return cast(Adapter, made)
