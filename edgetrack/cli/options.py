"""Arguments and options of the command line; those that only one command has are in its own `*_options`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from edgetrack import cores


def option(help: str, *names: str, panel: str | None = None, **settings: Any) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=panel, **settings)


def bounded(context: typer.Context, option: typer.CallbackParam, value: int) -> int:
    """Check a number of threads or processes against the cores that this process may use; reduce a default to them.

    Raises:
        ConfigError: more were requested.
    """
    if context.resilient_parsing:
        return value
    source = context.get_parameter_source(str(option.name))
    if source is not None and source.name == "DEFAULT":
        return min(value, cores.usable())
    return cores.checked(value, option.opts[0])


# The target.
_TEXT, _BOX = (
    'Description of the target, such as "red car".',
    "Box of the target in the first frame, in pixels.",
)
Text = Annotated[str | None, option(_TEXT, "--text", "-t", metavar="TEXT")]
DemoText = Annotated[str, option("What to track in the scene.", "--text", "-t", metavar="TEXT")]
Texts = Annotated[list[str] | None, option(f"{_TEXT} Repeatable.", "--text", "-t", metavar="TEXT")]
BoxText = Annotated[str | None, option(_BOX, "--box", metavar="X,Y,W,H")]
BoxTexts = Annotated[list[str] | None, option(f"{_BOX} Repeatable.", "--box", metavar="X,Y,W,H")]


class OnAmbiguous(str, Enum):
    """The same values as for ``Tracker``."""

    best = "best"
    wait = "wait"


_WORDS = "Words"
OnAmbiguousOption = Annotated[
    OnAmbiguous,
    option(
        "If the text fits several objects about equally well: follow the best one, or wait until only one is left.",
        "--on-ambiguous",
        panel=_WORDS,
    ),
]
Words = Annotated[
    Path | None,
    option(
        'English meanings of your own words, in lines such as: Gabelstapler = "forklift".',
        panel=_WORDS,
        metavar="FILE.toml",
    ),
]
Strict = Annotated[bool, option("Refuse words that the model was not trained on.", "--strict", panel=_WORDS)]

# Sources.
Camera = Annotated[int | None, option("Camera number; the first is 0.", panel="Source", min=0, metavar="N")]
_SOURCE = (
    "A video, a recording (.mcap), a folder of images, a pattern (%05d.png), a stream such as rtsp://host/path, "
    "/dev/video0?size=1280x720&fps=30&format=MJPG, csi://0, gst:PIPELINE, test://street, or - for raw frames on "
    "standard input."
)
Source = Annotated[str | None, option(_SOURCE, *("--source", "-s"), panel="Source", metavar="SOURCE")]
Sources = Annotated[
    list[str] | None,
    option(
        f"{_SOURCE} Repeatable: several cameras, each with its own tracker, on one engine. "
        "{camera} in the name of an output stands for NAME. With --config, each can have its own targets.",
        *("--source", "-s"),
        panel="Source",
        metavar="[NAME=]SOURCE",
    ),
]
BenchSource = Annotated[
    str | None,
    option("A video or a folder of images. Default: the demo.", "--source", "-s", metavar="FILE|DIR"),
]
MaxFrames = Annotated[int | None, option("Stop after this many frames.", panel="Source", min=1, metavar="N")]
Recording = Annotated[
    Path, typer.Argument(metavar="FILE.mcap", help="A recording made by edgetrack run --output FILE.mcap.")
]
Dataset = Annotated[
    str,
    typer.Argument(
        metavar="DATASET",
        help="Layout of the data: "
        "otb100, otb99-lang, lasot, lasot-ext, tnl2k, got10k, trackingnet, uav123, nfs, vot, davis, "
        "davis2016, youtube-vos, mose, "
        "lasher, rgbt234, gtot, depthtrack, vot-rgbd22, visevent, folder, coco, refcoco, refcoco+, refcocog, "
        "refcocog-google, langdev, language, flickr30k-entities, mot17, refer-kitti, tao, anomaly.",
    ),
]
DatasetPath = Annotated[Path, typer.Argument(metavar="PATH", help="Folder of the data.")]
SplitArgument = Annotated[str, typer.Argument(metavar="SPLIT", help="Split of the data, such as train.")]

# Outputs.
OutputFiles = Annotated[
    list[Path] | None,
    option(
        "OUT.jsonl or OUT.csv: one line per frame and target; - writes JSON lines to standard output. OUT.mp4: the "
        "video with the track drawn in. OUT.mcap: frames and tracks, for Foxglove and, with one target, edgetrack "
        "replay. OUT.ros2.mcap: the same as ROS 2 messages. OUT.rrd: the same for Rerun. OUT.json: a dataset in "
        "COCO format. OUT.mot, OUT.otb: results in the format of MOTChallenge or OTB. Repeatable.",
        *("--output", "-o"),
        panel="Result",
        metavar="FILE",
    ),
]
DemoOutput = Annotated[Path, option("The video to write.", "--output", "-o", metavar="FILE")]
BundleOutput = Annotated[
    Path, option("The bundle to write.", "--output", "-o", metavar="DIR", show_default=False)
]
Show = Annotated[bool, option("Show the video in a window; q closes it.", "--show/--no-show", panel="Result")]
Json = Annotated[Path | None, option("Also write all measurements as JSON.", metavar="FILE")]
Picture = Annotated[
    Path | None,
    option("Image of the first divergence. Default: FILE-divergence.png here.", metavar="PNG"),
]

# The engine.
Threads = Annotated[
    int,
    option(
        "CPU threads, at most the cores that this process may use.",
        panel="Engine",
        min=1,
        metavar="N",
        callback=bounded,
    ),
]
ENGINES = "auto, ort, ort-ops, openvino, ort-cuda, ort-tensorrt or tensorrt"
PRECISIONS = "auto, fp32, fp16, bf16 or int8"
Engine = Annotated[str, option(f"{ENGINES}; see: edgetrack engines.", panel="Engine", metavar="NAME")]
Precision = Annotated[str, option(f"{PRECISIONS}, adapters: int8-bf16.", panel="Engine", metavar="NAME")]
Model = Annotated[
    str | None, option("A shipped model or your own bundle.", panel="Engine", metavar="NAME|DIR")
]
Trust = Annotated[bool, option("Run the code in an adapter's bundle.", "--trust", panel="Engine")]
PeerWeights = Annotated[
    Path | None, option("Folder of the other trackers' ONNX files.", panel="Engine", metavar="DIR")
]

# Latency.
DeadlineMs = Annotated[
    float | None,
    option(
        "Latency budget per frame; when inference would exceed it, extrapolate the box (at most 3 frames in a row).",
        panel="Latency",
        metavar="MS",
    ),
]
StaticCheck = Annotated[
    bool,
    option(
        "Skip inference while the scene is static (at most 5 frames in a row).",
        "--static-check",
        panel="Latency",
    ),
]

# Export and build.
ExportModel = Annotated[
    str,
    typer.Argument(
        metavar="[MODEL|CHECKPOINT|ADAPTER]",
        help="A shipped model, a bundle, a checkpoint (.pt), or another tracker: groundingdino, litetrack, "
        "nanotrack-v2, nanotrack-v3, owlv2, owlvit, sdstrack, sutrack, uvltrack or FILE.py:CLASS.",
    ),
]
_QUANTIZED, _NEW_MODEL = "Other precisions", "New model"
Int8 = Annotated[bool, option("Add INT8, if it is as accurate and faster.", "--int8")]
Fp16 = Annotated[bool, option("Add float16, for GPUs, if it is as accurate.", "--fp16")]
Bf16 = Annotated[bool, option("Accept bfloat16 for another tracker, if it is as accurate.", "--bf16")]
Calibration = Annotated[
    list[str] | None,
    option(
        "Your own video for calibration and measurement, second sensor in NAME.x.mp4. Repeatable; default: keep an "
        "INT8 that was accepted before, and make a new one with the demo scene.",
        panel=_QUANTIZED,
        metavar="VIDEO|DIR",
    ),
]
Accept = Annotated[
    Path | None,
    option(
        "Labeled clips for acceptance: NAME.mp4, NAME.txt, masks in NAME/, second sensor in NAME.x.mp4. Default: "
        "agreement with fp32 on the calibration video.",
        panel=_QUANTIZED,
        metavar="DIR",
    ),
]
MinAucRatio = Annotated[
    float,
    option("Accuracy to keep, as a fraction of the accuracy in float32.", panel=_QUANTIZED, metavar="R"),
]
Target = Annotated[
    str,
    option(
        "Device whose budgets are stored in the bundle; auto: this machine. See: edgetrack targets.",
        metavar="NAME|auto",
        show_default=True,
    ),
]
ExportReport = Annotated[
    bool, option("Also write report.html into the bundle.", "--report", panel=_QUANTIZED)
]
Force = Annotated[bool, option("Replace an older bundle.", "--force")]
Weights = Annotated[
    list[Path] | None,
    option(
        "Weight files for MODEL litetrack, nanotrack-v2, nanotrack-v3, sdstrack, sutrack, uvltrack or FILE.py:CLASS, "
        "repeatable; the folder, or the name on Hugging Face's hub, for groundingdino, owlv2 or owlvit.",
        panel="Other trackers",
        metavar="FILE",
    ),
]
TextEncoder = Annotated[
    Path,
    option("Folder written by python -m edgetrack.training.prune_text.", panel=_NEW_MODEL, metavar="DIR"),
]
Grounder = Annotated[
    Path | None,
    option(
        "Grounding network, which finds the target of a text: its checkpoint, or a model that has one. "
        "Default: keep that of the bundle.",
        panel=_NEW_MODEL,
        metavar="FILE|MODEL",
    ),
]
MasksFrom = Annotated[
    Path | None,
    option(
        "Mask head: its checkpoint, or a model that has one. Default: keep that of the bundle.",
        panel=_NEW_MODEL,
        metavar="FILE|MODEL",
    ),
]
SensorFrom = Annotated[
    Path | None,
    option("Checkpoint for a second sensor. Default: keep that of the bundle.", panel=_NEW_MODEL),
]
ModelName = Annotated[
    str | None,
    option(
        "Name of the exported model. Default: edgetrack-256, or the tracker's own.",
        panel=_NEW_MODEL,
        metavar="NAME",
    ),
]
ModelVersion = Annotated[str, option("Version of the exported model.", panel=_NEW_MODEL, metavar="X.Y.Z")]
Graphs = Annotated[
    list[str] | None, option("Only this graph, such as search. Repeatable; default: all.", metavar="ROLE")
]

# Training and its data.
Recipe = Annotated[Path, typer.Argument(metavar="RECIPE.toml", help="Data and settings of the training.")]
