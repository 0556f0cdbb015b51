"""The options of ``edgetrack run`` for a second sensor in addition to color."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

from edgetrack.cli.engine_options import Rule
from edgetrack.cli.options import option
from edgetrack.cli.source_options import SourceOptions
from edgetrack.errors import ConfigError
from edgetrack.finite import is_finite

if TYPE_CHECKING:
    from edgetrack.cli.status import Engine
    from edgetrack.io.connections import Transport
    from edgetrack.io.paired import PairedSource
    from edgetrack.io.source import Source

_PANEL = "Second sensor"
_FOURTH = "fourth"
SecondSource = Annotated[
    str | None,
    option(
        "A second sensor (thermal, depth) in addition to color: a source as for --source, or a camera number; fourth "
        "is the fourth channel of a folder of color images. Each frame gets the image nearest in time.",
        "--x",
        panel=_PANEL,
        metavar="SOURCE",
    ),
]
Homography = Annotated[
    Path | None,
    option(
        "Homography from pixels of the second sensor to those of color. Default: both have the same pixels.",
        "--x-homography",
        panel=_PANEL,
        metavar="FILE.toml",
    ),
]
Within = Annotated[
    float,
    option(
        "Largest difference in time between the two images of a pair.",
        "--x-within-ms",
        panel=_PANEL,
        metavar="MS",
    ),
]
Range = Annotated[
    str | None,
    option(
        "Values of 16-bit images that become black and white, such as 6000,300 for depth in millimeters.",
        "--x-range",
        panel=_PANEL,
        metavar="LOW,HIGH",
    ),
]


@dataclass(frozen=True)
class Second:
    """The options of the second sensor."""

    source: str | None = None
    homography: Path | None = None
    within_ms: float = 40.0
    range: str | None = None

    def rules(self) -> dict[str, Rule]:
        """Return when the other options have an effect."""
        given = (self.source is not None, "--x is not given")
        return dict.fromkeys(("x_homography", "x_within_ms", "x_range"), given)

    def open(
        self, color: Source, how: SourceOptions, *, alone: bool
    ) -> AbstractContextManager[PairedSource | None]:
        """Open the second sensor for a color source, with the same options; return None if there is none.

        ``alone``: whether its frames may come alone while color is missing.

        Raises:
            ConfigError: an option has an invalid value, or the two sources cannot be paired.
            SourceError: it cannot be opened.
        """
        if self.source is None:
            return nullcontext()
        from edgetrack.io.paired import PairedSource
        from edgetrack.io.pairing import SecondSensor, read_homography
        from edgetrack.io.sources import open_source

        if not 0 <= self.within_ms < float("inf"):
            raise ConfigError(f"--x-within-ms is {self.within_ms:g}; expected milliseconds, 0 or more")
        with ExitStack() as undo:
            fourth = self.source == _FOURTH
            name = color.name if fourth else self.source
            opened = open_source(
                name,
                realtime=how.realtime,
                transport=cast("Transport", how.transport),
                give_up_s=how.give_up_s,
                levels=self._levels(),
                fourth=fourth,
            )
            source = undo.enter_context(opened)
            matrix = None
            if self.homography is not None:
                matrix = read_homography(self.homography, x_size=source.size, color_size=color.size)
            second = SecondSensor(source, color, homography=matrix, within_ms=self.within_ms)
            undo.pop_all()
        return PairedSource(color, second, alone=alone)

    def _levels(self) -> tuple[float, float] | None:
        if self.range is None:
            return None
        try:
            low, high = (float(part) for part in self.range.split(","))
        except ValueError:
            raise ConfigError(
                f"--x-range is {self.range!r}; expected two numbers, black and white, such as 6000,300"
            ) from None
        if not (is_finite(low) and is_finite(high)) or low == high:
            raise ConfigError(
                f"--x-range is {self.range!r}; expected two different numbers, black and white, such as 6000,300"
            )
        return low, high


def check_takes_pairs(engine: Engine) -> None:
    """Refuse a model that takes color only, before any output is opened.

    Raises:
        ConfigError: The model takes color only.
    """
    from edgetrack.bundle import takes_pairs

    bundle = engine.bundle
    if not takes_pairs(bundle):
        raise ConfigError(
            f"--x has no effect: model {bundle.manifest.name} takes color only; give one of edgetrack's own, such as "
            "--model edgetrack-256"
        )
