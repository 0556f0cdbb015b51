"""The option --metrics, and the server that it starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from edgetrack.cli.options import option

if TYPE_CHECKING:
    from edgetrack.io.page_server import Page
    from edgetrack.io.source import Source
    from edgetrack.metrics import RunMetrics


def _checked(context: typer.Context, given: typer.CallbackParam, value: str | None) -> str | None:
    """Refuse an invalid address before anything is opened.

    Raises:
        ConfigError: It is not an address.
    """
    from edgetrack.io.page_server import parse_address

    if value is not None and not context.resilient_parsing:
        parse_address(value, "--metrics")
    return value


MetricsAddress = Annotated[
    str | None,
    option(
        "Serve metrics of the run to Prometheus at /metrics, and a health check at /healthz. Without a host, only on "
        "this machine.",
        "--metrics",
        panel="Result",
        metavar="[HOST:]PORT",
        callback=_checked,
    ),
]


@contextmanager
def serving(address: str | None, source: Source) -> Iterator[tuple[RunMetrics, str | None]]:
    """Collect the metrics of a run and serve them while it lasts; yield them and the address of their page.

    Raises:
        ConfigError: The address cannot be used.
    """
    from edgetrack.metrics import RunMetrics

    metrics = RunMetrics(source)
    if address is None:
        yield metrics, None
        return
    from edgetrack.exposition import CONTENT_TYPE
    from edgetrack.io.page_server import PageServer, parse_address

    def health() -> Page:
        live, said = metrics.health()
        return (200 if live else 503), "application/json", said

    pages = {"/metrics": lambda: (200, CONTENT_TYPE, metrics.page()), "/healthz": health}
    with closing(PageServer(parse_address(address, "--metrics"), pages, option="--metrics")) as server:
        yield metrics, f"{server.url}/metrics"
