"""Options of live sources, of raw frames and of events."""

from __future__ import annotations

from typing import Annotated

from edgetrack.cli.options import option

RawSize = Annotated[
    str | None, option("Size of raw frames (--source -).", "--size", panel="Source", metavar="WxH")
]
RawFormat = Annotated[
    str | None,
    option(
        "Format of raw frames: bgr24 (default), rgb24, gray8 or nv12.",
        "--format",
        panel="Source",
        metavar="NAME",
    ),
]
Realtime = Annotated[
    bool,
    option(
        "Play a file as a camera would, dropping frames that come too fast.", "--realtime", panel="Source"
    ),
]
Transport = Annotated[
    str, option("tcp or udp, for rtsp://.", "--transport", panel="Source", metavar="NAME", show_default=True)
]
GiveUpS = Annotated[
    float | None,
    option(
        "End when a live source has sent nothing for so many seconds. Default: reconnect forever.",
        "--give-up-s",
        panel="Source",
        min=0,
        metavar="S",
    ),
]
WebhookUrl = Annotated[
    str | None,
    option(
        "Post what appears, is lost, comes back, enters, leaves or crosses to this address, as JSON; sent again "
        "until it is taken.",
        "--webhook",
        panel="Result",
        metavar="URL",
    ),
]
MqttUrl = Annotated[
    str | None,
    option(
        "Publish what comes and goes, with the best picture, and the states of all targets to this MQTT broker, also "
        "for Home Assistant: mqtt://USER:PASSWORD@HOST/TOPIC.",
        "--mqtt",
        panel="Result",
        metavar="URL",
    ),
]
PublishUrl = Annotated[
    str | None,
    option(
        "Publish the picture with the tracks drawn into it to this server of streams: rtsp://HOST:8554/PATH.",
        "--publish",
        panel="Result",
        metavar="URL",
    ),
]
RerunUrl = Annotated[
    str | None,
    option(
        "Show the run in a Rerun viewer, at the address that it prints: rerun+http://127.0.0.1:9876/proxy.",
        "--rerun",
        panel="Result",
        metavar="URL",
    ),
]
MaxAgeMs = Annotated[
    float | None,
    option(
        "Skip frames of a live source that were captured longer ago than this, before they reach the network.",
        panel="Latency",
        metavar="MS",
    ),
]
