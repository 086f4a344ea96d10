"""How old the newest data of a source may be.

Here: a limit per type of source, where sources.yml says none.
Not here: how old it is (``ingestion.health`` asks the lake, the mart fct_source_health every landing).
"""

from __future__ import annotations

from finops.config.sources import Source

FRESHNESS_HOURS: dict[str, int | None] = {
    # A bill is delivered once a day, and Azure takes its time.
    "azure_exports": 36,
    "azure_cost_api": 36,
    # Asked every hour: the newest whole hour is up to two hours old, and one call may fail.
    "azure_monitor": 6,
    "litellm": 6,
    "nvml_samples": 6,
    "otel_spans": 6,
    "prometheus": 6,
    # Whoever puts files there promised nothing.
    "azure_price_sheet": None,
    "azure_retail_prices": None,
    "bill_files": None,
    "focus_files": None,
    "genai_prices": None,
    "mlflow": None,
    "saas_subscriptions": None,
    "training_runs": None,
    "usage_files": None,
}
OTHER_FRESHNESS_HOURS = 50  # told once a day, about yesterday


def limit_hours(source: Source) -> int | None:
    """Hours after which the newest data of a source is late; None where there is no rhythm to expect."""
    if source.freshness_hours is not None:
        return source.freshness_hours
    return FRESHNESS_HOURS.get(source.type, OTHER_FRESHNESS_HOURS)
