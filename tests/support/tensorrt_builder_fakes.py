"""TensorRT's logger, enumerations, parser, builder configuration and timing cache without a GPU."""

from __future__ import annotations

import enum
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tensorrt_fakes import FakeTensorRt


class Logger:
    class Severity(enum.IntEnum):
        INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)

    def log(self, severity: Any, message: str) -> None:
        raise NotImplementedError


class Flag(enum.IntEnum):
    STRONGLY_TYPED = 1


class DataType(enum.IntEnum):
    FLOAT = 0
    INT64 = 8


class TensorIOMode(enum.IntEnum):
    NONE, INPUT, OUTPUT = range(3)


class Parser:
    def __init__(self, network: Any) -> None:
        self._network = network
        self.num_errors = 0

    def parse(self, model: bytes, path: str | None = None) -> bool:
        import onnx
        from onnx.external_data_helper import load_external_data_for_model

        try:
            graph = onnx.load_model_from_string(model)
            load_external_data_for_model(graph, str(Path(str(path)).parent))
        except Exception:
            self.num_errors = 1
            return False
        self._network.data, self._network.num_outputs = graph.SerializeToString(), len(graph.graph.output)
        return True

    def get_error(self, index: int) -> Any:
        return SimpleNamespace(desc=lambda: "the file is no ONNX")


class _TimingCache:
    """What was timed, as digests of whole networks; its file says for which machine."""

    def __init__(self, mark: bytes, timed: set[bytes]) -> None:
        self.mark, self.timed = mark, timed

    def serialize(self) -> memoryview:
        return memoryview(self.mark + b"".join(sorted(self.timed)))


class FakeConfig:
    def __init__(self, trt: FakeTensorRt) -> None:
        self._trt = trt
        self.limits: dict[Any, int] = {}
        self.cleared: list[Any] = []
        self.cache: _TimingCache | None = None

    def create_timing_cache(self, data: bytes) -> _TimingCache | None:
        if not data:
            return _TimingCache(self._trt.timing_mark, set())
        mark, _, timed = data.partition(b":")
        if not mark.startswith(b"timing of ") or len(timed) % 32:
            return None
        return _TimingCache(mark + b":", {timed[i : i + 32] for i in range(0, len(timed), 32)})

    def set_timing_cache(self, cache: _TimingCache, ignore_mismatch: bool) -> bool:
        if cache.mark != self._trt.timing_mark and not ignore_mismatch:
            return False
        self.cache = cache
        return True

    def get_timing_cache(self) -> _TimingCache | None:
        return self.cache

    def set_memory_pool_limit(self, pool: Any, size: int) -> None:
        self.limits[pool] = size

    def clear_flag(self, flag: Any) -> None:
        self.cleared.append(flag)
