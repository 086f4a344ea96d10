"""OpenAI's usage and costs: one stretch of time over all reports is one load.

Here: which reports, and how far they go.
Not here: windows and loads (``ingestion.model_apis``), asking (``client``) and answers (``rows``).
"""

from __future__ import annotations

from collections.abc import Sequence

from finops import lake as contract
from finops.config.usage_sources import OpenAiSource
from ingestion.landing import LandingContext, LandingResult
from ingestion.model_apis import Answer, ApiClient, Report, cost_reach, land_reports, usage_reach
from ingestion.privacy import load_hasher
from ingestion.sources.openai import client as openai
from ingestion.sources.openai.rows import cost_answer, usage_answer
from ingestion.windows import Window


def land(source: OpenAiSource, context: LandingContext, result: LandingResult) -> None:
    """Ask for what was never asked, and for the last days again.

    Raises:
        LandingError: OpenAI refused, or the admin key is missing; windows before that one are landed.
    """
    hasher = load_hasher(context.lake.home, context.environ)

    def reports(client: ApiClient) -> Sequence[Report]:
        def usage(endpoint: str) -> Report:
            width = openai.width_of(source, endpoint)

            def ask(window: Window) -> Answer:
                buckets = openai.usage(client, source, endpoint, window)
                return usage_answer(buckets, window, endpoint=endpoint, bucket_width=width, hasher=hasher)

            return Report(endpoint, contract.OPENAI_USAGE, *usage_reach(source, context.as_of, width), ask)

        def ask_costs(window: Window) -> Answer:
            return cost_answer(openai.costs(client, source, window), window)

        costs = Report("costs", contract.OPENAI_COST, *cost_reach(source, context.as_of), ask_costs)
        return [*map(usage, source.usage), costs]

    land_reports(source, context, result, lambda: openai.open_client(source, context.environ), reports, openai.names)
