"""Whether OpenAI can be asked, and with which rights.

Here: three small requests that read one bucket each.
Not here: what a landing asks (``source``).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from finops.config.usage_sources import OpenAiSource
from ingestion.model_apis import DAY, PROBE_ATTEMPTS, ApiClient, probe_reports
from ingestion.probe import Finding, ProbeContext
from ingestion.sources.openai import client as openai
from ingestion.windows import Window, floor


def probe(source: OpenAiSource, context: ProbeContext) -> Iterator[Finding]:
    """Reachable; allowed to read usage, costs and names; and whether the key can do more."""
    end = floor(context.as_of, DAY)
    window = Window(end - timedelta(days=1), end)
    yield from probe_reports(
        lambda: ApiClient(openai.API, source, context.environ, PROBE_ATTEMPTS),
        {
            "costs": lambda client: openai.costs(client, source, window),
            "usage": lambda client: openai.usage(client, source, source.usage[0], window),
            "names of projects and keys": openai.names,
        },
        f"Create the admin key in {source.admin_key_env} with the permissions set to read only: an admin key without "
        "restrictions may change members and keys",
    )
