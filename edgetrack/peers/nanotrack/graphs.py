"""Converts NanoTrack's published ONNX files to two graphs: backbone of the template; backbone and head of a search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
from onnx import compose

from edgetrack._imports import require
from edgetrack.errors import ExportError
from edgetrack.peers.nanotrack import SEARCH, TEMPLATE, VERSIONS, Published
from edgetrack.peers.nanotrack.published import backbone, load


class NanoTrackAdapter(Published):
    """The adapter of one version of NanoTrack.

    Args:
        name: "nanotrack-v2" or "nanotrack-v3".
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def graphs(self, weights: Sequence[Path]) -> Mapping[str, onnx.ModelProto]:
        """``template``: image -> kernel, ``search``: image, kernel -> classes, sides.

        Args:
            weights: the published files BACKBONE.onnx and HEAD.onnx; or for v3 its checkpoint, one file ``*.pth``.

        Raises:
            ExportError: the files are not those of this version.
        """
        if self._name == "nanotrack-v3" and [path.suffix for path in weights] == [".pth"]:
            require("torch", extra="export")
            from edgetrack.peers.nanotrack import v3

            return v3.graphs(weights[0])
        if len(weights) != 2:
            raise ExportError(
                f"{self._name} got {len(weights)} files with weights; expected two: --weights BACKBONE.onnx "
                "--weights HEAD.onnx, or for v3 the .pth file"
            )
        head, channels = load(weights[1]), VERSIONS[self._name]
        given = [tuple(d.dim_value for d in v.type.tensor_type.shape.dim)[1:2] for v in head.graph.input]
        if given != [(channels,)] * 2:
            raise ExportError(
                f"{weights[1]} has inputs of {given} channels; the head of {self._name} has two of {channels}: "
                f"try {' or '.join(VERSIONS)}, with the backbone first"
            )
        template, search = (backbone(weights[0], side) for side in (TEMPLATE, SEARCH))
        try:
            joined = compose.merge_models(
                compose.add_prefix(search, "backbone/"),
                compose.add_prefix(head, "head/"),
                io_map=[("backbone/output", "head/input2")],
            )
        except Exception as error:  # onnx's errors have no common base class except Exception
            raise ExportError(
                f"{weights[0]} and {weights[1]} do not fit together ({error}); expected two files of the same version"
            ) from error
        names = {"backbone/input": "image", "head/input1": "kernel"}
        names |= {"head/output1": "classes", "head/output2": "sides"}
        return {
            "template": renamed(template, {"input": "image", "output": "kernel"}),
            "search": renamed(joined, names),
        }


def renamed(model: onnx.ModelProto, names: Mapping[str, str]) -> onnx.ModelProto:
    """Return a copy of ``model`` with other names for some of its tensors."""
    graph = model.graph
    for value in (*graph.input, *graph.output):
        value.name = names.get(value.name, value.name)
    for node in graph.node:
        for tensors in (node.input, node.output):
            tensors[:] = [names.get(name, name) for name in tensors]
    return model
