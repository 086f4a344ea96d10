"""Which page of the portal shows what an asset makes, so that its page in Dagster leads there.

Here: the table, and the metadata ``page`` of assets where the portal's address is known.
Not here: pages (reports, portal), the way back (``finops.addresses.asset_address``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg

from finops.addresses import page_path
from orchestration.assets.landing import LANDING_GROUP

PAGE_OF_MART: Mapping[str, tuple[str, str]] = {
    "dim_app": ("teams", "apps"),
    "dim_price": ("models", "prices"),
    "dim_team": ("teams", "teams"),
    "fct_ai_cost_daily": ("executive", "spend"),
    "fct_alert_quality_monthly": ("on-call", "period"),
    "fct_allocated_charge": ("finance", "allocation"),
    "fct_allocation_coverage_monthly": ("finance", "allocation"),
    "fct_bill_overlap": ("data-health", "bill"),
    "fct_budget_outlook_daily": ("finance", "budgets"),
    "fct_budget_status": ("finance", "budgets"),
    "fct_closed_month": ("finance", "reconciliation"),
    "fct_cluster_node_daily": ("gpu", "interruptions"),
    "fct_deployment_load_hourly": ("models", "service"),
    "fct_estimate_drift_daily": ("data-health", "estimates"),
    "fct_exchange_rate_daily": ("finance", "currencies"),
    "fct_forecast_accuracy": ("finance", "forecast"),
    "fct_forecast_daily": ("executive", "spend"),
    "fct_forecast_quality": ("finance", "forecast"),
    "fct_forecast_total": ("finance", "forecast"),
    "fct_forecast_variance_monthly": ("finance", "forecast"),
    "fct_gpu_hourly": ("gpu", "idle"),
    "fct_gpu_utilization_daily": ("gpu", "use"),
    "fct_incident": ("on-call", "incidents"),
    "fct_interruption_daily": ("gpu", "interruptions"),
    "fct_invoice_monthly": ("finance", "statements"),
    "fct_model_tradeoff_monthly": ("models", "tradeoff"),
    "fct_price_disagreement": ("models", "prices"),
    "fct_prompt_economics_daily": ("models", "tokens"),
    "fct_provisioned_throughput_daily": ("models", "provisioned"),
    "fct_reconciliation_daily": ("finance", "reconciliation"),
    "fct_rejected_row": ("data-health", "rows"),
    "fct_schema_drift": ("data-health", "rows"),
    "fct_service_level_daily": ("models", "service"),
    "fct_service_objective_daily": ("on-call", "objectives"),
    "fct_source_health": ("data-health", "sources"),
    "fct_statement_line_monthly": ("finance", "statements"),
    "fct_tag_gap": ("finance", "allocation"),
    "fct_training_cost_monthly": ("gpu", "training"),
    "fct_training_run": ("gpu", "training"),
    "fct_unclassified_ai_candidate": ("data-health", "rows"),
    "fct_unit_cost_daily": ("executive", "units"),
    "fct_unit_economics_daily": ("executive", "units"),
    "fct_unparsed_meter": ("data-health", "rows"),
    "fct_unpriced_usage": ("models", "prices"),
    "fct_usage_cost_hourly": ("models", "cost"),
    "fct_usage_forecast_hourly": ("on-call", "hours"),
    "fct_value_monthly": ("executive", "value"),
}
"""The page about the company, and its section, that shows most of a mart."""

_PATHS: Mapping[str, str] = {
    **{mart: page_path(page, anchor=section) for mart, (page, section) in PAGE_OF_MART.items()},
    "fct_guardrail_facts": "/policies",
    "fct_guardrail_fact_history": "/policies",
    "incidents": "/incidents",
    "incident_notifications": "/incidents",
    "guardrail_decisions": page_path("on-call", anchor="guardrails"),
    "message_delivery": page_path("on-call", anchor="guardrails"),
    "published_marts": page_path("data-health"),
    "dashboards": page_path("executive"),
}
_LANDED = page_path("data-health", anchor="sources")


def with_pages(
    assets: Sequence[dg.AssetsDefinition | dg.AssetSpec], portal: str
) -> Sequence[dg.AssetsDefinition | dg.AssetSpec]:
    """The assets; those that a page shows have its address as metadata ``page``.

    Args:
        portal: where people reach the portal; empty: nowhere, and no asset leads there.
    """

    def shown(spec: dg.AssetSpec) -> dg.AssetSpec:
        path = _LANDED if spec.group_name == LANDING_GROUP else _PATHS.get(spec.key.path[-1])
        return spec.merge_attributes(metadata={"page": dg.MetadataValue.url(portal + path)}) if path else spec

    return dg.map_asset_specs(shown, assets) if portal else assets
