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
    option("Play a file like a camera, dropping frames that arrive too fast.", "--realtime", panel="Source"),
]
Transport = Annotated[
    str, option("tcp or udp, for rtsp://.", "--transport", panel="Source", metavar="NAME", show_default=True)
]
GiveUpS = Annotated[
    float | None,
    option(
        "End after a live source has sent nothing for this many seconds. Default: reconnect forever.",
        "--give-up-s",
        panel="Source",
        min=0,
        metavar="S",
    ),
]
WebhookUrl = Annotated[
    str | None,
    option(
        "Post events (an object appears, is lost, comes back, enters, leaves or crosses) to this address as "
        "JSON, with retries.",
        "--webhook",
        panel="Result",
        metavar="URL",
    ),
]
MqttUrl = Annotated[
    str | None,
    option(
        "Publish visits, with the best image of each, and the states of all targets to this MQTT broker, also for "
        "Home Assistant: mqtt://USER:PASSWORD@HOST/TOPIC.",
        "--mqtt",
        panel="Result",
        metavar="URL",
    ),
]
PublishUrl = Annotated[
    str | None,
    option(
        "Stream the video with the tracks drawn into it to this server: rtsp://HOST:8554/PATH.",
        "--publish",
        panel="Result",
        metavar="URL",
    ),
]
RerunUrl = Annotated[
    str | None,
    option(
        "Show the run in a Rerun viewer at the address that the viewer prints: rerun+http://127.0.0.1:9876/proxy.",
        "--rerun",
        panel="Result",
        metavar="URL",
    ),
]
MaxAgeMs = Annotated[
    float | None,
    option(
        "Skip frames of a live source that are older than this, before they reach the network.",
        panel="Latency",
        metavar="MS",
    ),
]
