"""The definitions, with a seam for tests."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

from finops.addresses import portal_address
from orchestration.assets.actions import action_assets
from orchestration.assets.checks import source_checks
from orchestration.assets.configuration import configuration_tables
from orchestration.assets.forecast_checks import forecast_checks
from orchestration.assets.incident_checks import incident_checks
from orchestration.assets.landing import landing_assets
from orchestration.assets.pages import with_pages
from orchestration.assets.publishing import publishing_assets
from orchestration.assets.signals import (
    anomaly,
    anomaly_intraday,
    forecast_hourly,
    forecasts,
    incident_feedback,
    incidents,
)
from orchestration.assets.warehouse import dbt_definitions, project
from orchestration.dbt_command import Dbt
from orchestration.manifest import DBT, ensure_manifest
from orchestration.schedules import (
    EVERYTHING,
    JOBS,
    daily_billing_schedule,
    digests_schedule,
    hourly_usage_schedule,
    newest_usage_schedule,
)
from orchestration.sensors import (
    anomaly_sensor,
    approval_sensor,
    delivery_sensor,
    failure_sensor,
    guardrail_sensor,
    message_sensor,
)
from orchestration.workspace import Workspace

__all__ = ["EVERYTHING", "build_defs"]


def build_defs(overrides: Mapping[str, object] | None = None) -> dg.Definitions:
    """Everything Dagster knows of; ``overrides`` replaces resources by name (``workspace``, ``dbt``)."""
    dbt_project, workspace = project(), Workspace()
    ensure_manifest(dbt_project, workspace.dbt_environment())
    assets = [
        *landing_assets(),
        configuration_tables,
        *dbt_definitions(dbt_project),
        incident_feedback,
        forecasts,
        anomaly_intraday,
        forecast_hourly,
        anomaly,
        incidents,
        *publishing_assets(dbt_project),
        *action_assets(),
    ]
    return dg.Definitions(
        assets=with_pages(assets, portal_address(workspace.environ)),
        asset_checks=[*source_checks(), *forecast_checks(), *incident_checks()],
        jobs=JOBS,
        schedules=[daily_billing_schedule, digests_schedule, hourly_usage_schedule, newest_usage_schedule],
        sensors=[
            guardrail_sensor,
            anomaly_sensor,
            approval_sensor,
            failure_sensor,
            message_sensor,
            delivery_sensor,
        ],
        resources={
            "workspace": workspace,
            "dbt": Dbt(
                project_dir=str(dbt_project.project_dir),
                profiles_dir=str(dbt_project.profiles_dir),
                dbt_executable=str(DBT),
            ),
            **(overrides or {}),
        },
        # One process per run: the steps share the warehouse file, and starting a process costs more than most steps.
        executor=dg.in_process_executor,
    )
