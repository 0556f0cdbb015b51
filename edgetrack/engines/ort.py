"""ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgetrack import cores, memory
from edgetrack._exit import door
from edgetrack._native import library
from edgetrack.bundle import Bundle
from edgetrack.engines.base import LazyEngine, check_feeds, first_line
from edgetrack.errors import BundleError, EdgetrackError, EngineUnavailable
from edgetrack.manifest import TensorSpec
from edgetrack.unique import Unique

_TYPES = {"tensor(float)": "float32", "tensor(int64)": "int64"}

# A thread that waits for the next operator spins for 50 us before it sleeps, a quarter off the time of a frame; none
# spins between frames. The optimizer that is left out turns integer matrix products with a bias back into float ones.
SETTINGS = {
    "session.intra_op.allow_spinning": "1",
    "session.intra_op.spin_duration_us": "50",
    "session.force_spinning_stop": "1",
    "optimization.disable_specified_optimizers": "MatMulAddFusion",
}


class OrtGraph(Unique):
    """One ONNX Runtime session."""

    _instead = "it is a network in memory; open the bundle where it is needed"

    def __init__(self, role: str, session: Any) -> None:
        self.role = role
        self._session = session
        self.inputs: Mapping[str, TensorSpec] = {v.name: _spec(v) for v in session.get_inputs()}
        self.outputs: Mapping[str, TensorSpec] = {v.name: _spec(v) for v in session.get_outputs()}
        self._names = list(self.outputs)

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        check_feeds(self.role, self.inputs, feeds)
        try:
            with door:
                results = self._session.run(self._names, feeds)
        except Exception as error:
            raise _failure(self.role, error) from error
        return dict(zip(self._names, results, strict=True))

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
        return _Bound(self.role, self._session, binding, (inputs, outputs))


@dataclass(frozen=True, slots=True)
class _Bound:
    """A session and the memory it works on; ONNX Runtime itself keeps none of the arrays alive."""

    role: str
    session: Any
    binding: Any
    arrays: Any

    def __call__(self) -> None:
        try:
            with door:
                self.session.run_with_iobinding(self.binding)
        except Exception as error:  # onnxruntime's exceptions have no common base but Exception
            raise _failure(self.role, error) from error


def _failure(role: str, error: Exception) -> EdgetrackError:
    """What became of a run of graph ``role``."""
    if memory.ran_out(error):
        return memory.told(f"ONNX Runtime ran graph {role!r}")
    return EngineUnavailable(
        f"ONNX Runtime could not run graph {role!r} ({first_line(error)}); try another engine"
    )


class OrtEngine(LazyEngine):
    """All graphs of a bundle on ONNX Runtime's CPU provider.

    Args:
        precision: "fp32" or "int8".
        threads: that one graph may use, as of ``open_engine``; it does not spin while it waits for the next frame.
        why: this precision was taken, for ``reason``.
        compiled: runs edgetrack's operators (``kernels/README.md``) by its own library, not by the functions of
            standard operators that the graphs carry; ``name`` is "ort-ops" then.

    Raises:
        EngineUnavailable: onnxruntime is not installed, the library was not built, or the precision cannot run.
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
        try:
            import onnxruntime
        except ImportError as error:
            raise EngineUnavailable(
                f"engine {self.name!r} needs onnxruntime, which cannot be imported ({error}); "
                "run: pip install onnxruntime"
            ) from error
        if precision not in ("fp32", "int8"):
            raise EngineUnavailable(
                f"engine {self.name!r} cannot run precision {precision!r}: CPUs have no kernels for it; expected fp32 "
                "or int8, or for bf16 engine='openvino', for fp16 engine='tensorrt', 'ort-cuda' or 'ort-tensorrt'"
            )
        self._threads = cores.checked(threads)
        self._ort: Any = onnxruntime
        self.precision = precision
        self._operators = library("ops") if compiled else None
        selection = self._operators.name if self._operators else "functions of the graph"
        self.reason = (
            f"ONNX Runtime {onnxruntime.__version__} on the CPU, {self._threads} threads; {precision}: {why}; "
            f"token selection: {selection}"
        )

    def _open(self, role: str) -> OrtGraph:
        path = self.bundle.graph(role, self.precision, flavour="ort")
        # "ground" runs beside "search", whose threads it would hold up with several of its own.
        options = session_options(1 if role == "ground" else self._threads)
        try:
            if self._operators is not None:
                options.register_custom_ops_library(str(self._operators))
            session = self._ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            if memory.ran_out(error):
                raise memory.told(f"ONNX Runtime loaded {path}") from error
            raise BundleError(
                f"ONNX Runtime {self._ort.__version__} cannot load {path} ({first_line(error)}); "
                "export the bundle again"
            ) from error
        return OrtGraph(role, session)


def saturates(*, cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this is an x86 processor that adds two products of uint8 and int8 in 16 bits, which may overflow.

    Those without VNNI do (ONNX Runtime's documentation of quantization, on U8S8); False where nothing is known.
    """
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith("flags")), "")
    return bool(flags) and "avx512_vnni" not in flags and "avx_vnni" not in flags


def session_options(threads: int | None) -> Any:
    """How every session runs, with so many threads."""
    import onnxruntime

    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores.checked(threads)
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only: the rest arrives as exceptions
    for key, value in SETTINGS.items():
        options.add_session_config_entry(key, value)
    return options


def _spec(value: Any) -> TensorSpec:
    return TensorSpec(_TYPES.get(value.type, value.type), tuple(value.shape))
