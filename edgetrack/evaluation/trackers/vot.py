"""edgetrack as a tracker of the VOT toolkit: ``edgetrack vot`` speaks TraX.

A trackers.ini for the toolkit (``pip install vot-toolkit``), then ``vot test edgetrack``::

    [edgetrack]
    label = edgetrack
    protocol = trax
    command = edgetrack vot

The TraX protocol: Čehovin, "TraX: the visual Tracking eXchange protocol and library", Neurocomputing 2017.
"""

from __future__ import annotations

from typing import Any

from edgetrack._imports import require
from edgetrack.errors import SourceError
from edgetrack.peers import FrameTracker
from edgetrack.types import Box


def serve(tracker: FrameTracker) -> None:
    """Answer a TraX client on standard input and output, or on its socket, until it says quit.

    Each frame is answered with a rectangle and the property ``confidence``. If the tracker gives no box, its last box
    is repeated, with the confidence of the current frame.

    Raises:
        MissingExtra: vot-trax is not installed.
        SourceError: a frame cannot be read.
    """
    trax = require("trax", extra="vot")
    formats = [trax.Region.RECTANGLE], [trax.Image.PATH], ["color"]
    with trax.Server(*formats, tracker_name="edgetrack") as server:
        last = Box(0, 0, 1, 1)
        while (request := server.wait()).type in (trax.TraxStatus.INITIALIZE, trax.TraxStatus.FRAME):
            pixels = _pixels(request.image["color"].path())
            if request.type == trax.TraxStatus.INITIALIZE:
                [(region, _)] = request.objects
                last = _inside(region.bounds(), pixels)
                track = tracker.start(pixels, box=last)
            else:
                track = tracker.update(pixels)
            last = track.box or last
            server.status([(trax.Rectangle.create(*last.xywh), {"confidence": track.score})])


def _pixels(path: str) -> Any:
    from edgetrack.io.opencv import load_cv2

    pixels = load_cv2().imread(path)
    if pixels is None:
        raise SourceError(f"{path} cannot be read; expected the image that the TraX client named")
    return pixels


def _inside(bounds: tuple[float, ...], pixels: Any) -> Box:
    """Return the part of the client's region that is inside the image."""
    x, y, w, h = bounds
    left, top = max(x, 0.0), max(y, 0.0)
    right, bottom = min(x + w, float(pixels.shape[1])), min(y + h, float(pixels.shape[0]))
    return Box(left, top, right - left, bottom - top)
