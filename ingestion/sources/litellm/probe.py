"""How LiteLLM's database is: reachable, and whether the user may read what is needed and no more.

Here: the findings and their remedies.
Not here: the queries (``client``).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta

from finops.config.usage_sources import LitellmSource
from ingestion.errors import LandingError
from ingestion.probe import Finding, ProbeContext
from ingestion.sources.litellm.client import KEYS, LOGS, TEAMS, SpendLogs, database_address

_QUIET = timedelta(days=1)
_GRANT = (
    f'create a role of its own: CREATE ROLE aifinops LOGIN PASSWORD …; GRANT SELECT ON "{LOGS}", "{TEAMS}", "{KEYS}" '
    "TO aifinops;"
)


def probe(source: LitellmSource, context: ProbeContext) -> Iterator[Finding]:
    """Reachable, permitted (SELECT on three tables and nothing else) and fresh; never raises for what it finds."""
    try:
        address = database_address(source, context.environ)
    except LandingError as error:
        yield Finding("reachable", "failed", str(error), f"Set {source.database_env}")
        return
    if address is None:
        message = f"{source.database_env} is not set, and the source is optional: nothing is landed"
        yield Finding("reachable", "unknown", message, f"Set {source.database_env} where there is a LiteLLM proxy")
        return
    with SpendLogs(address) as logs:
        try:
            rights = logs.privileges()
        except LandingError as error:
            yield Finding("reachable", "failed", str(error), "Correct the address, or open the network to the database")
            return
        if not rights["exists"]:
            message = f"the database has no table {LOGS}, or the user may not see its schema"
            yield Finding("reachable", "failed", message, "Name LiteLLM's database; add ?schema=name where it has one")
            return
        yield Finding("reachable", "ok", f"{LOGS} is there")
        yield from _permitted(rights)
        if rights["may_select"]:
            yield _fresh(logs, context)


def _permitted(rights: dict[str, bool]) -> Iterator[Finding]:
    if not rights["may_select"]:
        yield Finding("permitted", "failed", f"the user may not read {LOGS}", f"As its owner, {_GRANT}")
        return
    excess = [
        words
        for right, words in (
            ("is_superuser", "is a superuser"),
            ("may_write", "may write"),
            ("may_read_secrets", "may read the providers' credentials"),
        )
        if rights[right]
    ]
    if excess:
        message = f"the user {' and '.join(excess)}, which nothing here needs"
        yield Finding("permitted", "warning", message, f"Instead {_GRANT}")
    elif not (rights["may_name_teams"] and rights["may_name_keys"]):
        message = f"the user may not read {TEAMS} and {KEYS}, which give teams and keys their names"
        yield Finding("permitted", "failed", message, f'GRANT SELECT ON "{TEAMS}", "{KEYS}" to the user')
    else:
        yield Finding("permitted", "ok", "the user may read logs and names, and write nothing")


def _fresh(logs: SpendLogs, context: ProbeContext) -> Finding:
    newest = logs.last_start()
    if newest is None:
        remedy = "Make a call through the proxy; check that disable_spend_logs is not set"
        return Finding("fresh", "warning", "no call has been logged", remedy)
    age = context.as_of - newest.replace(tzinfo=UTC)
    message = f"the newest call started at {newest:%Y-%m-%d %H:%M} UTC"
    if age > _QUIET:
        return Finding("fresh", "warning", message, "Check that the proxy runs and writes spend logs")
    return Finding("fresh", "ok", message)
