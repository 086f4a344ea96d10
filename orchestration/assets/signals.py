"""Forecasts, anomalies and incidents: marts in, ``ml`` tables out."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

import dagster as dg
import pandas as pd

import models
from finops.config import Configuration
from orchestration import forecast_record
from orchestration.assets.forecast_checks import RECORD
from orchestration.assets.warehouse import WAREHOUSE_POOL, model_key
from orchestration.ledger import feedback_rows
from orchestration.warehouse import read_table
from orchestration.workspace import Workspace

ML_GROUP = "6_models"
HISTORY = "intermediate.int_signals__cost_history"
CONTRIBUTORS = "intermediate.int_signals__contributors"
USAGE = "intermediate.int_signals__usage"
HOURLY = "intermediate.int_signals__hourly_cost"
MINUTES = "intermediate.int_signals__minutes_cost"
NEWEST_MINUTES = "intermediate.int_usage__minutes"
GPU_HOURS = "intermediate.int_signals__gpu_hourly"
HOURLY_USAGE = "intermediate.int_signals__hourly_usage"
PRICED = "intermediate.int_signals__priced_cost"
PRICES_AHEAD = "intermediate.int_signals__price_ahead"
PRICED_USAGE = "intermediate.int_usage__priced"
PATTERN_FACTS = {
    "use": "intermediate.int_signals__use_daily",
    "first_use": "intermediate.int_signals__first_use",
    "usage": USAGE,
    "calls": "intermediate.int_signals__calls_daily",
    "hours": "intermediate.int_signals__use_hourly",
}
FEEDBACK = dg.AssetKey(["ml", "incident_feedback"])
INCIDENT_TABLES = ("incident", "incident_anomaly", "incident_detector")


@dg.asset(
    key=FEEDBACK,
    group_name=ML_GROUP,
    kinds={"sqlite"},
    pool="ledger",
    description="What people said of incidents so far, from the guardrails' ledger: verdicts, notice taken, the end.",
)
def incident_feedback(workspace: Workspace) -> dg.MaterializeResult:
    said = models.build_frame("incident_feedback", feedback_rows(workspace.home))
    models.write_table("incident_feedback", said, workspace.home.ml)
    return dg.MaterializeResult(metadata={"dagster/row_count": len(said)})


def _forecast(table: str, description: str, *kinds: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        dg.AssetKey(["ml", table]),
        deps=[model_key(HISTORY), model_key(CONTRIBUTORS), model_key(PRICED), model_key(PRICES_AHEAD), FEEDBACK],
        kinds={"python", *kinds},
        description=description,
    )


@dg.multi_asset(
    name="forecasts",
    group_name=ML_GROUP,
    pool=WAREHOUSE_POOL,
    specs=[
        _forecast(
            "forecast_daily",
            "Expected cost a day with an 80% and a 95% interval, from the company to the model: a blend of "
            "Prophet and its rivals by their errors in a rolling-origin backtest, with intervals calibrated on the "
            "backtest's errors of the blend; parts add up to their wholes.",
            "prophet",
        ),
        _forecast(
            "forecast_accuracy",
            "Backtest of every candidate and of the blend on every series: error, scaled error, coverage, "
            "weight in the blend.",
        ),
        _forecast(
            "forecast_path",
            "A hundred possible futures of every series, day by day; parts add up to their wholes in each. "
            "For distributions of sums, such as the month's end.",
        ),
        _forecast(
            "forecast_rate",
            "Exchange rates that prices of the days ahead are converted with where a bill follows prices in another "
            "currency, and how sure they are.",
        ),
        _forecast(
            "forecast_made",
            "Every forecast ever made, and for the last months without one what the method would have "
            "said. What becomes of them is in fct_forecast_result_daily.",
        ),
    ],
)
def forecasts(context: dg.AssetExecutionContext, workspace: Workspace) -> Iterator[dg.MaterializeResult]:
    report = workspace.reporter(context)
    configuration = workspace.configuration()
    history = read_table(workspace.home.warehouse, HISTORY)
    billed = history[history["metric"] == "effective_cost"].drop(columns="metric")
    known = models.with_price_lists(configuration.events, read_table(workspace.home.warehouse, PRICES_AHEAD))
    events = models.with_planned(known, models.read_table("incident_feedback", workspace.home.ml))
    breakdown = read_table(workspace.home.warehouse, CONTRIBUTORS)
    priced = read_table(workspace.home.warehouse, PRICED)
    team_of_app = _team_of_app(configuration)

    def forecast(workers: models.Workers, history: pd.DataFrame, as_of: datetime) -> models.ForecastResult:
        return models.forecast_costs(
            history,
            as_of=as_of,
            workers=workers,
            events=events,
            cache=workspace.home.ml / "cache",
            team_of_app=team_of_app,
            business_unit_of_team=_business_unit_of_team(configuration),
            breakdown=breakdown[breakdown["metric"] == "effective_cost"],
            priced=priced,
            exchange_rates=configuration.exchange_rates,
            progress=report,
        )

    file = workspace.home.ml / "forecast_made.parquet"
    before = forecast_record.by_moment(file)
    judged = billed[billed["scope_type"].isin(models.BACKCAST_LEVELS)]
    with models.Workers() as workers:
        result = forecast(workers, billed, workspace.as_of())
        record = models.add_to_record(_record(workspace), result.forecast)
        record = models.with_backcasts(record, judged, as_of=workspace.as_of(), forecaster=partial(forecast, workers))
    models.write_table("forecast_made", record, workspace.home.ml)
    models.write_table("forecast_daily", result.forecast, workspace.home.ml)
    models.write_table("forecast_accuracy", result.accuracy, workspace.home.ml)
    models.write_table("forecast_path", result.path, workspace.home.ml)
    models.write_table("forecast_rate", result.rate, workspace.home.ml)
    chosen = result.accuracy[result.accuracy["is_chosen"]]
    yield dg.MaterializeResult(
        asset_key=["ml", "forecast_daily"],
        metadata={"dagster/row_count": len(result.forecast), "series": len(chosen)},
    )
    yield dg.MaterializeResult(
        asset_key=["ml", "forecast_accuracy"],
        metadata={
            "dagster/row_count": len(result.accuracy),
            "winners": {str(name): int(n) for name, n in chosen["model_name"].value_counts().items()},
        },
    )
    yield dg.MaterializeResult(asset_key=["ml", "forecast_path"], metadata={"dagster/row_count": len(result.path)})
    yield dg.MaterializeResult(asset_key=["ml", "forecast_rate"], metadata={"dagster/row_count": len(result.rate)})
    yield dg.MaterializeResult(
        asset_key=["ml", "forecast_made"],
        metadata={
            "dagster/row_count": len(record),
            "forecasts": int(record["as_of"].nunique()),
            RECORD: dg.MetadataValue.json(
                forecast_record.statement(before, forecast_record.by_moment(file), workspace.as_of())
            ),
        },
    )


def _team_of_app(configuration: Configuration) -> dict[str, str]:
    return {owner.app: owner.team for owner in configuration.tags.apps}


def _business_unit_of_team(configuration: Configuration) -> dict[str, str]:
    return {team.team: team.business_unit for team in configuration.tags.teams if team.business_unit}


def _record(workspace: Workspace) -> pd.DataFrame | None:
    try:
        return models.read_table("forecast_made", workspace.home.ml)
    except FileNotFoundError:
        return None


@dg.asset(
    key=dg.AssetKey(["ml", "anomaly_intraday"]),
    # The views are read through to the priced usage, which is what a refresh builds: this must wait for it as well.
    deps=[model_key(table) for table in (HOURLY, MINUTES, PRICED_USAGE, NEWEST_MINUTES, GPU_HOURS)],
    group_name=ML_GROUP,
    kinds={"python"},
    pool=WAREHOUSE_POOL,
    description="What runs away: the newest minutes of priced usage that cost far more than the same hours of past "
    "weeks. Made anew with every refresh of usage.",
)
def anomaly_intraday(context: dg.AssetExecutionContext, workspace: Workspace) -> dg.MaterializeResult:
    configuration = workspace.configuration()
    found = models.detect_intraday(
        read_table(workspace.home.warehouse, HOURLY),
        read_table(workspace.home.warehouse, MINUTES),
        as_of=workspace.as_of(),
        events=configuration.events,
        settings=models.AnomalySettings.configured(configuration.anomalies),
    )
    found = models.with_stopped(found, _running_before(workspace), workspace.as_of().date())
    models.write_table("anomaly", found, workspace.home.ml_running)
    still_open = found[found["status"] == "open"]
    workspace.reporter(context)(f"{len(still_open)} running away")
    return dg.MaterializeResult(metadata={"dagster/row_count": len(found), "open": len(still_open)})


def _running_before(workspace: Workspace) -> pd.DataFrame:
    try:
        return models.read_table("anomaly", workspace.home.ml_running)
    except FileNotFoundError:
        return models.build_frame("anomaly", [])


@dg.asset(
    key=dg.AssetKey(["ml", "forecast_hourly"]),
    # As of anomaly_intraday: the view is read through to what a refresh builds.
    deps=[model_key(HOURLY_USAGE), model_key(PRICES_AHEAD), model_key(PRICED_USAGE)],
    group_name=ML_GROUP,
    kinds={"python"},
    pool=WAREHOUSE_POOL,
    description="Usage of the next 48 hours, hour by hour: cost at list price, tokens and requests with an 80% and a "
    "95% interval, from the company to the model; parts add up. Made anew with every refresh of usage; hours that "
    "are over keep what was last expected of them for a week.",
)
def forecast_hourly(context: dg.AssetExecutionContext, workspace: Workspace) -> dg.MaterializeResult:
    configuration, folder = workspace.configuration(), workspace.home.ml_running
    known = (folder / "forecast_hourly.parquet").exists()
    made = models.forecast_hours(
        read_table(workspace.home.warehouse, HOURLY_USAGE),
        as_of=workspace.as_of(),
        events=models.with_price_lists(configuration.events, read_table(workspace.home.warehouse, PRICES_AHEAD)),
        team_of_app=_team_of_app(configuration),
        business_unit_of_team=_business_unit_of_team(configuration),
    )
    earlier = models.read_table("forecast_hourly", folder) if known else None
    table = models.with_earlier(made, earlier, as_of=workspace.as_of())
    models.write_table("forecast_hourly", table, folder)
    scopes = len(made[["scope_type", "scope_value", "currency"]].drop_duplicates())
    workspace.reporter(context)(f"{scopes} series by the hour")
    return dg.MaterializeResult(metadata={"dagster/row_count": len(table), "series": scopes})


@dg.asset(
    key=dg.AssetKey(["ml", "anomaly"]),
    deps=[
        dg.AssetKey(["ml", "forecast_daily"]),
        FEEDBACK,
        dg.AssetKey(["ml", "anomaly_intraday"]),
        model_key(HISTORY),
        model_key(CONTRIBUTORS),
        *(model_key(table) for table in PATTERN_FACTS.values()),
    ],
    group_name=ML_GROUP,
    kinds={"python"},
    pool=WAREHOUSE_POOL,
    description="Days that cost other than expected, on the bill and on priced usage, and what runs away today: "
    "detectors that agree, patterns such as a leaked key or a lost cache by name, money at stake, who contributed.",
)
def anomaly(context: dg.AssetExecutionContext, workspace: Workspace) -> dg.MaterializeResult:
    configuration = workspace.configuration()
    history = read_table(workspace.home.warehouse, HISTORY)
    of_days = models.find_anomalies(
        history=history[history["scope_type"].isin(models.ANOMALY_LEVELS)],
        expectations=models.read_table("forecast_daily", workspace.home.ml),
        contributors=read_table(workspace.home.warehouse, CONTRIBUTORS),
        as_of=workspace.as_of(),
        events=models.with_planned(configuration.events, models.read_table("incident_feedback", workspace.home.ml)),
        settings=models.AnomalySettings.configured(configuration.anomalies),
        team_of_app=_team_of_app(configuration),
        facts=models.PatternFacts(
            **{name: read_table(workspace.home.warehouse, table) for name, table in PATTERN_FACTS.items()}
        ),
    )
    found = models.with_running(of_days, models.read_table("anomaly", workspace.home.ml_running))
    models.write_table("anomaly", found, workspace.home.ml)
    still_open = found[found["status"] == "open"]
    workspace.reporter(context)(f"{len(still_open)} open anomalies")
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(found),
            "open": len(still_open),
            "by_severity": {str(name): int(n) for name, n in still_open["severity"].value_counts().items()},
        }
    )


@dg.multi_asset(
    name="incidents",
    group_name=ML_GROUP,
    pool=WAREHOUSE_POOL,
    specs=[
        dg.AssetSpec(
            dg.AssetKey(["ml", name]),
            deps=[
                dg.AssetKey(["ml", "anomaly"]),
                dg.AssetKey(["ml", "anomaly_intraday"]),
                FEEDBACK,
                model_key(HISTORY),
                model_key(CONTRIBUTORS),
                model_key(USAGE),
            ],
            kinds={"python"},
            description=description,
        )
        for name, description in zip(
            INCIDENT_TABLES,
            (
                "One incident per cause, over levels, days, bill and usage; what the run before knew goes in.",
                "Which findings belong to which incident.",
                "Which detectors found an incident.",
            ),
            strict=True,
        )
    ],
)
def incidents(context: dg.AssetExecutionContext, workspace: Workspace) -> Iterator[dg.MaterializeResult]:
    configuration, home = workspace.configuration(), workspace.home
    known = all((home.ml / f"{name}.parquet").exists() for name in INCIDENT_TABLES)
    state = models.Incidents(**{name: models.read_table(name, home.ml) for name in INCIDENT_TABLES}) if known else None
    # A refresh finds what runs away anew, beside what the last run of everything found of complete days.
    running = models.read_table("anomaly", home.ml_running)
    found = models.find_incidents(
        models.with_running(models.read_table("anomaly", home.ml), running),
        history=read_table(home.warehouse, HISTORY),
        contributors=read_table(home.warehouse, CONTRIBUTORS),
        usage=read_table(home.warehouse, USAGE),
        as_of=workspace.as_of(),
        events=configuration.events,
        floors=configuration.anomalies,
        state=state,
        feedback=models.read_table("incident_feedback", home.ml),
        team_of_app=_team_of_app(configuration),
        criticality_of_app={owner.app: owner.criticality for owner in configuration.tags.apps},
    )
    # Incidents last: a run that is killed in between leaves memberships without their incident, and the next one,
    # which finds the same findings in the same order, gives both the same id again.
    tables: dict[str, pd.DataFrame] = {name: getattr(found, name) for name in reversed(INCIDENT_TABLES)}
    for name, table in tables.items():
        models.write_table(name, table, home.ml)
    still_open = found.incident["status"].isin(["open", "acknowledged"])
    workspace.reporter(context)(f"{int(still_open.sum())} open incidents")
    for name, table in tables.items():
        yield dg.MaterializeResult(asset_key=["ml", name], metadata={"dagster/row_count": len(table)})
