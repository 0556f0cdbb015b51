"""The option --metrics, and the server that it starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from edgetrack.cli.options import option

if TYPE_CHECKING:
    from edgetrack.io.page_server import Page
    from edgetrack.io.source import Source
    from edgetrack.io.states import SourceState
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


class Paged(Protocol):
    """Metrics that can be served."""

    def page(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""

    def health(self) -> tuple[bool, bytes]:
        """Return whether all is well, and the details as JSON."""


class NoMetrics:
    """Stands in for `RunMetrics` in a run without --metrics: nothing is collected."""

    def begin(self, *_: object, **counts: object) -> None:
        """Ignore the parts of the run."""

    def become(self, state: SourceState) -> None:
        """Ignore a new state of the source."""

    def update(self, *_: object) -> None:
        """Ignore a tracked frame."""


@contextmanager
def serving(address: str | None, source: Source) -> Iterator[tuple[RunMetrics | NoMetrics, str | None]]:
    """Collect the metrics of a run and serve them while it lasts; yield them and the address of their page.

    Without an address, nothing is collected, and there is no page.

    Raises:
        ConfigError: The address cannot be used.
    """
    if address is None:
        yield NoMetrics(), None
        return
    from edgetrack.metrics import RunMetrics

    metrics = RunMetrics(source)
    with serving_pages(address, metrics) as served:
        yield metrics, served


@contextmanager
def serving_pages(address: str, metrics: Paged) -> Iterator[str]:
    """Serve the pages of metrics; yield the address of the first one.

    Raises:
        ConfigError: The address cannot be used.
    """
    from edgetrack.exposition import CONTENT_TYPE
    from edgetrack.io.page_server import PageServer, parse_address

    def health() -> Page:
        live, said = metrics.health()
        return (200 if live else 503), "application/json", said

    pages = {"/metrics": lambda: (200, CONTENT_TYPE, metrics.page()), "/healthz": health}
    with closing(PageServer(parse_address(address, "--metrics"), pages, option="--metrics")) as server:
        yield f"{server.url}/metrics"
