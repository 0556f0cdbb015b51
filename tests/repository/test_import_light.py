"""``import edgetrack`` is quick and loads no heavy package; names arrive on first use."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ["cv2", "onnx", "onnxruntime", "rich", "tokenizers", "torch", "typer"]
LIMIT_S = 0.150

PROBE = """
import json, sys, time
before = time.process_time()
import {module}
print(json.dumps([time.process_time() - before, sorted(sys.modules)]))
"""


def probe(module: str) -> tuple[float, set[str]]:
    """Return the CPU seconds that the import takes in a fresh interpreter, and the modules loaded after it."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROBE.format(module=module)], capture_output=True, text=True, check=True
    )
    seconds, modules = json.loads(done.stdout)
    return float(seconds), set(modules)


def test_import_is_quick_and_loads_nothing_heavy():
    runs = [probe("edgetrack") for _ in range(5)]
    assert not runs[0][1] & set(HEAVY)
    assert min(seconds for seconds, _ in runs) < LIMIT_S


@pytest.mark.parametrize(
    "module", ["edgetrack.crop", "edgetrack.types", "edgetrack.targets", "edgetrack.datasets"]
)
def test_device_side_loads_at_most_numpy(module):
    assert not probe(module)[1] & set(HEAVY)


def test_names_are_imported_on_first_use():
    import edgetrack

    assert edgetrack.Box(1, 2, 3, 4).xywh == (1, 2, 3, 4)
    assert edgetrack.__version__.count(".") >= 2
    assert set(edgetrack.__all__) <= set(dir(edgetrack))
    with pytest.raises(AttributeError, match="no attribute 'Trackr'; it has AdapterError, "):
        _ = edgetrack.Trackr


def test_missing_package_names_the_install_command():
    from edgetrack._imports import require
    from edgetrack.errors import MissingExtra

    assert require("json", "video").dumps([1]) == "[1]"
    with pytest.raises(MissingExtra, match=r"pip install 'edgetrack\[video\]'"):
        require("a_module_that_nobody_has", "video")
