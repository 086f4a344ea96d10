"""Whether Anthropic can be asked, and with which rights.

Here: three small requests that read one day each.
Not here: what a landing asks (``source``).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from finops.config.usage_sources import AnthropicSource
from ingestion.model_apis import DAY, PROBE_ATTEMPTS, ApiClient, probe_reports
from ingestion.probe import Finding, ProbeContext
from ingestion.sources.anthropic import client as anthropic
from ingestion.windows import Window, floor


def probe(source: AnthropicSource, context: ProbeContext) -> Iterator[Finding]:
    """Reachable; allowed to read usage, costs and names; and whether the key can do more."""
    end = floor(context.as_of, DAY)
    window = Window(end - timedelta(days=1), end)
    yield from probe_reports(
        lambda: ApiClient(anthropic.API, source, context.environ, PROBE_ATTEMPTS),
        {
            "costs": lambda client: anthropic.costs(client, window),
            "usage": lambda client: anthropic.usage(client, source, window),
            "names of workspaces and keys": anthropic.names,
        },
        f"Give the Admin API key in {source.admin_key_env} no more than the scopes that read usage, costs, workspaces "
        "and keys, where the console offers scopes; keep it in the environment alone",
    )
