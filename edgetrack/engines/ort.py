"""ONNX Runtime on the CPU: the C++ engine, using the shared library of the ``onnxruntime`` package."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack import cores
from edgetrack._exit import door
from edgetrack._native import library, runtime
from edgetrack.bundle import Bundle
from edgetrack.engines.base import LazyEngine, check_feeds
from edgetrack.engines.info import EngineInfo
from edgetrack.errors import EngineUnavailable
from edgetrack.manifest import TensorSpec
from edgetrack.unique import Unique

LIBRARY_VARIABLE = "EDGETRACK_ONNXRUNTIME_LIBRARY"


class OrtGraph(Unique):
    """One graph, loaded from a file.

    Args:
        role: Role of the graph, used in messages; "ground" gets one thread, because it runs in parallel with others.
        operators: Path of the library of custom operators, or None.

    Raises:
        BundleError: ONNX Runtime cannot load the file.
        EngineUnavailable: ONNX Runtime cannot be opened on this machine.
        OutOfMemoryError: There is not enough memory for the graph.
    """

    _instead = "it is a network in memory; open the bundle where it is needed"

    def __init__(self, role: str, path: Path, *, threads: int | None, operators: Path | None = None) -> None:
        self.role = role
        self._native = runtime.OrtGraph(
            open_library(), role, str(path), cores.checked(threads), str(operators or "")
        )
        self.inputs: Mapping[str, TensorSpec] = _specs(self._native.inputs)
        self.outputs: Mapping[str, TensorSpec] = _specs(self._native.outputs)

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Compute all outputs; see ``Graph``."""
        check_feeds(self.role, self.inputs, feeds)
        inputs = {name: np.ascontiguousarray(array) for name, array in feeds.items()}
        outputs = {name: np.empty(spec.shape, spec.dtype) for name, spec in self.outputs.items()}
        with door:
            self._native.bind(inputs, outputs)()
        return outputs

    def bind(self, inputs: Mapping[str, NDArray[Any]], outputs: Mapping[str, NDArray[Any]]) -> runtime.Call:
        """See ``edgetrack.engines.binding.bind``. The C++ tracker runs the call without Python."""
        check_feeds(self.role, self.inputs, inputs)
        return self._native.bind(dict(inputs), dict(outputs))


class OrtEngine(LazyEngine):
    """All graphs of a bundle on ONNX Runtime's CPU provider.

    Args:
        precision: "fp32" or "int8".
        threads: Number of threads that one graph may use, as in ``open_engine``; they do not spin while waiting for the
            next frame.
        why: Why this precision was chosen, for ``info``.
        compiled: Whether edgetrack's compiled library runs its operators (``kernels/README.md``) instead of the
            functions of standard operators in the graphs; ``name`` is then "ort-ops".

    Raises:
        EngineUnavailable: The package onnxruntime is not installed, or the precision cannot run on this machine.
    """

    concurrent = True

    def __init__(
        self,
        bundle: Bundle,
        *,
        precision: str = "fp32",
        threads: int | None = None,
        why: str = "asked for",
        compiled: bool = False,
    ) -> None:
        super().__init__(bundle)
        self.name = "ort-ops" if compiled else "ort"
        version = open_library().version
        if precision not in ("fp32", "int8"):
            raise EngineUnavailable(
                f"engine {self.name!r} cannot run precision {precision!r}: it has no CPU kernels for it; expected fp32 "
                "or int8; for bf16 use engine='openvino', for fp16 engine='tensorrt', 'ort-cuda' or 'ort-tensorrt'"
            )
        self._threads = cores.checked(threads)
        self.precision = precision
        self._operators = library("ops") if compiled else None
        selection = self._operators.name if self._operators else "functions of the graph"
        self.info = EngineInfo(
            backend="ONNX Runtime",
            version=version,
            device="the CPU",
            threads=self._threads,
            precision=precision,
            precision_reason=why,
            token_selection=selection,
        )

    def _open(self, role: str) -> Any:
        path = self.bundle.graph(role, self.precision, flavor="ort")
        return OrtGraph(role, path, threads=self._threads, operators=self._operators)


def open_library() -> runtime.OrtLibrary:
    """Open ONNX Runtime's shared library and return it.

    The first that exists is used: the file named by the environment variable ``EDGETRACK_ONNXRUNTIME_LIBRARY``, the
    library of the installed package ``onnxruntime`` (or ``onnxruntime-gpu``), or the system's library.

    Raises:
        EngineUnavailable: No library was found, or it is too old.
    """
    named = os.environ.get(LIBRARY_VARIABLE)
    package = None if named else find_spec("onnxruntime")
    if package is None or not package.submodule_search_locations:
        return _opened(named or "")
    folder = Path(package.submodule_search_locations[0]) / "capi"
    if found := sorted(folder.glob("libonnxruntime.so*")):
        return _opened(str(found[0]))
    raise EngineUnavailable(
        f"{folder} has no libonnxruntime.so; expected the library of onnxruntime 1.19.2 or later: "
        f"run: pip install -U onnxruntime, or set {LIBRARY_VARIABLE} to that file"
    )


@cache
def _opened(file: str) -> runtime.OrtLibrary:
    opened = runtime.OrtLibrary(file)
    door.skip_destructors_in_children = True  # a forked child does not have its threads
    return opened


def saturates(*, cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Return whether this x86 processor adds two uint8 x int8 products in 16 bits, which may saturate.

    Processors without VNNI do (see U8S8 in ONNX Runtime's documentation of quantization). Return False if the
    processor is unknown.
    """
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith("flags")), "")
    return bool(flags) and "avx512_vnni" not in flags and "avx_vnni" not in flags


def _specs(described: list[tuple[str, str, tuple[int, ...]]]) -> dict[str, TensorSpec]:
    return {name: TensorSpec(dtype, shape) for name, dtype, shape in described}
