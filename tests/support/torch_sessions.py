"""PyTorch modules in place of their exported graphs, which saves seconds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch


class TorchSession:
    """What an ``onnxruntime.InferenceSession`` is to a tracker.

    Args:
        module: takes the inputs in the order in which they are fed.
        shapes: of its inputs, as far as anybody asks.
        metadata: of the file.
    """

    def __init__(self, module: Any, *shapes: tuple[int, ...], metadata: dict[str, str] | None = None) -> None:
        self._module, self._inputs = module.eval(), [SimpleNamespace(shape=list(shape)) for shape in shapes]
        self._metadata = SimpleNamespace(custom_metadata_map=metadata or {})

    def get_inputs(self) -> list[Any]:
        return self._inputs

    def get_modelmeta(self) -> Any:
        return self._metadata

    @torch.no_grad()
    def run(self, names: None, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        del names
        given = self._module(*(torch.from_numpy(array) for array in feeds.values()))
        return [tensor.numpy() for tensor in (given if isinstance(given, tuple) else (given,))]
