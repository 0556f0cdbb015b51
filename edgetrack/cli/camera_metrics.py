"""The metrics of several cameras on one page, each sample with the name of its camera, and one health check."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from edgetrack.cli.metrics_options import NoMetrics, serving_pages

if TYPE_CHECKING:
    from edgetrack.io.source import Source
    from edgetrack.metrics import RunMetrics


class CameraMetrics:
    """Collects the metrics of several cameras, if they are served.

    Args:
        names: Names of the cameras.
        on: Whether they are served; otherwise nothing is collected.
    """

    def __init__(self, names: Sequence[str], *, on: bool) -> None:
        self._names, self._on = names, on
        self._cameras: dict[str, RunMetrics] = {}
        self._began_s = time.time()

    def of(self, name: str, source: Source) -> RunMetrics | NoMetrics:
        """Return the metrics of a camera whose source is open."""
        if not self._on:
            return NoMetrics()
        from edgetrack.metrics import RunMetrics

        self._cameras[name] = metrics = RunMetrics(source)
        return metrics

    def page(self) -> bytes:
        """Return the metrics of all cameras; there are none of a camera that is not connected yet."""
        from edgetrack.exposition import exposition
        from edgetrack.metrics import of_process

        families = [
            replace(family, labels={"camera": name})
            for name, metrics in list(self._cameras.items())
            for family in metrics.families()
        ]
        return exposition([*families, *of_process(self._began_s)])

    def health(self) -> tuple[bool, bytes]:
        """Return whether frames of all cameras are being tracked, and the condition of each as JSON."""
        each = {
            name: self._cameras[name].condition()
            if name in self._cameras
            else {"live": False, "why": "it is not connected yet", "source": "connecting"}
            for name in self._names
        }
        ill = [f"{name}: {said['why']}" for name, said in each.items() if not said["live"]]
        said = {"live": not ill, "why": "; ".join(ill) or None, "cameras": each}
        return not ill, json.dumps(said).encode() + b"\n"


@contextmanager
def serving_cameras(address: str | None, names: Sequence[str]) -> Iterator[tuple[CameraMetrics, str | None]]:
    """Collect and serve the metrics of several cameras; see `serving`."""
    metrics = CameraMetrics(names, on=address is not None)
    if address is None:
        yield metrics, None
        return
    with serving_pages(address, metrics) as served:
        yield metrics, served
