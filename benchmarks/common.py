"""Helpers shared by the benchmarks: the description of the machine, and timing of functions in alternation."""

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
    """Return a description of the processor, its cores, the operating system and Python."""
    return f"{processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def operators() -> str:
    """Return the path of the library of compiled operators; exit if it was not built."""
    try:
        return str(library("ops"))
    except EngineUnavailable as error:
        raise SystemExit(str(error)) from error


def random_feeds(specs: Mapping[str, TensorSpec]) -> dict[str, NDArray[np.float32]]:
    """Return random inputs in -1..1 by name; the time of these networks does not depend on their values."""
    random = np.random.default_rng(0)
    return {name: random.uniform(-1, 1, spec.shape).astype(np.float32) for name, spec in specs.items()}


def medians_ms(functions: Sequence[Callable[[], object]], *, rounds: int) -> list[float]:
    """Return the median time of each function; they run in alternation, so that other load affects all equally."""
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(rounds):
        for function, spent in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            spent.append(time.perf_counter() - start)
    return [float(np.median(spent[rounds // 10 :])) * 1e3 for spent in times]
