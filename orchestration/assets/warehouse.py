"""The dbt project as assets, in two parts: Prophet reads the first, the second reads Prophet."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliInvocation,
    DbtCliResource,
    DbtProject,
    dbt_assets,
)
from dagster_dbt.core.dbt_cli_invocation import PARTIAL_PARSE_FILE_NAME

from finops.paths import PROJECT_DIR
from orchestration import staged_usage
from orchestration.environment import environment
from orchestration.schedules import NEWEST_USAGE
from orchestration.workspace import Workspace

SIGNALS_TAG = "tag:signals"
WAREHOUSE_POOL = "warehouse"

_GROUPS = {"staging": "3_staging", "intermediate": "4_cost_model", "marts": "5_marts", "signals": "7_signals"}


def project() -> DbtProject:
    return DbtProject(project_dir=PROJECT_DIR / "dbt_project", profiles_dir=PROJECT_DIR / "dbt_project")


def model_key(relation: str) -> dg.AssetKey:
    """The asset of a dbt model, named with or without its schema."""
    return dg.AssetKey([relation.rpartition(".")[2]])


class Translator(DagsterDbtTranslator):
    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "model":
            return model_key(dbt_resource_props["name"])
        return super().get_asset_key(dbt_resource_props)

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The folder that a model is in: staging, intermediate, marts or signals."""
        return next((_GROUPS[part] for part in dbt_resource_props["fqn"] if part in _GROUPS), "5_marts")


_translator = Translator(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=False))


def build(context: dg.AssetExecutionContext, dbt: DbtCliResource, workspace: Workspace) -> Iterator[Any]:
    report = workspace.reporter(context)
    report("dbt build")
    # dbt finds its files through the environment, and runs as a child that takes over the one it is started in.
    variables = workspace.dbt_environment()
    # A folder of its own for each step, else dagster-dbt makes a new one in the project with every run.
    command, name = ["build"], context.op_execution_context.op.name
    is_whole = context.job_name != NEWEST_USAGE
    if not is_whole:
        if not workspace.home.warehouse.exists():
            raise dg.Failure("Nothing was built here yet; `aifinops run` builds the whole first", allow_retries=False)
        command = ["run"]  # unit tests are about the whole
        variables["AIFINOPS_USAGE_SLICE"] = "true"
        # What dbt has parsed for a slice is not what it has parsed for the whole, and parsing takes longer than slices.
        name = NEWEST_USAGE
    elif _keeps_staged_usage(context, workspace):
        variables["AIFINOPS_USAGE_SLICE"] = "staging"
        # The same code's unit tests have passed in the run that built the whole.
        command += ["--exclude-resource-type", "unit_test"]
        name = f"{name}-staging"
    target_path = workspace.home.dbt / name
    if "AIFINOPS_USAGE_SLICE" not in variables:
        _go_on_from_what_is_parsed(workspace.home.dbt, target_path)
    # Where dbt stops before it has results, those of the run before must not be told as its own.
    (target_path / "run_results.json").unlink(missing_ok=True)
    with environment(variables):
        invocation = dbt.cli(command, context=context, raise_on_error=False, target_path=target_path)
    for event in invocation.stream():
        if isinstance(event, dg.Output | dg.AssetMaterialization | dg.MaterializeResult):
            report(str(event.metadata.get("unique_id", "dbt build")).rpartition(".")[2])
        yield event
    if not invocation.is_successful():
        raise dg.Failure(_what_failed(invocation), allow_retries=False)
    if is_whole and _builds_staging(context):
        staged_usage.remember(workspace.home, workspace.lake_url)


def _go_on_from_what_is_parsed(folder: Path, target_path: Path) -> None:
    """Take over what another step of this home has parsed; parsing the project takes dbt ten seconds."""
    parsed = folder / "cost_model" / PARTIAL_PARSE_FILE_NAME
    taken = target_path / PARTIAL_PARSE_FILE_NAME
    if parsed.exists() and not taken.exists():
        taken.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(parsed, taken)


def _builds_staging(context: dg.AssetExecutionContext) -> bool:
    return {model_key(name) for name in staged_usage.MODELS} <= context.selected_asset_keys


def _keeps_staged_usage(context: dg.AssetExecutionContext, workspace: Workspace) -> bool:
    """Whether calls that are staged already can stay; a run that is stopped leaves the next one to build the whole."""
    if not _builds_staging(context):
        return False
    kept = staged_usage.can_stay(workspace.home, workspace.lake_url)
    staged_usage.forget(workspace.home)
    return kept


def _what_failed(invocation: DbtCliInvocation) -> str:
    """dbt's failures in a line each; the compiled SQL of a failed test finds the rows."""
    try:
        results = invocation.get_artifact("run_results.json")["results"]
    except FileNotFoundError:
        return f"dbt stopped before it had results; its log is {invocation.target_path / 'dbt.log'}"
    failures = [result for result in results if result["status"] in ("error", "fail")]
    lines = [
        f"{len(failures)} of {len(results)} dbt models and tests failed",
        *(f"{result['unique_id'].split('.', 2)[2]}: {(result['message'] or '').strip()}" for result in failures),
        f"The compiled SQL is under {invocation.target_path / 'compiled'}",
    ]
    return "\n  ".join(lines)


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
