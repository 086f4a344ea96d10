"""Anthropic's usage and costs: one stretch of time over both reports is one load.

Here: which reports, and how far they go.
Not here: windows and loads (``ingestion.model_apis``), asking (``client``) and answers (``rows``).
"""

from __future__ import annotations

from collections.abc import Sequence

from finops import lake as contract
from finops.config.usage_sources import AnthropicSource
from ingestion.landing import LandingContext, LandingResult
from ingestion.model_apis import Answer, ApiClient, Report, cost_reach, land_reports, usage_reach
from ingestion.privacy import load_hasher
from ingestion.sources.anthropic import client as anthropic
from ingestion.sources.anthropic.rows import cost_answer, usage_answer
from ingestion.windows import Window


def land(source: AnthropicSource, context: LandingContext, result: LandingResult) -> None:
    """Ask for what was never asked, and for the last days again.

    Raises:
        LandingError: Anthropic refused, or the Admin API key is missing; windows before that one are landed.
    """
    hasher = load_hasher(context.lake.home, context.environ)

    def reports(client: ApiClient) -> Sequence[Report]:
        def ask_usage(window: Window) -> Answer:
            buckets = anthropic.usage(client, source, window)
            return usage_answer(buckets, window, bucket_width=source.bucket_width, hasher=hasher)

        def ask_costs(window: Window) -> Answer:
            return cost_answer(anthropic.costs(client, window), window)

        usage_days = usage_reach(source, context.as_of, source.bucket_width)
        return [
            Report("messages", contract.ANTHROPIC_USAGE, *usage_days, ask_usage),
            Report("costs", contract.ANTHROPIC_COST, *cost_reach(source, context.as_of), ask_costs),
        ]

    land_reports(
        source, context, result, lambda: anthropic.open_client(source, context.environ), reports, anthropic.names
    )
