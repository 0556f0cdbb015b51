"""Names and addresses: for messages, logs and recordings, without passwords."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from edgetrack.errors import SourceError

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_IN_TEXT = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
# Network cameras take them in the query, some in the path: /user=admin&password=secret&channel=1.
_SECRET = re.compile(
    r"(?<![a-z0-9])((?:user(?:name|-id|-pw)?|usr|login|pass(?:w(?:or)?d)?|pwd|psw|proxy-(?:id|pw)|(?:access_?|auth_?)?token|"
    r"(?:api_?|access_?)?key|secret|auth|sig(?:nature)?|x-amz-\w+)=)[^&;#\s]*",
    re.IGNORECASE,
)


def is_url(source: str) -> bool:
    """Return whether it begins with a scheme, as in ``rtsp://``."""
    return _URL.match(source) is not None


def split_address(url: str, schemes: Collection[str]) -> SplitResult | None:
    """Return the parts of the address of a server, with one of the schemes; None if it is invalid."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna")  # as the resolver of Python encodes it
        good = parts.scheme in schemes and bool(host) and parts.port != 0
    except ValueError:  # a port that is not a number, or a host such as "a..b"
        return None
    return parts if good else None


def host_of(url: str) -> str | None:
    """Return the host of a URL; None without one, or if it is invalid."""
    try:
        return urlsplit(url).hostname
    except ValueError:  # such as an IPv6 address without its second bracket
        return None


def is_local(source: str) -> bool:
    """Return whether it is an existing file or folder."""
    try:
        return not is_url(source) and (Path(source).is_file() or Path(source).is_dir())
    except (OSError, ValueError):  # opening it will report the error
        return False


def printable(name: str) -> str:
    """Return the name with bytes that are not UTF-8 escaped, because terminals and OpenCV need valid text."""
    return name.encode(errors="backslashreplace").decode()


def check_printable(target: str, name: str) -> None:
    """Raise SourceError unless ``target`` is valid text; ``name`` is its name in the message."""
    if printable(target) != target:
        raise SourceError(f"{printable(name)} is not valid UTF-8, which decoders need; rename the file")


def public_name(source: str) -> str:
    """Return a name of the source without secrets: a URL without user, password and keys; a path as it is.

    In a GStreamer pipeline, this applies to all addresses, and to all properties with users or passwords.
    """
    if source.startswith("gst:"):
        return _SECRET.sub(r"\1***", without_secrets(source))
    if not is_url(source):
        return source
    scheme, _, rest = source.partition("://")
    return scheme + "://" + _SECRET.sub(r"\1***", _without_user(rest))


def without_secrets(text: str) -> str:
    """Return a text, such as a message of a library, with secrets removed from all URLs."""
    return _IN_TEXT.sub(lambda found: public_name(found[0]), text)


def _without_user(rest: str) -> str:
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in host:
        return rest[host.rindex("@") + 1 :]
    name, colon, port = host.partition(":")
    if (
        colon and not name.startswith("[") and not port.isdecimal() and "@" in rest
    ):  # a password that contains / ? or #
        return rest[rest.rindex("@") + 1 :]
    return rest
