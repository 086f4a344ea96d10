"""Run one type of source end to end: a small simulated organisation's endpoint, landing, dbt, a mart.

    python tools/try_source.py TYPE [--home FOLDER]
    python tools/try_source.py --list

Lands the source twice (the second time must land nothing new), builds the mart and what it needs with dbt, and shows
the newest rows of it. What the simulator does not play comes from a file that is written here.

Here: the settings of each type, and the run. Not here: the whole pipeline (`aifinops demo`).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
from rich.console import Console

import ingestion
import simulator
from cli.simulated import served_organisation
from finops.config import load_configuration
from finops.config.tables import write_tables
from finops.paths import PROJECT_DIR, Home
from models.tables import SCHEMAS as ML_SCHEMAS
from simulator.azure_cost import write_cost_exports

SCALE, DAYS = 0.05, 21


@dataclass(frozen=True)
class Trial:
    """``settings`` of sources.yml (none: as config/sources.yml has it); the mart, and which of its rows are shown;
    ``also`` are types that the mart says nothing without."""

    mart: str
    show: str
    settings: str = ""
    also: tuple[str, ...] = ()


_BILL = Trial(
    "fct_ai_cost_daily",
    "select usage_date, provider_name, sum(charge_count) as charges, sum(billed_cost) as billed_cost "
    "from {mart} group by all order by usage_date desc",
)
_USAGE = Trial(
    "fct_usage_cost_hourly",
    "select usage_hour, source, model, sum(tokens) as tokens, sum(estimated_cost) as estimated_cost "
    "from {mart} where tokens > 0 group by all order by usage_hour desc",
)
_PRICES = (
    "select provider_name, model, token_class, currency, price_per_1m_tokens, price_source from {mart} "
    "where price_source <> 'config' order by valid_from desc"
)
_GPU = Trial(
    "fct_gpu_hourly", "select usage_hour, node, gpu_model, busy_gpu_seconds, meter from {mart} order by usage_hour desc"
)
_RUNS = "select run_id, project, stage, status, gpu_seconds, estimated_cost from {mart} order by started_at desc"


def _with(trial: Trial, settings: str) -> Trial:
    return Trial(trial.mart, trial.show, settings)


TRIALS: Mapping[str, Trial] = {
    "anthropic": _BILL,
    "azure_cost_api": _BILL,
    "azure_exports": _BILL,
    "azure_monitor": _USAGE,
    "azure_price_sheet": Trial("dim_price", _PRICES, "url: ${TRY_FILES}/price-sheet.csv"),
    "azure_retail_prices": Trial("dim_price", _PRICES, "url: ${TRY_FILES}/retail-prices.json"),
    "bill_files": _with(_BILL, "url: ${TRY_FILES}/cost"),
    "focus_files": _with(_BILL, "url: ${TRY_FILES}/focus.csv"),
    "genai_prices": Trial("dim_price", _PRICES, "enabled: true"),
    "litellm": _USAGE,
    "mlflow": Trial("fct_training_run", _RUNS),
    "nvml_samples": _GPU,
    "openai": _BILL,
    "opencost": Trial(
        "fct_cluster_cost_daily",
        "select usage_date, namespace, controller, estimated_total_cost from {mart} order by usage_date desc",
    ),
    "otel_spans": _USAGE,
    "outcomes": Trial(
        "fct_unit_economics_daily",
        "select usage_date, unit, scope_value, quantity, cost from {mart} where quantity > 0 order by usage_date desc",
        also=("azure_exports",),
    ),
    "prometheus": _GPU,
    "saas_subscriptions": _BILL,
    "training_runs": Trial("fct_training_run", _RUNS, "url: ${TRY_FILES}/runs.csv"),
    "usage_files": _with(
        _USAGE,
        f"url: ${{TRY_FILES}}/requests.csv\n    mapping: {PROJECT_DIR}/config/examples/azure-llm-trace-mapping.yml",
    ),
}

PRICE_SHEET = """\
MeterId,MeterName,MeterCategory,MeterSubCategory,UnitOfMeasure,UnitPrice,CurrencyCode,EffectiveStartDate
m-1,gpt 4.1 Inp glbl Tokens,Cognitive Services,Azure OpenAI,1K,0.0019,USD,2026-01-01
"""
RETAIL = {
    "Items": [
        {
            "currencyCode": "USD", "tierMinimumUnits": 0.0, "retailPrice": 0.002, "unitPrice": 0.002,
            "armRegionName": "swedencentral", "location": "SE Central", "effectiveStartDate": "2026-01-01T00:00:00Z",
            "meterId": "m-1", "meterName": "gpt 4.1 Inp glbl Tokens", "productName": "Azure OpenAI", "skuId": "s/1",
            "productId": "p", "skuName": "gpt 4.1 Inp glbl", "serviceName": "Foundry Models", "serviceId": "x",
            "serviceFamily": "AI + Machine Learning", "unitOfMeasure": "1K", "type": "Consumption",
            "isPrimaryMeterRegion": True, "armSkuName": "gpt 4.1 Inp glbl",
        }
    ],
    "NextPageLink": None, "Count": 1,
}  # fmt: skip
RUNS = """run_id,project,team,stage,status,started_at,ended_at,gpu_count,gpu_model
train-1,vision,robotics,training,finished,2026-10-12T06:00:00Z,2026-10-12T12:00:00Z,8,A100
"""
REQUESTS = """TIMESTAMP,ContextTokens,GeneratedTokens
2026-10-19 18:15:46.6805900,4808,10
2026-10-19 18:15:50.9951690,3180,8
"""


def main() -> int:
    parser = argparse.ArgumentParser(description="Run one type of source end to end on simulated data.")
    parser.add_argument("type", nargs="?", choices=sorted(TRIALS), help="type of source")
    parser.add_argument("--list", action="store_true", help="list the types with their marts")
    parser.add_argument("--home", type=Path, default=PROJECT_DIR / ".aifinops" / "try", help="folder for the data")
    options = parser.parse_args()
    console = Console(width=140)
    if options.list or options.type is None:
        for name, trial in TRIALS.items():
            console.print(f"{name:<22}{trial.mart}")
        return 0
    return run(options.type, options.home.resolve(), console)


def run(type_: str, folder: Path, console: Console) -> int:
    """Land and build one source; 1 where something is wrong, else 0."""
    trial = TRIALS[type_]
    organisation = Home(folder / "organisation")
    simulator.generate(organisation.simulator, scale=SCALE, days=DAYS)
    home = Home(folder / type_)
    shutil.rmtree(home.path, ignore_errors=True)
    files = _files(home.path / "files", type_, organisation)
    with served_organisation(organisation, console) as served:
        environ = {**os.environ, **served.environ, "TRY_FILES": str(files)}
        config = load_configuration(_settings(home.path / "config", type_, trial, environ))
        *others, source = config.sources.sources
        write_tables(config, home.config_tables, served.as_of)
        ingestion.prepare_lake(home)
        for other in others:
            ingestion.land(other, home, as_of=served.as_of, environ=environ)
        first = ingestion.land(source, home, as_of=served.as_of, environ=environ)
        again = ingestion.land(source, home, as_of=served.as_of, environ=environ)
    console.print(f"landed {dict(first.rows)}, {first.rejected} rejected; again {dict(again.rows)}", highlight=False)
    if not _build(home, trial.mart):
        return 1
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        found = connection.sql(trial.show.format(mart=f"marts.{trial.mart}"))
        count = len(found.fetchall())
        console.print(str(found.limit(5)), highlight=False, markup=False)
    console.print(f"{'✓' if count else '✗'} {type_} → {trial.mart}: {count:,} rows", highlight=False)
    return 0 if count else 1


def _settings(folder: Path, type_: str, trial: Trial, environ: Mapping[str, str]) -> Path:
    """The project's configuration, with this source alone."""
    import yaml

    shutil.copytree(PROJECT_DIR / "config", folder)
    text = (folder / "sources.yml").read_text(encoding="utf-8")
    if trial.settings:
        block = yaml.safe_load(
            f"id: {type_.replace('_', '-')}\ntype: {type_}\n" + trial.settings.replace("\n    ", "\n")
        )
    else:
        block = next(source for source in yaml.safe_load(text)["sources"] if source["type"] == type_)
    others = [source for source in yaml.safe_load(text)["sources"] if source["type"] in trial.also]
    filled = json.loads(_fill(json.dumps([*others, {**block, "enabled": True}]), environ))
    (folder / "sources.yml").write_text(yaml.safe_dump({"sources": filled}), encoding="utf-8")
    return folder


def _fill(text: str, environ: Mapping[str, str]) -> str:
    for name, value in environ.items():
        text = text.replace(f"${{{name}}}", json.dumps(value)[1:-1])
    return text


def _files(folder: Path, type_: str, organisation: Home) -> Path:
    """What a type reads that no endpoint tells."""
    folder.mkdir(parents=True)
    if type_ == "bill_files":
        write_cost_exports(organisation.simulator, folder / "cost", agreement="EA", overwrite=True)
    if type_ == "focus_files":
        runs = sorted((organisation.simulator / "azure-exports").rglob("*.csv*"))
        target = folder / f"focus{''.join(runs[-1].suffixes)}"
        shutil.copyfile(runs[-1], target)
        if target.name != "focus.csv":
            import gzip

            (folder / "focus.csv").write_bytes(gzip.decompress(target.read_bytes()))
            target.unlink()
    for name, text in {
        "price-sheet.csv": PRICE_SHEET, "retail-prices.json": json.dumps(RETAIL), "runs.csv": RUNS,
        "requests.csv": REQUESTS,
    }.items():  # fmt: skip
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def _build(home: Home, mart: str) -> bool:
    """dbt on the mart and what it is made of, as the pipeline runs it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    home.ml.mkdir(parents=True, exist_ok=True)
    for name, schema in ML_SCHEMAS.items():
        pq.write_table(pa.Table.from_pylist([], schema=schema), home.ml / f"{name}.parquet")
    project = PROJECT_DIR / "dbt_project"
    command = [
        str(Path(sys.executable).with_name("dbt")), "--quiet", "build", "--indirect-selection", "buildable",
        "--select", f"+{mart}", "--project-dir", str(project), "--profiles-dir", str(project),
        "--target-path", str(home.path / "dbt" / "target"), "--log-path", str(home.path / "dbt" / "logs"),
    ]  # fmt: skip
    environ = {**os.environ, "AIFINOPS_HOME": str(home.path)}
    environ.pop("AIFINOPS_LAKE", None)
    return subprocess.run(command, env=environ, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
