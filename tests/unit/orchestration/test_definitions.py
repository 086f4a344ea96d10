"""What a data engineer sees in the Dagster UI hangs together."""

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from orchestration.assets.landing import KINDS
from orchestration.build import build_defs
from orchestration.schedules import JOBS, NEWEST_USAGE
from orchestration.workspace import Workspace


@pytest.fixture(scope="module")
def graph() -> AssetGraph:
    return build_defs().resolve_asset_graph()


@pytest.mark.ids("OPS-1")
def test_every_asset_has_a_producer_a_group_and_a_description(graph: AssetGraph) -> None:
    nodes = list(graph.asset_nodes)
    assert len(nodes) > 70
    assert [node.key.to_user_string() for node in nodes if not node.is_materializable] == []
    assert [node.key.to_user_string() for node in nodes if not node.description] == []
    assert {node.group_name for node in nodes} == {
        "1_landing",
        "2_configuration",
        "2_lake",
        "3_staging",
        "4_cost_model",
        "5_marts",
        "6_models",
        "7_signals",
        "8_published",
        "9_actions",
    }


@pytest.mark.ids("OPS-1")
def test_the_report_descends_from_every_source(graph: AssetGraph) -> None:
    ancestors = graph.get_ancestor_asset_keys(dg.AssetKey("dashboards"))
    sources = {key for key in graph.get_all_asset_keys() if key.path[0] == "landing"}
    assert len(sources) == len(KINDS)
    assert sources <= ancestors


@pytest.mark.ids("OPS-1")
def test_dbt_tests_are_asset_checks(graph: AssetGraph) -> None:
    checks = {key.name for key in graph.asset_check_keys}
    assert "assert_bill_reconciles" in checks
    assert "no_rejected_rows" in checks
    assert len(checks) > 40


@pytest.mark.ids("OPS-1", "ING-10")
def test_one_month_of_the_bill_can_be_backfilled(graph: AssetGraph) -> None:
    node = graph.get(dg.AssetKey(["landing", "azure_exports"]))
    assert node.partitions_def is not None
    assert "2026-09-01" in node.partitions_def.get_partition_keys()
    assert node.backfill_policy == dg.BackfillPolicy.single_run()


@pytest.mark.ids("OPS-1")
@pytest.mark.parametrize("name", [job.name for job in JOBS])
def test_every_job_selects_what_exists(name: str) -> None:
    assert build_defs().resolve_job_def(name).nodes


@pytest.mark.ids("OPS-1", "COST-3")
def test_the_newest_usage_is_priced_without_the_rest() -> None:
    job = build_defs().resolve_job_def(NEWEST_USAGE)
    steps = [node.name for node in job.nodes_in_topological_order]
    assert steps.index("cost_model") > steps.index("landing__otel_spans"), "what landed is priced in the same run"
    assert job.dependency_structure.input_to_upstream_outputs_for_node("cost_model"), "the models wait for the lake"
    selected = {key.path[-1] for key in job.asset_layer.selected_asset_keys}
    assert {"otel_spans", "litellm", "base_otel__genai_span", "int_usage__hourly", "int_usage__priced"} <= selected
    assert "anomaly_intraday" in selected, "what runs away is looked for in the same run"
    assert steps.index("ml__anomaly_intraday") > steps.index("cost_model")
    assert steps.index("ml__forecast_hourly") > steps.index("cost_model"), "and what the next hours will take"
    assert not selected & {"azure_exports", "stg_focus__cost_and_usage", "fct_ai_cost_daily", "dashboards"}


@pytest.mark.ids("OPS-1")
def test_resources_can_be_replaced_in_tests(tmp_path: Path) -> None:
    defs = build_defs({"workspace": Workspace(home_path=str(tmp_path))})
    assert defs.resources is not None
    assert defs.resources["workspace"].home.path == tmp_path  # type: ignore[attr-defined]
