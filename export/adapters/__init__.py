"""From somebody's weights to ONNX files that ``edgetrack eval`` and ``edgetrack bench`` run beside edgetrack."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx

from edgetrack.errors import ConfigError, ExportError, ParityError
from edgetrack.export.adapters.nanotrack import NanoTrackAdapter
from edgetrack.manifest import GraphSpec, TensorSpec
from edgetrack.peers import FACTS, Adapter, load_adapter
from edgetrack.peers.nanotrack import VERSIONS

if TYPE_CHECKING:
    from torch import nn

TOLERANCE = 1e-4


def is_adapter(name: str) -> bool:
    """Whether ``edgetrack export NAME`` means an adapter, by its form."""
    return name in VERSIONS or ".py:" in name


def export_adapter(name: str, weights: Sequence[Path], output: Path, *, force: bool = False) -> list[Path]:
    """Writes the graphs of an adapter, and what they were made of; returns the files. Nothing is left when it fails.

    Args:
        name: "nanotrack-v2", "nanotrack-v3", or FILE.py:CLASS, an ``edgetrack.peers.Adapter``.
        weights: what the adapter reads.
        output: the folder, a new one; with ``force`` an older one of this kind is replaced.

    Raises:
        ConfigError: no such adapter.
        ExportError: files are missing or do not fit, or the output is in the way.
    """
    adapter: Adapter = NanoTrackAdapter(name) if name in VERSIONS else load_adapter(name)
    missing = [str(path) for path in weights if not path.is_file()]
    if missing or not weights:
        raise ExportError(
            f"weights {', '.join(missing)} do not exist"
            if missing
            else f"{name} needs its weights; give --weights FILE"
        )
    _check_output(output, force=force)
    graphs = adapter.graphs(weights)
    if not graphs or not all(isinstance(model, onnx.ModelProto) for model in graphs.values()):
        raise ConfigError(f"graphs() of {name} gave {graphs!r:.200}; expected ONNX models by name")
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=output.parent) as temporary:
        folder = Path(temporary) / "graphs"
        folder.mkdir()
        for graph, model in graphs.items():
            onnx.checker.check_model(model)
            (folder / f"{graph}.onnx").write_bytes(model.SerializeToString(deterministic=True))
        files = [*weights, *sorted(folder.iterdir())]
        hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        facts = json.dumps({"adapter": name, "sha256": hashes}, indent=2)
        (folder / FACTS).write_text(facts + "\n", encoding="utf-8")
        if output.exists():
            shutil.rmtree(output)
        folder.rename(output)
    return sorted(output.iterdir())


def torch_graph(
    module: nn.Module, *, inputs: Mapping[str, tuple[int, ...]], outputs: Sequence[str]
) -> onnx.ModelProto:
    """A module in ONNX, opset 20, whose outputs were compared with the module's on random pictures.

    Args:
        module: takes float32 tensors in the order of ``inputs``; returns one tensor, or a tuple of them.
        inputs: shapes by name.
        outputs: their names, in order.

    Raises:
        ExportError: PyTorch cannot express it in ONNX.
        ParityError: an output differs by more than 1e-4, or that share of its largest value.
    """
    import onnxruntime
    import torch

    from edgetrack.engines.ort import session_options
    from edgetrack.export.graphs import ExportGraph
    from edgetrack.export.onnx_graph import to_onnx

    given = {name: TensorSpec("float32", tuple(shape)) for name, shape in inputs.items()}
    spec = GraphSpec(given, dict.fromkeys(outputs, TensorSpec("float32", ())))
    model = to_onnx(ExportGraph(type(module).__name__, module.eval(), spec, ""))
    random = np.random.default_rng(0)
    feeds = {name: random.uniform(0, 1, shape).astype(np.float32) for name, shape in inputs.items()}
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), session_options(1), providers=["CPUExecutionProvider"]
    )
    with torch.no_grad():
        expected = module(*(torch.from_numpy(array) for array in feeds.values()))
    expected = (expected,) if isinstance(expected, torch.Tensor) else expected
    for name, wanted, found in zip(outputs, expected, session.run(list(outputs), feeds), strict=True):
        error = float(np.abs(wanted.numpy() - found).max())
        limit = TOLERANCE * max(1.0, float(wanted.abs().max()))
        if not error <= limit:  # also when it is not a number
            raise ParityError(
                f"output {name!r} differs by {error:.3g} between PyTorch and ONNX Runtime; expected at most "
                f"{limit:.3g}: does the module depend on chance, or on more than its inputs?"
            )
    return model


def _check_output(output: Path, *, force: bool) -> None:
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    if not (output / FACTS).is_file():
        raise ExportError(f"output {output} exists and is no adapter's; expected a new folder")
    if not force:
        raise ExportError(f"output {output} exists; replace it with --force, or name another folder")
