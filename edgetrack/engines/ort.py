"""ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from numpy.typing import NDArray

from edgetrack.bundle import GRAPHS, Bundle
from edgetrack.engines.base import check_feeds
from edgetrack.errors import BundleError, ConfigError, EngineUnavailable
from edgetrack.manifest import GraphSpec, TensorSpec

_TYPES = {"tensor(float)": "float32", "tensor(int64)": "int64"}

# A thread that waits for the next operator spins for 50 us before it sleeps, a quarter off the time of a frame; none
# spins between frames.
_SPINNING = {
    "intra_op.allow_spinning": "1",
    "intra_op.spin_duration_us": "50",
    "force_spinning_stop": "1",
}


class OrtGraph:
    """One ONNX Runtime session."""

    def __init__(self, role: str, session: Any) -> None:
        self.role = role
        self._session = session
        self.inputs: Mapping[str, TensorSpec] = {v.name: _spec(v) for v in session.get_inputs()}
        self.outputs: Mapping[str, TensorSpec] = {v.name: _spec(v) for v in session.get_outputs()}
        self._names = list(self.outputs)

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        check_feeds(self.role, self.inputs, feeds)
        return dict(zip(self._names, self._session.run(self._names, feeds), strict=True))

    def bind(
        self, inputs: Mapping[str, NDArray[Any]], outputs: Mapping[str, NDArray[Any]]
    ) -> Callable[[], None]:
        """See ``edgetrack.engines.binding.bind``; ONNX Runtime reads and writes the arrays where they lie."""
        from onnxruntime import OrtValue

        check_feeds(self.role, self.inputs, inputs)
        binding = self._session.io_binding()
        for name, array in inputs.items():
            binding.bind_ortvalue_input(name, OrtValue.ortvalue_from_numpy(array))
        for name, array in outputs.items():
            binding.bind_ortvalue_output(name, OrtValue.ortvalue_from_numpy(array))
        return _Bound(self._session, binding, (inputs, outputs))


@dataclass(frozen=True, slots=True)
class _Bound:
    """A session and the memory it works on; ONNX Runtime itself keeps none of the arrays alive."""

    session: Any
    binding: Any
    arrays: Any

    def __call__(self) -> None:
        self.session.run_with_iobinding(self.binding)


class OrtEngine:
    """All graphs of a bundle on ONNX Runtime's CPU provider, in float32.

    Args:
        threads: that one graph may use; it does not spin while it waits for the next frame.
    """

    name = "ort"
    precision = "fp32"

    def __init__(self, bundle: Bundle, *, threads: int = 2) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise EngineUnavailable(
                f"engine 'ort' needs onnxruntime, which cannot be imported ({error}); "
                "run: pip install onnxruntime"
            ) from error
        self._ort: Any = onnxruntime
        self.bundle = bundle
        self.reason = f"ONNX Runtime {onnxruntime.__version__} on the CPU, float32, {threads} threads"
        self._threads = threads
        self._graphs: dict[str, OrtGraph] = {}
        self._lock = Lock()

    def graph(self, role: str) -> OrtGraph:
        if role not in GRAPHS:
            raise ConfigError(f"graph {role!r} is unknown; expected one of {', '.join(GRAPHS)}")
        with self._lock:  # trackers in several threads may ask for the same graph first
            if role not in self._graphs:
                self._graphs[role] = self._open(role)
            return self._graphs[role]

    def close(self) -> None:
        with self._lock:
            self._graphs.clear()

    def _open(self, role: str) -> OrtGraph:
        options = self._ort.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors only: the rest arrives as exceptions
        for key, value in _SPINNING.items():
            options.add_session_config_entry(f"session.{key}", value)
        path = self.bundle.path(role)
        try:
            session = self._ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions have no common base but Exception
            raise BundleError(
                f"ONNX Runtime {self._ort.__version__} cannot load {path} ({error}); export the bundle again"
            ) from error
        graph = OrtGraph(role, session)
        if GraphSpec(graph.inputs, graph.outputs) != self.bundle.manifest.tensors[role]:
            raise BundleError(f"the tensors of {path} are not those of its manifest; export the bundle again")
        return graph


def _spec(value: Any) -> TensorSpec:
    return TensorSpec(_TYPES.get(value.type, value.type), tuple(value.shape))
