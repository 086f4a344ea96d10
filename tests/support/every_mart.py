"""A small organisation whose facts come from every type of source, built with DuckDB.

Here: landing it, dbt, the statistical models, published marts, so that hardly a public mart is without rows.
Not here: the settings of each source (tests.support.every_source) and what is asserted.

Not the pipeline itself: several sources tell the same bill here, which is right for the marts and wrong for some checks
of an organisation's books.
"""

from __future__ import annotations

import gzip
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

import ingestion
import models
from finops.config import load_configuration
from finops.config.load import resolve_variables
from finops.config.tables import write_tables
from finops.paths import PROJECT_DIR, Home
from models.tables import SCHEMAS, build_frame
from orchestration.assets.signals import PATTERN_FACTS
from orchestration.warehouse import read_table
from simulator.server.monitor import machine_id
from tests.support.every_source import SETTINGS, Organisation
from tests.support.lake_builder import DbtResult, publish_built, run_dbt
from tests.support.pipeline import organisation_in

DAYS, SCALE = 40, 0.05
_NODE = "aks-gpua100-31415926-vmss000000"


def build_every_mart(folder: Path) -> Home:
    """Land, build and publish the organisation into ``<folder>/home``.

    Raises:
        AssertionError: dbt failed; the message is its output.
    """
    home = Home(folder / "home")
    (folder / "files").mkdir()
    with organisation_in(home, days=DAYS, scale=SCALE) as simulated:
        organisation = Organisation(simulated, home.simulator, folder / "files")
        config = load_configuration(_configure(folder / "config", organisation))
        write_tables(config, home.config_tables, organisation.as_of)
        ingestion.prepare_lake(home)
        for source in config.sources.sources:
            if source.enabled:
                resolved = resolve_variables(source, organisation.environ, folder / "config")
                ingestion.land(resolved, home, as_of=organisation.as_of, environ=organisation.environ)
    for name in SCHEMAS:
        models.write_table(name, build_frame(name, []), home.ml_running if name == "forecast_hourly" else home.ml)
    _dbt(home, "run", "--quiet", "--exclude", "tag:signals")
    history = read_table(home.warehouse, "intermediate.int_signals__cost_history")
    priced = read_table(home.warehouse, "intermediate.int_signals__priced_cost")
    team_of_app = {owner.app: owner.team for owner in config.tags.apps}

    def forecast_of(billed: pd.DataFrame, as_of: datetime) -> models.ForecastResult:
        return models.forecast_costs(
            billed,
            as_of=as_of,
            events=config.events,
            cache=home.ml / "cache",
            team_of_app=team_of_app,
            priced=priced,
            exchange_rates=config.exchange_rates,
        )

    billed = history[history["metric"] == "effective_cost"].drop(columns="metric")
    forecast = forecast_of(billed, organisation.as_of)
    company = billed[billed["scope_type"] == "company"]
    made = models.add_to_record(None, forecast.forecast)
    made = models.with_backcasts(made, company, as_of=organisation.as_of, forecaster=forecast_of)
    models.write_table("forecast_made", made, home.ml)
    models.write_table("forecast_daily", forecast.forecast, home.ml)
    models.write_table("forecast_accuracy", forecast.accuracy, home.ml)
    models.write_table("forecast_path", forecast.path, home.ml)
    models.write_table("forecast_rate", forecast.rate, home.ml)
    hours = models.forecast_hours(
        read_table(home.warehouse, "intermediate.int_signals__hourly_usage"),
        as_of=organisation.as_of,
        events=config.events,
        team_of_app=team_of_app,
    )
    models.write_table("forecast_hourly", hours, home.ml_running)
    found = models.find_anomalies(
        history=history,
        expectations=models.read_table("forecast_daily", home.ml),
        contributors=read_table(home.warehouse, "intermediate.int_signals__contributors"),
        as_of=organisation.as_of,
        events=config.events,
        team_of_app=team_of_app,
        facts=models.PatternFacts(**{name: read_table(home.warehouse, table) for name, table in PATTERN_FACTS.items()}),
    )
    models.write_table("anomaly", found, home.ml)
    grouped = models.find_incidents(
        found,
        history=history,
        contributors=read_table(home.warehouse, "intermediate.int_signals__contributors"),
        usage=read_table(home.warehouse, "intermediate.int_signals__usage"),
        as_of=organisation.as_of,
        events=config.events,
        floors=config.anomalies,
        team_of_app=team_of_app,
    )
    for name, table in vars(grouped).items():
        models.write_table(name, table, home.ml)
    _dbt(home, "run", "--quiet", "--select", "tag:signals")
    publish_built(home, version="compared")
    return home


def _dbt(home: Home, *arguments: str) -> DbtResult:
    result = run_dbt(home, *arguments)
    assert result.returncode == 0, result.output
    return result


def _configure(folder: Path, organisation: Organisation) -> Path:
    """The example configuration, and a source of each type that it does not use."""
    shutil.copytree(PROJECT_DIR / "config", folder)
    document = yaml.safe_load((folder / "sources.yml").read_text(encoding="utf-8"))
    sources: list[dict[str, Any]] = [source for source in document["sources"] if source.get("enabled", True)]
    used = {source["type"] for source in sources}
    sources += [
        {"id": f"also-{kind.replace('_', '-')}", "type": kind, **settings(organisation)}
        for kind, settings in SETTINGS.items()
        if kind not in used
    ]
    machines = SETTINGS["azure_monitor"](organisation)
    machines |= {"resources": [machine_id(_NODE)], "metrics": "gpu_vm"}
    sources.append({"id": "machines", "type": "azure_monitor", **machines})
    _add_odd_bills(organisation.files / "focus")
    (folder / "sources.yml").write_text(yaml.safe_dump({**document, "sources": sources}), encoding="utf-8")
    return folder


def _add_odd_bills(folder: Path) -> None:
    """A bill with a meter that nobody can read, another account's, and one whose next delivery has other columns."""
    lines = gzip.decompress((folder / "0.csv.gz").read_bytes()).decode().splitlines()
    tokens = next(line for line in lines if "Tokens" in line)
    odd = [line.replace("gpt", "qqq").replace("11111111-1111", "99999999-1111") for line in (tokens,)]
    (folder / "odd-1.csv").write_text("\n".join([lines[0], *odd]) + "\n", encoding="utf-8")
    more = [f"{lines[0]},x_CostRegion", *(f"{line},north" for line in odd)]
    (folder / "odd-2.csv").write_text("\n".join(more) + "\n", encoding="utf-8")
