"""ONNX Runtime on an NVIDIA GPU with its CUDA or TensorRT provider, never on the CPU. Not tested on a GPU yet."""

from __future__ import annotations

import contextlib
import ctypes
import io
import logging
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgetrack.bundle import Bundle
from edgetrack.cache import cache_folder
from edgetrack.engines.base import LazyEngine, check_feeds
from edgetrack.engines.info import EngineInfo
from edgetrack.engines.session_graph import SessionGraph
from edgetrack.engines.tensorrt.plans import key
from edgetrack.errors import BundleError, EngineUnavailable, reason_of
from edgetrack.targets import Target

_log = logging.getLogger(__name__)  # without a configuration, Python writes warnings to stderr
_INSTALL = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install 'onnxruntime-gpu[cuda,cudnn]'"
_DAMAGED = {
    "InvalidGraph",
    "InvalidProtobuf",
    "NoSuchFile",
    "NotImplemented",
    "NoModel",
}  # errors of ONNX Runtime
_DEVICE = "cuda"  # device that holds the inputs
_CUDA, _TENSORRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"


@dataclass(frozen=True, slots=True)
class Kind:
    """One of ONNX Runtime's execution providers."""

    title: str
    providers: tuple[str, ...]  # the first should run every node, the others those it rejects
    precisions: tuple[str, ...]
    file: str  # the provider's library, next to ONNX Runtime's own


KINDS = {
    "ort-cuda": Kind("CUDA provider", (_CUDA,), ("fp32", "fp16"), "libonnxruntime_providers_cuda.so"),
    "ort-tensorrt": Kind(
        "TensorRT provider",
        (_TENSORRT, _CUDA),
        ("fp32", "fp16", "int8"),
        "libonnxruntime_providers_tensorrt.so",
    ),
}


class OrtGpuGraph(SessionGraph):
    """One session whose inputs are in GPU memory.

    ONNX Runtime copies a bound host array only once, at the time of binding. Inputs therefore have buffers on the GPU,
    and each run copies the host arrays into them.
    """

    def bind(
        self, inputs: Mapping[str, NDArray[Any]], outputs: Mapping[str, NDArray[Any]]
    ) -> Callable[[], None]:
        """See ``edgetrack.engines.binding.bind``; a run allocates no memory."""
        from onnxruntime import OrtValue

        check_feeds(self.role, self.inputs, inputs)
        binding, there = self._session.io_binding(), {}
        for name, array in inputs.items():
            there[name] = OrtValue.ortvalue_from_numpy(array.copy(), _DEVICE, 0)
            binding.bind_ortvalue_input(name, there[name])
        for name, array in outputs.items():
            binding.bind_ortvalue_output(name, OrtValue.ortvalue_from_numpy(array))

        def run() -> None:
            for name, value in there.items():
                value.update_inplace(inputs[name])
            self._session.run_with_iobinding(binding)
            binding.synchronize_outputs()

        run.arrays = outputs  # type: ignore[attr-defined]  # ONNX Runtime does not keep them alive
        return run


class OrtGpuEngine(LazyEngine):
    """All graphs of a bundle on GPU 0. The smallest is loaded at once, so that missing libraries are reported early.

    Args:
        target: Target device of this machine; its memory budget limits ONNX Runtime's arena and TensorRT's workspace.
        name: "ort-cuda" or "ort-tensorrt".
        precision: "fp32", "fp16" if the bundle has it, or with TensorRT "int8" (portable QDQ).
        why: Why this precision was chosen, for ``info``.

    Raises:
        EngineUnavailable: onnxruntime-gpu, CUDA, TensorRT, the driver or the GPU is missing, a node would run on the
            CPU, or the provider does not support the precision.
    """

    def __init__(
        self, bundle: Bundle, target: Target, *, name: str, precision: str = "fp32", why: str = "asked for"
    ) -> None:
        super().__init__(bundle)
        self.name, self.precision, self._kind = name, precision, KINDS[name]
        if precision not in self._kind.precisions:
            raise EngineUnavailable(
                f"engine {name!r} cannot run precision {precision!r}; expected {', '.join(self._kind.precisions)}"
                f"{'; for int8 use an engine with TensorRT' if precision == 'int8' else ''}"
            )
        self._ort = _onnxruntime(name, self._kind)
        self._why, self._memory = why, target.memory_budget_mb << 20
        self._nodes: dict[str, Counter[str]] = {}
        self.graph("prompt")

    @property
    def info(self) -> EngineInfo:
        """What the engine runs on; node counts cover the graphs loaded so far."""
        total = sum(self._nodes.values(), Counter[str]())
        nodes = ", ".join(f"{count} by {provider}" for provider, count in total.most_common())
        return EngineInfo(
            backend="ONNX Runtime",
            version=self._ort.__version__,
            device=f"GPU 0 by {self._kind.title}, nothing on the CPU",
            precision=self.precision,
            precision_reason=self._why,
            token_selection="functions of the graph",
            details=(f"nodes: {nodes or 'not counted by ONNX Runtime before 1.24'}",),
        )

    def _open(self, role: str) -> OrtGpuGraph:
        path = self.bundle.graph(role, self.precision)
        providers = [(name, self._options(name, role, path)) for name in self._kind.providers]
        if self.name == "ort-tensorrt" and role != "prompt":  # takes seconds
            _log.warning("TensorRT builds graph %r unless it is cached: this may take minutes", role)
        try:
            session = self._ort.InferenceSession(
                str(path), _session_options(self._ort), providers=providers, enable_fallback=0
            )
        except Exception as error:  # onnxruntime's exceptions have no common base but Exception
            raise self._failure(path, error) from error
        if session.get_providers()[: len(providers)] != list(self._kind.providers):
            raise self._failure(path, None)
        self._nodes[role] = _placement(session)
        elsewhere = {name: n for name, n in self._nodes[role].items() if name != self._kind.providers[0]}
        if elsewhere:
            _log.warning("graph %r: %s cannot run all nodes: %s", role, self._kind.title, elsewhere)
        return OrtGpuGraph(role, session)

    def _options(self, provider: str, role: str, path: Path) -> dict[str, str]:
        if provider == _CUDA:
            return {
                "device_id": "0",
                "arena_extend_strategy": "kSameAsRequested",  # not the next power of two
                "gpu_mem_limit": str(self._memory),
                "cudnn_conv_algo_search": "EXHAUSTIVE",  # shapes never change: runs once, in a graph's first run
                "use_tf32": "0",  # no TF32: float32 must be exact
            }
        folder = self._cache(path)
        return {
            "device_id": "0",
            "trt_max_workspace_size": str(self._memory),
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": str(folder),
            "trt_engine_cache_prefix": f"{role}-{self.precision}",
            "trt_timing_cache_enable": "1",
            "trt_timing_cache_path": str(folder.parent),
            # Without a precision flag the network is strongly typed: the types in the file decide.
            "trt_fp16_enable": "0",
            "trt_int8_enable": "0",
        }

    def _cache(self, path: Path) -> Path:
        """Return the folder for this file's TensorRT engines: their names do not cover weights in external files."""
        folder = (
            cache_folder() / "onnxruntime" / key((*self.bundle.digests(path), str(self._ort.__version__)))
        )
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EngineUnavailable(
                f"engine {self.name!r} cannot store its plans in {folder} ({error}); "
                "set EDGETRACK_CACHE to a writable folder"
            ) from error
        return folder

    def _failure(self, path: Path, error: Exception | None) -> Exception:
        """Return the error to raise: a library that does not load, an invalid file, or ONNX Runtime's own message."""
        if missing := _missing(self._ort, self._kind):
            return EngineUnavailable(
                f"engine {self.name!r}: the {self._kind.title} cannot be loaded: {missing}"
            )
        said = "it fell back to another provider" if error is None else _said(error)
        if type(error).__name__ in _DAMAGED:
            return BundleError(
                f"ONNX Runtime {self._ort.__version__} cannot load {path} ({said}); export the bundle again"
            )
        return EngineUnavailable(
            f"engine {self.name!r} cannot run {path.name} in {self.precision} on the GPU ({said}); "
            "see: nvidia-smi; or use engine='ort'"
        )


def _onnxruntime(name: str, kind: Kind) -> Any:
    """Return the GPU build of the module onnxruntime, with the libraries from Python packages loaded."""
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineUnavailable(
            f"engine {name!r} needs onnxruntime-gpu, but onnxruntime cannot be imported ({error}); run: {_INSTALL}"
        ) from error
    ort: Any = onnxruntime
    if kind.providers[0] not in ort.get_available_providers():
        raise EngineUnavailable(
            f"engine {name!r} needs onnxruntime-gpu, but the installed ONNX Runtime {ort.__version__} was "
            f"built without {kind.providers[0]}; the two packages share one folder, so only one may be "
            f"installed: {_INSTALL}"
        )
    ort.set_default_logger_severity(4)  # provider messages are part of this module's errors
    with contextlib.redirect_stdout(io.StringIO()):
        if hasattr(ort, "preload_dlls"):  # since 1.21; older versions need CUDA on the loader's path
            ort.preload_dlls()
    if name == "ort-tensorrt":
        with contextlib.suppress(ImportError):
            import_module("tensorrt")  # loads libnvinfer, if it is a Python package
    return ort


def _session_options(ort: Any) -> Any:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    return options


def _placement(session: Any) -> Counter[str]:
    """Count the nodes of each provider; empty before ONNX Runtime 1.24, which does not report them."""
    if not hasattr(session, "get_provider_graph_assignment_info"):
        return Counter()
    parts = session.get_provider_graph_assignment_info()
    return Counter(
        {
            name: sum(len(p.get_nodes()) for p in parts if p.ep_name == name)
            for name in {p.ep_name for p in parts}
        }
    )


def _said(error: Exception) -> str:
    """Return CUDA's part of an error message if there is one: ONNX Runtime puts half a page of C++ before it."""
    cuda = re.search(r"CUDA failure \d+: [^;]+?(?= *;)", str(error))
    return cuda[0] if cuda else reason_of(error)


def _missing(ort: Any, kind: Kind) -> str:
    """Return which library a provider is missing and how to install it; empty if the provider loads.

    Call this only after ONNX Runtime has tried: it cannot use a provider library that was loaded before it.
    """
    try:
        ctypes.CDLL(str(Path(ort.__file__).parent / "capi" / kind.file))
    except OSError as error:
        said = str(error)
    else:
        return ""
    if "libcuda.so" in said:
        return f"{said}; there is no NVIDIA driver here (see: nvidia-smi); install it, or use engine='ort'"
    if "libnvinfer" in said or "libnvonnxparser" in said:
        return (
            f"{said}; it needs that version of TensorRT: pip install 'tensorrt-cu13<11', or -cu12 for CUDA 12"
        )
    return f"{said}; run: {_INSTALL}"
