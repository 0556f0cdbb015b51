"""The fakes of TensorRT and CUDA in subprocesses of a test."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from tensorrt_fakes import FakeCuda, Fakes, FakeTensorRt


def install_in_children(set_env: Callable[[str, str], None], folder: Path, **options: Any) -> Path:
    """Puts the fakes where processes that this one starts import from; ``set_env`` is that of ``monkeypatch``.

    Args:
        folder: gets modules called ``tensorrt`` and ``cuda``.
        options: ``build_s`` and ``error`` of the ``FakeTensorRt`` there.

    Returns:
        The file that gets a line at the beginning and at the end of each build there.
    """
    record = folder / "builds.txt"
    (folder / "cuda" / "bindings").mkdir(parents=True)
    for path in ("cuda/__init__.py", "cuda/bindings/__init__.py"):
        (folder / path).write_text("")
    stub = "import sys, tensorrt_children\nsys.modules[__name__] = tensorrt_children.of_this_process()[{}]\n"
    (folder / "cuda/bindings/runtime.py").write_text(stub.format(0))
    (folder / "tensorrt.py").write_text(stub.format(1))
    set_env("PYTHONPATH", os.pathsep.join([str(folder), str(Path(__file__).parent)]))
    set_env("FAKE_TENSORRT", json.dumps({"record": str(record), **options}))
    return record


@cache
def of_this_process() -> Fakes:
    """Install the fakes in a process that ``install_in_children`` prepared."""
    options = json.loads(os.environ["FAKE_TENSORRT"])
    cuda = FakeCuda()
    trt = FakeTensorRt(cuda)
    trt.record, trt.build_s, trt.error = (
        Path(options["record"]),
        options.get("build_s", 0),
        options.get("error"),
    )
    return cuda, trt
