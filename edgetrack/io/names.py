"""What a source may be called in messages, logs and recordings: never with a password in it."""

from __future__ import annotations

import re
from pathlib import Path

from edgetrack.errors import SourceError

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_IN_TEXT = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
# Network cameras take them in the query, and some in the path: /user=admin&password=secret&channel=1.
_SECRET = re.compile(
    r"(?<![a-z0-9])((?:user(?:name|-id|-pw)?|usr|login|pass(?:w(?:or)?d)?|pwd|psw|proxy-(?:id|pw)|(?:access_?|auth_?)?token|"
    r"(?:api_?|access_?)?key|secret|auth|sig(?:nature)?|x-amz-\w+)=)[^&;#\s]*",
    re.IGNORECASE,
)


def is_url(source: str) -> bool:
    """Whether it begins as in ``rtsp://``."""
    return _URL.match(source) is not None


def is_local(source: str) -> bool:
    """Whether it is a file or a folder that is there."""
    try:
        return not is_url(source) and (Path(source).is_file() or Path(source).is_dir())
    except (OSError, ValueError):  # what is wrong with it, says whoever opens it
        return False


def printable(name: str) -> str:
    """The name with escapes where its bytes are no UTF-8: a terminal, and OpenCV, want text."""
    return name.encode(errors="backslashreplace").decode()


def check_printable(target: str, name: str) -> None:
    """Raises SourceError unless it is text; ``name``: what to call it."""
    if printable(target) != target:
        raise SourceError(
            f"{printable(name)} is not UTF-8, which decoders need; expected another name: rename it"
        )


def public_name(source: str) -> str:
    """The source as it may be shown: a URL without its user, its password and its keys; a path as it is.

    Of a GStreamer pipeline, all addresses and all properties that name users or passwords are treated so.
    """
    if source.startswith("gst:"):
        return _SECRET.sub(r"\1***", without_secrets(source))
    if not is_url(source):
        return source
    scheme, _, rest = source.partition("://")
    return scheme + "://" + _SECRET.sub(r"\1***", _without_user(rest))


def without_secrets(text: str) -> str:
    """The same for all URLs in a text, such as a message of a library."""
    return _IN_TEXT.sub(lambda found: public_name(found[0]), text)


def _without_user(rest: str) -> str:
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in host:
        return rest[host.rindex("@") + 1 :]
    name, colon, port = host.partition(":")
    if (
        colon and not name.startswith("[") and not port.isdecimal() and "@" in rest
    ):  # a password with / ? or # in it
        return rest[rest.rindex("@") + 1 :]
    return rest
