"""The options of masks and of blurring."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from edgetrack.cli.engine_options import Rule
from edgetrack.cli.options import option
from edgetrack.errors import ConfigError

if TYPE_CHECKING:
    from edgetrack.cli.wanted import Wanted
    from edgetrack.io.outputs import Prepare

_MASKS = (".png", ".mots")  # outputs of masks alone
_PICTURES = (".mp4", ".mcap", ".rrd")  # outputs that show the frames


class BlurWhat(str, Enum):
    """What is blurred."""

    target = "target"
    others = "others"


MaskOption = Annotated[
    bool,
    option(
        "Also segment the target: a pixel mask in addition to its box.",
        "--mask",
        panel="Target",
        show_default=False,
    ),
]
SegmenterOption = Annotated[
    Path | None,
    option(
        "Segment with this network instead of the model's own: the TOML file of a segmenter.",
        "--segmenter",
        panel="Engine",
        metavar="FILE.toml",
    ),
]
BlurOption = Annotated[
    BlurWhat | None,
    option(
        "Blur the target, or everything else, in videos, recordings and the window.", "--blur", panel="Output"
    ),
]


def _shows_pictures(outputs: Iterable[Path]) -> bool:
    """Return whether one of the outputs contains the frames."""
    return any(path.suffix.lower() in _PICTURES for path in outputs)


def check_mask_files(outputs: Iterable[Path], *, mask: bool) -> None:
    """Refuse outputs for masks if there are no masks.

    Raises:
        ConfigError: One of the outputs would stay empty.
    """
    if path := next((path for path in outputs if path.suffix.lower() in _MASKS and not mask), None):
        raise ConfigError(f"output {path} contains only masks, but the run computes none; add --mask")


def mask_rules(
    rules: dict[str, Rule], wanted: Collection[Wanted], outputs: list[Path], *, masks: bool, show: bool
) -> dict[str, Rule]:
    """Return the rules of --mask, --blur and --segmenter: those of engine options, and those of a run.

    Args:
        rules: The rules of engine options.
        wanted: The targets, of each camera.
        outputs: Files that are written.
        masks: Whether --mask or --blur is given.
        show: Whether there is a window.
    """
    found: dict[str, Rule] = {}
    for name in ("mask", "blur"):
        effective, why = rules[name]
        if effective and not any(own.targets for own in wanted):
            effective, why = False, "only targets given by --text or --box have masks"
        found[name] = effective, why
    if found["blur"][0] and not show and not _shows_pictures(outputs):
        found["blur"] = False, "no output shows the frames; add --output OUT.mp4 or --show"
    found["segmenter"] = rules["segmenter"]
    if not masks:
        found["segmenter"] = False, "neither --mask nor --blur is given"
    elif not all(own.is_one for own in wanted):
        found["segmenter"] = False, "it segments a single target, given by one --text or --box"
    return found


def blurring(what: BlurWhat | None, *, keep_masks: bool) -> Prepare | None:
    """Return the function that blurs frames; None if nothing is blurred."""
    if what is None:
        return None
    from edgetrack.io.blur import Blur

    return Blur(what.value, keep_masks=keep_masks)
