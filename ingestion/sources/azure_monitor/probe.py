"""How Azure Monitor is: answering for the accounts, and readable and no more.

Here: one metrics request per subscription, the roles at each account.
Not here: whether the lake has all of it (``ingestion.health``).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from finops.config.usage_sources import AzureMonitorSource
from ingestion.azure.access import READ_METRICS, judge
from ingestion.azure.arm import ENDPOINT_VARIABLE, ArmError, open_arm
from ingestion.errors import LandingError
from ingestion.probe import Finding, ProbeContext
from ingestion.sources.azure_monitor.client import MonitorClient, UnknownMetricError
from ingestion.sources.azure_monitor.rows import GROUPS
from ingestion.windows import Window, floor

_HOUR = timedelta(hours=1)
_ROLE = "Monitoring Reader"
_MOST_ACCOUNTS = 20


def probe(source: AzureMonitorSource, context: ProbeContext) -> Iterator[Finding]:
    """Reachable: the last whole hour of one account per subscription. Permitted: what Azure says at each account."""
    end = floor(context.as_of, _HOUR)
    try:
        with MonitorClient(source, context.environ) as client:
            for resource in _one_per_subscription(source.resources):
                try:
                    client.query([resource], GROUPS[source.metrics][0], Window(end - _HOUR, end), _HOUR)
                except UnknownMetricError:
                    continue  # it answered
    except LandingError as error:
        status = _status(error)
        if status not in (401, 403):
            message, _, remedy = str(error).rpartition(". ")
            yield Finding("reachable", "failed", message or str(error), remedy or "Check the endpoint and the network")
            return
        yield Finding("reachable", "ok", f"answers in {source.region}")
        # Azure's list of permissions says more than a refusal; where it finds nothing wrong, the refusal stays.
        found = list(_permitted(source, context))
        if not any(finding.status == "failed" for finding in found):
            yield _refused(status)
        yield from (finding for finding in found if finding.status != "ok")
        return
    count = len(source.resources)
    yield Finding("reachable", "ok", f"answers for {count} account{'s' if count > 1 else ''} in {source.region}")
    yield from _permitted(source, context)


def _permitted(source: AzureMonitorSource, context: ProbeContext) -> Iterator[Finding]:
    if source.credential == "static" and not context.environ.get(ENDPOINT_VARIABLE):
        yield Finding(
            "permitted",
            "unknown",
            "a token of its own does not say what it allows",
            f"Use credential: default, or set {ENDPOINT_VARIABLE} to the simulator's address",
        )
        return
    try:
        arm = open_arm(context.environ, patience=1)
    except ArmError as error:
        yield Finding("permitted", "unknown", str(error), "Correct the address")
        return
    yield from judge(arm, source.resources[:_MOST_ACCOUNTS], READ_METRICS, is_data=False, role=_ROLE)


def _refused(status: int) -> Finding:
    if status == 401:
        return Finding("permitted", "failed", "not signed in", "Sign in: az login, or the managed identity's settings")
    return Finding(
        "permitted",
        "failed",
        "may not read metrics (403)",
        f"Give the identity the role {_ROLE}; aifinops connect azure does it. A new role takes some minutes",
    )


def _status(error: LandingError) -> int | None:
    status = getattr(error.__cause__, "status_code", None)
    return status if isinstance(status, int) else None


def _one_per_subscription(resources: list[str]) -> list[str]:
    chosen: dict[str, str] = {}
    for resource in resources:
        chosen.setdefault(resource.lower().split("/resourcegroups/")[0], resource)
    return list(chosen.values())
