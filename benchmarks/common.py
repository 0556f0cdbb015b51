"""What the benchmarks of single steps share: who measured, and functions that take turns."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edgetrack._native import library
from edgetrack.errors import EngineUnavailable
from edgetrack.manifest import TensorSpec
from edgetrack.reporting.machine import processor


def machine() -> str:
    """The processor, its cores, the system and Python, in words."""
    return f"{processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def operators() -> str:
    """The library of compiled operators; ends the program where it was not built."""
    try:
        return str(library("ops"))
    except EngineUnavailable as error:
        raise SystemExit(str(error)) from error


def random_feeds(specs: Mapping[str, TensorSpec]) -> dict[str, NDArray[np.float32]]:
    """Inputs in -1..1 by name: the time of these networks does not depend on them."""
    random = np.random.default_rng(0)
    return {name: random.uniform(-1, 1, spec.shape).astype(np.float32) for name, spec in specs.items()}


def medians_ms(functions: Sequence[Callable[[], object]], *, rounds: int) -> list[float]:
    """Median time of each; they take turns, so that a busy machine is busy for all of them."""
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(rounds):
        for function, spent in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            spent.append(time.perf_counter() - start)
    return [float(np.median(spent[rounds // 10 :])) * 1e3 for spent in times]
