"""The options that only ``edgetrack eval`` has."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

from edgetrack.cli.options import option

_PROMPT, _PERTURBATIONS, _PAIRS, _WORK = "Target", "Perturbations", "Second sensor", "Work"


class Mode(str, Enum):
    """How the target is given; the same values as ``edgetrack.peers.Mode``."""

    nl = "nl"
    bbox = "bbox"
    nlbbox = "nlbbox"


class TextControl(str, Enum):
    """The same values as ``edgetrack.evaluation.types.TextControl``."""

    none = "none"
    empty = "empty"
    shuffled = "shuffled"
    category = "class"
    paraphrase = "paraphrase"


class FirstMask(str, Enum):
    """The same values as ``edgetrack.evaluation.types.FirstMask``."""

    found = "found"
    given = "given"


class Sensors(str, Enum):
    """The same values as ``edgetrack.evaluation.types.Sensors``."""

    color = "color"
    x = "x"
    both = "both"
    mean = "mean"


class SensorModel(str, Enum):
    """The same values as ``edgetrack.datasets.derived.MODELS``."""

    infrared = "infrared"
    thermal = "thermal"
    events = "events"


class ResultFormat(str, Enum):
    """The same values as ``edgetrack.evaluation.types.ResultFormat``."""

    otb = "otb"
    lasot = "lasot"
    tnl2k = "tnl2k"
    got10k = "got10k"
    trackingnet = "trackingnet"
    vot = "vot"


Modes = Annotated[
    list[Mode] | None,
    option("Give the target by text, by box (default) or by both. Repeatable.", "--mode", panel=_PROMPT),
]
TextControls = Annotated[
    list[TextControl],
    option("Text ablation: replace the true texts by others. Repeatable.", panel=_PROMPT),
]
Phrases = Annotated[
    bool,
    option(
        "Evaluate a dataset of images and sentences as phrases: best box, shown, swapped words.",
        "--phrases",
        panel=_PROMPT,
    ),
]
SwitchPrompt = Annotated[
    bool,
    option("Also switch the text during the sequence to that of another target.", "--switch", panel=_PROMPT),
]
OcclusionBursts = Annotated[
    bool,
    option("Also cover the target in bursts of 10, 20 and 40 frames.", "--occlusion", panel=_PERTURBATIONS),
]
RealTime = Annotated[
    list[int] | None,
    option(
        "Also deliver frames at this rate and drop late ones. Repeatable.",
        panel=_PERTURBATIONS,
        min=1,
        metavar="FPS",
    ),
]
Robustness = Annotated[
    bool,
    option("Also corrupt the images: noise, blur, fog and others.", "--robustness", panel=_PERTURBATIONS),
]
Corruptions = Annotated[
    list[str] | None,
    option(
        "Only this corruption, such as fog. Repeatable.", "--corruption", panel=_PERTURBATIONS, metavar="NAME"
    ),
]
Severities = Annotated[
    list[int] | None,
    option(
        "Only this severity, 1 to 3. Repeatable; default: all.",
        "--severity",
        panel=_PERTURBATIONS,
        min=1,
        max=3,
        metavar="N",
    ),
]
Draws = Annotated[
    int, option("Number of random first boxes for init-jitter.", panel=_PERTURBATIONS, min=1, metavar="N")
]
CorruptInit = Annotated[
    bool, option("Corrupt the first frame as well.", "--corrupt-init", panel=_PERTURBATIONS)
]
OutlineOption = Annotated[
    FirstMask | None,
    option(
        "Segment the targets and measure J&F; the first mask is predicted from the box, or given as in DAVIS.",
        "--mask",
        panel=_PROMPT,
    ),
]
SensorsGiven = Annotated[
    list[Sensors],
    option(
        "Images of a pair that the trackers get: color, the second sensor (x), both, or their mean. Repeatable.",
        "--sensors",
        panel=_PAIRS,
    ),
]
Failures = Annotated[
    list[str] | None,
    option(
        "Also simulate a sensor failure: protocol, x or color (groups), or a name such as color-night. Repeatable.",
        "--failure",
        panel=_PAIRS,
        metavar="NAME",
    ),
]
XModel = Annotated[
    SensorModel | None,
    option("Simulate the second sensor from color with this model.", "--x-model", panel=_PAIRS),
]
Seed = Annotated[int, option("Random seed.", panel=_PERTURBATIONS, min=0, metavar="N")]
Results = Annotated[
    list[ResultFormat] | None,
    option("Also write result files for this toolkit or server. Repeatable.", panel="Results"),
]
Trackers = Annotated[
    list[str],
    option(
        "edgetrack, edgetrack:MODEL, edgetrack:MODEL@PRECISION, opencv-nano, opencv-vit, opencv-mil, "
        "nanotrack, grabcut, segmenter:FILE.toml, or FILE.py:CLASS; for images with phrases also detector:FILE.onnx. "
        "Repeatable.",
        "--tracker",
        panel="Engine",
        metavar="NAME",
    ),
]
Workers = Annotated[
    int, option("Processes that share the sequences, one engine each.", panel=_WORK, min=1, metavar="N")
]
Ray = Annotated[
    str | None,
    option("Ray cluster that shares the sequences; auto: the local one.", panel=_WORK, metavar="ADDRESS"),
]
Resume = Annotated[bool, option("Continue an interrupted evaluation in --output.", "--resume", panel=_WORK)]
Split = Annotated[
    str | None,
    option("Split of the data, such as test, if there are several.", panel="Data", metavar="NAME"),
]
Sequences = Annotated[
    list[str] | None,
    option("Only this sequence. Repeatable; default: all.", panel="Data", metavar="NAME"),
]
EvalOutput = Annotated[
    Path, option("Folder for the results.", "--output", "-o", panel="Results", metavar="DIR")
]
Html = Annotated[
    bool, option("Draw report.html, which needs matplotlib.", "--html/--no-html", panel="Results")
]
