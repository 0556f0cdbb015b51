"""``edgetrack align``: the homography from the pixels of a second sensor to those of color."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgetrack.cli.base import complain
from edgetrack.cli.options import option
from edgetrack.cli.overwrites import check_files
from edgetrack.errors import ConfigError

if TYPE_CHECKING:
    from edgetrack.io.alignment import Alignment, Pixels
    from edgetrack.io.source import Source

EXIT_REFUSED = 1
ColorSource = Annotated[str, typer.Argument(metavar="COLOR", help="A video or a folder of images of color.")]
OtherSource = Annotated[
    str,
    typer.Argument(
        metavar="X", help="A video or a folder of images of the second sensor, taken at the same time."
    ),
]
AlignOutput = Annotated[
    Path, option("File for edgetrack run --x-homography.", "--output", "-o", metavar="FILE.toml")
]
PairCount = Annotated[
    int, option("Number of pairs to compare, spread over the sources.", "--pairs", min=3, metavar="N")
]
CheckPicture = Annotated[
    Path | None,
    option(
        "Also draw the edges of the second sensor into a color image, so that you can check the result.",
        "--picture",
        metavar="FILE.png",
    ),
]


def align_command(
    color: ColorSource,
    x: OtherSource,
    output: AlignOutput = Path("homography.toml"),
    pairs: PairCount = 8,
    picture: CheckPicture = None,
) -> None:
    """Estimate the homography from a second sensor's pixels to those of color, from pairs of different scenes.

    Each pair is aligned separately. If too few agree, no file is written, and the exit code is 1.
    """
    from edgetrack.io.alignment import estimate_alignment
    from edgetrack.io.files import write_whole
    from edgetrack.io.pairing import homography_text
    from edgetrack.io.sources import open_source
    from edgetrack.terminal import open_console

    check_files({"--output": output, "--picture": picture}, [color, x])
    with open_source(color) as first, open_source(x) as second:
        sizes = {"x_size": second.size, "color_size": first.size}
        found = _pairs(first, second, pairs)
    alignment = estimate_alignment(found)
    if picture is not None:
        _draw(picture, found[len(found) // 2], alignment)
    told = f"{alignment.agreeing} of {alignment.pairs} pairs agree, to {alignment.spread:.1f} pixels"
    if not alignment.trusted:
        complain(
            f"the pairs do not agree ({told}), so no file is written; expected more pairs, of different scenes with "
            "edges that both sensors see"
        )
        raise typer.Exit(EXIT_REFUSED)
    write_whole(output, homography_text(alignment.homography, **sizes), option="--output")
    open_console().print(f"{told}: {output}", soft_wrap=True, markup=False)


def _pairs(color: Source, second: Source, count: int) -> list[tuple[Pixels, Pixels]]:
    """At most ``count`` pairs, evenly spread, without holding more than twice as many."""
    import numpy as np

    from edgetrack.io.pairing import SecondSensor

    if color.live or second.live:
        raise ConfigError("a camera never ends; expected videos or folders of images; record some first")
    kept: list[tuple[Pixels, Pixels]] = []
    step = 1
    with SecondSensor(second, color, homography=np.eye(3)) as sensor:
        for index, frame in enumerate(color):
            x = sensor.as_seen(frame)
            if index % step == 0 and x is not None:
                kept.append((frame.pixels.copy(), x.pixels))
            if len(kept) == 2 * count:
                kept, step = kept[::2], 2 * step
    return [kept[round(i)] for i in np.linspace(0, len(kept) - 1, min(count, len(kept)))]


def _draw(path: Path, pair: tuple[Pixels, Pixels], alignment: Alignment) -> None:
    from edgetrack.io.alignment import overlaid
    from edgetrack.io.files import write_whole
    from edgetrack.io.opencv import load_cv2

    done, packed = load_cv2().imencode(".png", overlaid(*pair, alignment.homography))
    assert done
    write_whole(path, packed.tobytes(), option="--picture")
