"""Compare the time of the fused crop and of cv2.warpAffine + numpy, both on one thread, in alternation.

python benchmarks/crop.py [--json]
"""

from __future__ import annotations

import argparse
import json

import cv2
import numpy as np
from common import machine, medians_ms

from edgetrack.crop import crop_into

GRAY = (127.5, 127.5, 127.5)
FRAME = (480, 640)
SIZE = 256
SIDES = (64, 128, 256, 400, 640)  # sides of the region, in pixels of the frame
ROUNDS = 300


def opencv_crop(frame: np.ndarray, side: float, x: float, y: float, out: np.ndarray) -> None:
    """Do the same crop with OpenCV and numpy in the fastest way we found: planes into a preallocated buffer."""
    step = side / SIZE
    matrix = np.array([[step, 0, x + step / 2 - 0.5], [0, step, y + step / 2 - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    crop = cv2.warpAffine(frame, matrix, (SIZE, SIZE), flags=flags, borderValue=GRAY)
    for channel, plane in enumerate(cv2.split(crop)):
        np.multiply(plane, np.float32(1 / 127.5), out=out[0, 2 - channel])
    np.subtract(out, np.float32(1), out=out)


def measure() -> list[dict[str, float]]:
    """Return one row per region size."""
    cv2.setNumThreads(1)
    frame = np.random.default_rng(0).integers(0, 256, (*FRAME, 3), dtype=np.uint8)
    out = np.empty((1, 3, SIZE, SIZE), np.float32)
    rows = []
    for side in SIDES:
        x, y = (FRAME[1] - side) / 2 + 0.3, (FRAME[0] - side) / 2 + 0.7
        region = (x, y, float(side), float(side))

        def fused(region: tuple[float, float, float, float] = region) -> None:
            crop_into(frame, region, out, mean=GRAY, std=GRAY, fill=GRAY)

        def opencv(side: float = side, x: float = x, y: float = y) -> None:
            opencv_crop(frame, side, x, y, out)

        ours, theirs = medians_ms([fused, opencv], rounds=ROUNDS)
        rows.append({"side": side, "fused_ms": ours, "opencv_ms": theirs, "ratio": theirs / ours})
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    as_json = parser.parse_args().json
    rows = measure()
    if as_json:
        print(json.dumps({"machine": machine(), "opencv": cv2.__version__, "rows": rows}))
        return
    print(f"{machine()}; OpenCV {cv2.__version__}; one thread; frame {FRAME[1]}x{FRAME[0]} -> {SIZE}x{SIZE}")
    print(f"{'region':>8} {'fused ms':>9} {'cv2 ms':>9} {'times faster':>13}")
    for row in rows:
        print(f"{row['side']:>8.0f} {row['fused_ms']:>9.3f} {row['opencv_ms']:>9.3f} {row['ratio']:>13.1f}")


if __name__ == "__main__":
    main()
