"""Forecasts and anomalies: marts in, ``ml`` tables out."""

from collections.abc import Iterator

import dagster as dg

import models
from orchestration.assets.warehouse import WAREHOUSE_POOL, model_key
from orchestration.warehouse import read_table
from orchestration.workspace import Workspace

ML_GROUP = "6_models"
HISTORY = "intermediate.int_signals__cost_history"
CONTRIBUTORS = "intermediate.int_signals__contributors"
HOURLY = "intermediate.int_signals__hourly_cost"
HOURLY_CONTRIBUTORS = "intermediate.int_signals__hourly_contributors"
PRICED_USAGE = "intermediate.int_usage__priced"


@dg.multi_asset(
    name="forecasts",
    group_name=ML_GROUP,
    pool=WAREHOUSE_POOL,
    specs=[
        dg.AssetSpec(
            dg.AssetKey(["ml", "forecast_daily"]),
            deps=[model_key(HISTORY)],
            kinds={"python", "prophet"},
            description="Expected cost a day with an 80% interval, per company, team and model: the better of Prophet "
            "and its rivals in a rolling-origin backtest, with intervals calibrated on that backtest's errors.",
        ),
        dg.AssetSpec(
            dg.AssetKey(["ml", "forecast_accuracy"]),
            deps=[model_key(HISTORY)],
            kinds={"python"},
            description="Backtest of every candidate on every series: error, scaled error, coverage, who was chosen.",
        ),
    ],
)
def forecasts(context: dg.AssetExecutionContext, workspace: Workspace) -> Iterator[dg.MaterializeResult]:
    report = workspace.reporter(context)
    configuration = workspace.configuration()
    history = read_table(workspace.home.warehouse, HISTORY)
    billed = history[history["metric"] == "effective_cost"].drop(columns="metric")
    result = models.forecast_costs(
        billed,
        as_of=workspace.as_of(),
        events=configuration.events,
        cache=workspace.home.ml / "cache",
        team_of_app={owner.app: owner.team for owner in configuration.tags.apps},
        progress=report,
    )
    models.write_table("forecast_daily", result.forecast, workspace.home.ml)
    models.write_table("forecast_accuracy", result.accuracy, workspace.home.ml)
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


@dg.asset(
    key=dg.AssetKey(["ml", "anomaly_intraday"]),
    # The views are read through to the priced usage, which is what a refresh builds: this must wait for it as well.
    deps=[model_key(HOURLY), model_key(HOURLY_CONTRIBUTORS), model_key(PRICED_USAGE)],
    group_name=ML_GROUP,
    kinds={"python"},
    pool=WAREHOUSE_POOL,
    description="What runs away within the day: the newest hours of priced usage that cost far more than the same "
    "hours of past weeks. Made anew with every refresh of usage.",
)
def anomaly_intraday(context: dg.AssetExecutionContext, workspace: Workspace) -> dg.MaterializeResult:
    found = models.detect_intraday(
        read_table(workspace.home.warehouse, HOURLY),
        read_table(workspace.home.warehouse, HOURLY_CONTRIBUTORS),
        as_of=workspace.as_of(),
        events=workspace.configuration().events,
    )
    models.write_table("anomaly", found, workspace.home.ml_running)
    still_open = found[found["status"] == "open"]
    workspace.reporter(context)(f"{len(still_open)} running away")
    return dg.MaterializeResult(metadata={"dagster/row_count": len(found), "open": len(still_open)})


@dg.asset(
    key=dg.AssetKey(["ml", "anomaly"]),
    deps=[
        dg.AssetKey(["ml", "forecast_daily"]),
        dg.AssetKey(["ml", "anomaly_intraday"]),
        model_key(HISTORY),
        model_key(CONTRIBUTORS),
    ],
    group_name=ML_GROUP,
    kinds={"python"},
    pool=WAREHOUSE_POOL,
    description="Days that cost other than expected, on the bill and on priced usage, and what runs away today: "
    "detectors that agree, money at stake, who contributed, one sentence.",
)
def anomaly(context: dg.AssetExecutionContext, workspace: Workspace) -> dg.MaterializeResult:
    configuration = workspace.configuration()
    of_days = models.find_anomalies(
        history=read_table(workspace.home.warehouse, HISTORY),
        expectations=models.read_table("forecast_daily", workspace.home.ml),
        contributors=read_table(workspace.home.warehouse, CONTRIBUTORS),
        as_of=workspace.as_of(),
        events=configuration.events,
        team_of_app={owner.app: owner.team for owner in configuration.tags.apps},
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
