"""Finds out whether an address, which a decoder cannot read, is that of a web page."""

from __future__ import annotations

import base64
from http.client import HTTPException
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from edgetrack.errors import ConfigError
from edgetrack.io.names import host_of
from edgetrack.io.tls import context

ANSWER_S = 3.0  # timeout
PAGES = ("text/html", "application/xhtml+xml")


def page_type(url: str) -> str | None:
    """Ask a server again for what it sends; return its content type if that is a page, otherwise None.

    User and password are sent to the host of the address only, not to one that it redirects to.
    """
    if host_of(url) is None:
        return None
    parts = urlsplit(url)
    if parts.scheme.lower() not in ("http", "https"):
        return None
    place = parts.netloc.rpartition("@")[2]
    request = Request(parts._replace(netloc=place, fragment="").geturl())
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}")
    try:
        with urlopen(request, timeout=ANSWER_S, context=context()) as answer:
            kind = str(answer.headers.get_content_type())
    except (OSError, HTTPException, ValueError, ConfigError):  # why is in the decoder's error
        return None
    return kind if kind in PAGES else None
