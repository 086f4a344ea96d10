"""The dbt project as assets, in two parts: Prophet reads the first, the second reads Prophet."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, DbtProject, dbt_assets

from finops.paths import PROJECT_DIR
from orchestration.workspace import Workspace

SIGNALS_TAG = "tag:signals"
WAREHOUSE_POOL = "warehouse"

_GROUPS = {"staging": "3_staging", "intermediate": "4_cost_model", "marts": "5_marts", "signals": "7_signals"}


def project() -> DbtProject:
    return DbtProject(project_dir=PROJECT_DIR / "dbt_project", profiles_dir=PROJECT_DIR / "dbt_project")


class Translator(DagsterDbtTranslator):
    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The folder that a model is in: staging, intermediate, marts or signals."""
        return next((_GROUPS[part] for part in dbt_resource_props["fqn"] if part in _GROUPS), "5_marts")


_translator = Translator(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=False))


def build(context: dg.AssetExecutionContext, dbt: DbtCliResource, workspace: Workspace) -> Iterator[Any]:
    report = workspace.reporter(context)
    # dbt finds its files through the environment, and it runs as a child of this process.
    os.environ.update(workspace.dbt_environment())
    report("dbt build")
    invocation = dbt.cli(["build"], context=context)
    yield from invocation.stream()


def dbt_definitions(manifest: DbtProject) -> Sequence[dg.AssetsDefinition]:
    @dbt_assets(
        name="cost_model",
        manifest=manifest.manifest_path,
        project=manifest,
        exclude=SIGNALS_TAG,
        dagster_dbt_translator=_translator,
        pool=WAREHOUSE_POOL,
    )
    def cost_model(context: dg.AssetExecutionContext, dbt: DbtCliResource, workspace: Workspace) -> Iterator[Any]:
        yield from build(context, dbt, workspace)

    @dbt_assets(
        name="signal_marts",
        manifest=manifest.manifest_path,
        project=manifest,
        select=SIGNALS_TAG,
        dagster_dbt_translator=_translator,
        pool=WAREHOUSE_POOL,
    )
    def signal_marts(context: dg.AssetExecutionContext, dbt: DbtCliResource, workspace: Workspace) -> Iterator[Any]:
        yield from build(context, dbt, workspace)

    return [cost_model, signal_marts]
