"""Asking OpenCost for its newest hour."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from finops.config.usage_sources import OpencostSource
from ingestion.bearer import bearer_token
from ingestion.errors import LandingError
from ingestion.json_http import DeniedError
from ingestion.probe import Finding, ProbeContext
from ingestion.sources.opencost.client import OpencostClient
from ingestion.windows import floor

_HOUR = timedelta(hours=1)


def probe(source: OpencostSource, context: ProbeContext) -> Iterator[Finding]:
    """Reachable: it answers for the newest hour. Permitted: the API only reads."""
    end = floor(context.as_of, _HOUR)
    try:
        with OpencostClient(source.url, bearer_token(source.token_env, context.environ), attempts=1) as client:
            allocations = client.allocations(end - _HOUR, end)
    except DeniedError as error:
        yield Finding("reachable", "ok", f"{source.url} answers")
        yield Finding("permitted", "failed", str(error), "Use a token that the proxy before OpenCost accepts")
        return
    except LandingError as error:
        yield Finding("reachable", "failed", str(error), "Check the url, and kubectl port-forward or the ingress")
        return
    yield Finding("reachable", "ok", f"{len(allocations)} allocations in the last hour")
    yield Finding("permitted", "ok", "allocation and asset queries only read")
    if not allocations:
        remedy = "Check that OpenCost's Prometheus scrapes the cluster"
        yield Finding("fresh", "warning", "nothing is allocated in the last hour", remedy)
