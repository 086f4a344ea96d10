"""What the dbt project promises about itself, read from its manifest."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from finops import lake
from finops.config.tables import COLUMNS
from finops.paths import PROJECT_DIR
from models.tables import SCHEMAS
from tests.support.lake_builder import project_manifest

pytestmark = pytest.mark.xdist_group("dbt-project")

PROJECT = PROJECT_DIR / "dbt_project"


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(project_manifest().read_text(encoding="utf-8"))
    return document


def _models(manifest: dict[str, Any]) -> dict[str, Any]:
    return {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}


@pytest.mark.ids("OPS-1", "BI-2")
def test_every_model_and_column_is_described(manifest: dict[str, Any]) -> None:
    models = _models(manifest)
    assert len(models) > 40
    for name, node in models.items():
        assert node["description"].strip(), name
        assert node["columns"], name
        assert not [column for column, value in node["columns"].items() if not value["description"].strip()], name
        assert node["config"]["meta"]["dagster"]["group"], name


@pytest.mark.ids("BI-2")
def test_public_marts_have_an_enforced_contract(manifest: dict[str, Any]) -> None:
    public = {name: node for name, node in _models(manifest).items() if "public" in node["tags"]}
    assert {name for name in _models(manifest) if name.startswith(("fct_", "dim_", "focus_"))} == set(public)
    for name, node in public.items():
        assert node["config"]["contract"]["enforced"], name
        assert node["schema"] == "marts", name
        assert all(column["data_type"] for column in node["columns"].values()), name
    signals = {name for name, node in public.items() if "signals" in node["tags"]}
    assert signals == {
        "fct_budget_status",
        "fct_budget_outlook_daily",
        "fct_forecast_exchange_rate",
        "fct_forecast_quality",
        "fct_forecast_result_daily",
        "fct_forecast_total",
        "fct_forecast_variance_monthly",
        "fct_usage_forecast_hourly",
        "fct_anomaly",
        "fct_incident",
        "fct_alert_quality_monthly",
        "fct_forecast_daily",
        "fct_forecast_accuracy",
        "fct_guardrail_facts",
        "fct_guardrail_fact_history",
    }


@pytest.mark.ids("OPS-1")
def test_only_signals_read_what_the_statistical_models_write(manifest: dict[str, Any]) -> None:
    """Otherwise the first half of a run would wait for the second."""
    for name, node in _models(manifest).items():
        reads_models = any(parent.startswith("source.aifinops.ml.") for parent in node["depends_on"]["nodes"])
        reads_signals = any(
            "signals" in manifest["nodes"][parent]["tags"]
            for parent in node["depends_on"]["nodes"]
            if parent in manifest["nodes"]
        )
        assert "signals" in node["tags"] or not (reads_models or reads_signals), name


@pytest.mark.ids("OPS-1")
def test_sources_are_the_tables_that_others_write(manifest: dict[str, Any]) -> None:
    sources = manifest["sources"].values()
    by_source: dict[str, set[str]] = {}
    for source in sources:
        by_source.setdefault(source["source_name"], set()).add(source["name"])
        assert source["description"].strip(), source["name"]
        folder = "ml" if source["source_name"] == "ml_running" else source["source_name"]
        expected = ["lake", "_dlt_loads"] if folder == "lake_loads" else [folder, source["name"]]
        assert source["config"]["meta"]["dagster"]["asset_key"] == expected
    assert by_source == {
        "lake": {table.name for table in lake.TABLES},
        "lake_loads": {"load"},
        "config": set(COLUMNS),
        "ml": set(SCHEMAS) - {"forecast_hourly"},
        "ml_running": {"forecast_hourly"},
    }


@pytest.mark.ids("OPS-1")
def test_configuration_tables_have_the_columns_that_are_written(manifest: dict[str, Any]) -> None:
    types = {"json": "VARCHAR", "text": "VARCHAR"}
    for source in manifest["sources"].values():
        if source["source_name"] == "config":
            location = source["config"]["meta"]["external_location"]
            declared = dict(re.findall(r"'(\w+)': '([A-Z0-9(),]+)'", location))
            expected = {name: types.get(kind, kind.upper()) for name, kind in COLUMNS[source["name"]].items()}
            assert declared == expected, source["name"]


@pytest.mark.ids("OPS-1", "BI-2")
def test_every_public_mart_is_exposed_to_someone(manifest: dict[str, Any]) -> None:
    exposed = {parent for exposure in manifest["exposures"].values() for parent in exposure["depends_on"]["nodes"]}
    public = {f"model.aifinops.{name}" for name, node in _models(manifest).items() if "public" in node["tags"]}
    assert public <= exposed


@pytest.mark.ids("OPS-2")
def test_engine_differences_stay_in_the_engine_macros() -> None:
    """Another engine implements one folder of macros, not fifty models."""
    forbidden = re.compile(
        r"\b(json_extract\w*|json_each|json_valid|regexp_\w+|unnest|date_trunc|date_diff|strftime|read_parquet|read_json|"
        r"hugeint|asof|generate_series|exclude|qualify|isodow)\b|//|::",
        re.IGNORECASE,
    )
    offences = [
        f"{path.relative_to(PROJECT)}:{number}: {line.strip()}"
        for path in _sql_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if forbidden.search(line.split("--")[0])
    ]
    assert not offences, "\n".join(offences)


@pytest.mark.ids("OPS-2")
def test_every_engine_macro_has_a_body_for_spark() -> None:
    """A macro that only DuckDB has fails on Spark when a model is compiled, which few machines do."""
    engine = "\n".join(
        path.read_text(encoding="utf-8") for path in sorted((PROJECT / "macros" / "engine").glob("*.sql"))
    )
    dispatched = set(re.findall(r"adapter\.dispatch\('(\w+)'\)", engine))
    bodies = set(re.findall(r"macro ((?:duckdb|spark|default)__\w+)\(", engine))
    assert len(dispatched) > 40
    for name in dispatched:
        assert f"default__{name}" in bodies or {f"duckdb__{name}", f"spark__{name}"} <= bodies, name


@pytest.mark.ids("OPS-2")
def test_text_has_the_type_that_both_engines_know() -> None:
    offences = [
        f"{path.relative_to(PROJECT)}:{number}"
        for path in _sql_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(r"\bvarchar\b", line.split("--")[0])
    ]
    assert not offences, f"write string, which is varchar to DuckDB and text to Spark: {offences}"


def _sql_files() -> list[Path]:
    folders = ("models", "tests", "macros")
    found = [path for folder in folders for path in (PROJECT / folder).rglob("*.sql")]
    return [path for path in found if "engine" not in path.relative_to(PROJECT).parts]
