"""Asking Cost Management how it is, without landing anything.

Here: one small query per scope.
Not here: what is done with the answers (``ingestion.probe``).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date, timedelta

from finops.config.bill_sources import AzureCostApiSource
from ingestion.errors import LandingError
from ingestion.probe import Finding, ProbeContext
from ingestion.sources.azure_cost_api.client import CostClient, NotYetError


def probe(source: AzureCostApiSource, context: ProbeContext) -> Iterator[Finding]:
    """Reachable and permitted, for each scope: the first page of yesterday's cost, which costs one query unit.

    A query needs the same role as a report, Cost Management Reader; a report would take minutes.
    """
    day = context.as_of.date()
    try:
        with CostClient(source, context.environ, sleep=_never) as client:
            for scope in source.scopes:
                yield from _probe_scope(client, source, scope, day)
    except LandingError as error:
        yield Finding("reachable", "failed", str(error), "Correct endpoint and credential of the source in sources.yml")


def _probe_scope(client: CostClient, source: AzureCostApiSource, scope: str, day: date) -> Iterator[Finding]:
    yesterday = day - timedelta(days=1)
    try:
        rows = sum(
            len(page.rows) for page in itertools.islice(client.query(scope, "ActualCost", yesterday, yesterday), 1)
        )
    except _Busy:
        yield Finding("reachable", "ok", f"{scope}: {source.endpoint} answers")
        yield Finding(
            "permitted", "unknown", f"{scope}: Cost Management is too busy to say", "Ask again in a minute or two"
        )
        return
    except (LandingError, NotYetError) as error:
        text = str(error)
        if "cannot be asked" in text:
            yield Finding("reachable", "failed", text, "Check the endpoint, the network and this machine's sign-on")
            return
        yield Finding("reachable", "ok", f"{scope}: {source.endpoint} answers")
        yield Finding("permitted", "failed", text, text.rpartition(". ")[2])
        return
    yield Finding("reachable", "ok", f"{scope}: {source.endpoint} answers")
    yield Finding("permitted", "ok", f"{scope}: costs can be read ({rows} rows for {yesterday})")


class _Busy(Exception):  # noqa: N818 - a state that passes, not an error
    """A probe does not wait."""


def _never(_: float) -> None:
    raise _Busy
