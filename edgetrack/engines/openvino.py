"""OpenVINO on the CPU: float32, bfloat16 if the processor supports it, and the portable INT8 files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack import cores, memory
from edgetrack._exit import door
from edgetrack._imports import require
from edgetrack.bundle import Bundle
from edgetrack.engines.base import LazyEngine, check_feeds
from edgetrack.engines.info import EngineInfo
from edgetrack.errors import BundleError, EngineUnavailable, reason_of
from edgetrack.manifest import TensorSpec
from edgetrack.unique import Unique

_TYPES = {"f32": "float32", "i64": "int64"}
_CORES: dict[int, Any] = {}  # by process id; see shared_core
_LOCK = Lock()
_CAPABILITY = {"fp32": "FP32", "bf16": "BF16", "int8": "INT8"}


class OpenVinoGraph(Unique):
    """One compiled model with one inference request; calls from several threads are serialized."""

    _instead = "it is a network in memory; open the bundle where it is needed"

    def __init__(self, role: str, compiled: Any) -> None:
        self.role = role
        self._request = compiled.create_infer_request()
        self._lock = Lock()
        self.inputs: Mapping[str, TensorSpec] = {v.get_any_name(): _spec(v) for v in compiled.inputs}
        self.outputs: Mapping[str, TensorSpec] = {v.get_any_name(): _spec(v) for v in compiled.outputs}

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        check_feeds(self.role, self.inputs, feeds)
        with door, self._lock:
            self._request.infer(dict(feeds), share_inputs=True)
            return {name: self._request.get_tensor(name).data.copy() for name in self.outputs}


class OpenVinoEngine(LazyEngine):
    """All graphs of a bundle on OpenVINO's CPU device.

    Args:
        precision: "fp32", "bf16" or "int8". By default, OpenVINO uses bf16 whenever the processor supports it; this
            engine uses it only on request.
        threads: Number of threads that one graph may use.
        why: Why this precision was chosen, for ``info``.

    Raises:
        MissingExtra: The package openvino is not installed.
        EngineUnavailable: This processor cannot run the precision.
    """

    name = "openvino"
    concurrent = True

    def __init__(
        self, bundle: Bundle, *, precision: str = "fp32", threads: int | None = None, why: str = "asked for"
    ) -> None:
        super().__init__(bundle)
        openvino = require("openvino", extra="openvino")
        self._core = shared_core()
        if precision not in _CAPABILITY:
            raise EngineUnavailable(
                f"engine 'openvino' cannot run precision {precision!r}; expected {', '.join(_CAPABILITY)}; "
                "for fp16 use engine='tensorrt'"
            )
        check_capable(self._core, precision)
        self.precision, threads = precision, cores.checked(threads)
        release = openvino.__version__.partition("-")[0]
        self.info = EngineInfo(
            backend="OpenVINO",
            version=release,
            device="the CPU",
            threads=threads,
            precision=precision,
            precision_reason=why,
            token_selection="OpenVINO's operators",
        )
        self._options = {
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
        }

    def _open(self, role: str) -> OpenVinoGraph:
        path = self.bundle.graph(role, self.precision)
        try:
            # "ground" runs in parallel with "search"; with several threads it would slow down those of "search".
            options = {**self._options, "INFERENCE_NUM_THREADS": 1} if role == "ground" else self._options
            compiled = self._core.compile_model(self._core.read_model(path), "CPU", options)
            return OpenVinoGraph(role, compiled)
        except Exception as error:  # openvino raises RuntimeError for everything, with pages of text
            if memory.ran_out(error):
                raise memory.told(f"OpenVINO loaded {path}") from error
            raise BundleError(
                f"OpenVINO cannot load {path} ({reason_of(error)}); export the bundle again"
            ) from error


def shared_core() -> Any:
    """Return the process's one ``openvino.Core``, which reads graphs with edgetrack's operators.

    The core is never released: on processors with AMX, OpenVINO gives the thread that loads its plugin a larger signal
    stack, and frees that stack together with the plugin. The next signal, such as Ctrl-C, would then crash the
    process.

    Raises:
        MissingExtra: The package openvino is not installed.
    """
    openvino = require("openvino", extra="openvino")
    process = os.getpid()
    with _LOCK:
        if process not in _CORES:  # after a fork, the parent's core no longer has its threads
            core = openvino.Core()
            frontend = require("openvino.frontend.onnx", extra="openvino")
            for name, convert in (("TokenSelect", _token_select), ("TokenRestore", _token_restore)):
                core.add_extension(frontend.ConversionExtension(name, "edgetrack", convert))
            _CORES[process] = core
        return _CORES[process]


def check_capable(core: Any, precision: str) -> None:
    """Raise EngineUnavailable if this processor does not support ``precision``; ``core`` is an ``openvino.Core``."""
    capable = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if _CAPABILITY[precision] not in capable:
        raise EngineUnavailable(
            f"engine 'openvino' cannot run precision {precision!r} on this processor, which has "
            f"{', '.join(capable)}; use precision='fp32'"
        )


# OpenVINO ignores local functions in ONNX files, so these repeat the definitions of ``edgetrack.export.operators``.
def _token_select(node: Any) -> list[Any]:
    ops = require("openvino.opset13", extra="openvino")
    if node.get_input_size() != 4:  # in bundles from before the operators had a single definition
        raise RuntimeError(f"TokenSelect has {node.get_input_size()} inputs; expected 4")
    tokens, keys, prototypes, threshold = (node.get_input(i) for i in range(4))
    squared = ops.reduce_sum(ops.multiply(keys, keys), -1, True)
    length = ops.maximum(ops.sqrt(squared), np.float32(1e-12))
    cosine = ops.divide(ops.matmul(keys, prototypes, False, True), length)
    present = ops.minimum(ops.reduce_sum(ops.multiply(prototypes, prototypes), -1, False), np.float32(1))
    missing = ops.multiply(ops.subtract(np.float32(1), ops.unsqueeze(present, 1)), np.float32(4))
    best = ops.reduce_max(ops.subtract(cosine, missing), -1, False)
    finite = ops.squeeze(ops.less_equal(squared, np.finfo(np.float32).max), [-1])
    scores = ops.select(finite, best, np.float32(np.nan))
    rank = ops.select(ops.is_nan(scores), np.float32(-np.inf), scores)
    keep = ops.constant(node.get_attribute("keep"))
    indices = ops.topk(rank, keep, 1, "max", "index", "i32").output(1)  # sorted by index: ascending
    selected = ops.gather(tokens, indices, 1, 1)
    above = ops.convert(ops.greater(scores, ops.unsqueeze(threshold, 1)), "i32")
    return [selected.output(0), indices, ops.reduce_sum(above, 1, False).output(0), scores.output(0)]


def _token_restore(node: Any) -> list[Any]:
    ops = require("openvino.opset13", extra="openvino")
    tokens, selected, indices = (node.get_input(i) for i in range(3))
    places = ops.broadcast(ops.unsqueeze(indices, -1), ops.shape_of(selected))
    return [ops.scatter_elements_update(tokens, places, selected, 1).output(0)]


def _spec(value: Any) -> TensorSpec:
    return TensorSpec(_TYPES.get(value.element_type.get_type_name(), "unknown"), tuple(value.shape))
