"""The shapes of the demo's cars, as outlines from the side."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """A car seen from its right side, front at +x; in meters, origin on the ground below its center.

    Attributes:
        body: outline (x, z) of the lower part, counter-clockwise from the rear sill.
        cabin: outline (x, z) of windows and roof, from the lower edge of the rear window to that of the windshield.
        windows: outlines of the side windows within the cabin.
        axles: x of the rear and front wheels.
        wheel: radius of a wheel.
        width: width of the body at the waist.
        roof: width of the roof.
    """

    body: tuple[tuple[float, float], ...]
    cabin: tuple[tuple[float, float], ...]
    windows: tuple[tuple[tuple[float, float], ...], ...]
    axles: tuple[float, float]
    wheel: float
    width: float
    roof: float


HATCHBACK = Shape(
    body=(
        (-1.98, 0.32), (1.95, 0.27), (2.06, 0.42), (2.05, 0.60), (1.93, 0.74), (1.55, 0.85), (0.98, 0.95),
        (-1.62, 1.02), (-1.96, 0.96), (-2.05, 0.72), (-2.06, 0.45),
    ),
    cabin=(
        (-1.88, 0.98), (-1.62, 1.30), (-1.25, 1.43), (-0.45, 1.49), (0.05, 1.45),
        (0.36, 1.33), (1.02, 0.94),
    ),
    windows=(
        ((-1.50, 1.06), (-1.36, 1.30), (-1.12, 1.36), (-0.50, 1.40), (-0.50, 1.03)),
        ((-0.42, 1.03), (-0.42, 1.40), (0.05, 1.36), (0.30, 1.27), (0.72, 1.00)),
    ),
    axles=(-1.28, 1.30), wheel=0.33, width=1.76, roof=1.16,
)  # fmt: skip
SALOON = Shape(
    body=(
        (-2.25, 0.33), (2.20, 0.28), (2.32, 0.44), (2.30, 0.60), (2.15, 0.74), (1.60, 0.86), (0.95, 0.94),
        (-1.30, 1.00), (-2.18, 1.00), (-2.31, 0.84), (-2.32, 0.48),
    ),
    cabin=(
        (-1.72, 1.00), (-1.12, 1.33), (-0.72, 1.42), (-0.15, 1.45), (0.22, 1.40),
        (0.50, 1.28), (1.10, 0.92),
    ),
    windows=(
        ((-1.28, 1.05), (-0.98, 1.28), (-0.70, 1.34), (-0.38, 1.36), (-0.38, 1.03)),
        ((-0.30, 1.03), (-0.30, 1.37), (0.20, 1.32), (0.42, 1.23), (0.78, 0.99)),
    ),
    axles=(-1.38, 1.42), wheel=0.33, width=1.80, roof=1.14,
)  # fmt: skip
VAN = Shape(
    body=(
        (-2.45, 0.38), (2.38, 0.33), (2.50, 0.50), (2.46, 0.80), (2.30, 1.02), (1.78, 1.18), (1.60, 1.20),
        (-2.47, 1.24), (-2.50, 0.90), (-2.50, 0.50),
    ),
    cabin=(
        (-2.46, 1.22), (-2.42, 1.90), (-2.32, 1.98), (0.55, 2.00), (0.85, 1.94),
        (1.02, 1.84), (1.80, 1.18),
    ),
    windows=(((0.22, 1.26), (0.22, 1.74), (0.86, 1.74), (1.30, 1.28)),),
    axles=(-1.50, 1.55), wheel=0.36, width=1.94, roof=1.66,
)  # fmt: skip
