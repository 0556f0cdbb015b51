"""Checks an installed wheel in a few seconds: python tests/support/smoke.py. Needs the extra `video`, and no pytest.

It follows the red car of the demo scene and compares the boxes with where the car was drawn.
"""

from __future__ import annotations

import sys

FRAMES, MIN_FOLLOWED = 60, 20


def followed() -> int:
    """Return the number of frames in which the box has an IoU of at least 0.5 with the red car."""
    from edgetrack import Tracker
    from edgetrack.demo import Scene

    scene, good = Scene(), 0
    with Tracker() as tracker:
        for frame in scene.frames():
            track = tracker.update(frame) if tracker.track else tracker.start(frame, text="red car")
            truth = scene.boxes[-1].get("red car")
            good += track.box is not None and truth is not None and track.box.iou(truth) >= 0.5
            if frame.index + 1 == FRAMES:
                break
    return good


def main() -> int:
    import edgetrack

    good = followed()
    sys.stdout.write(
        f"edgetrack {edgetrack.__version__} in {edgetrack.__path__[0]}: {good} of {FRAMES} boxes right\n"
    )
    return 0 if good >= MIN_FOLLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
