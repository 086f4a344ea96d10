"""When things run by themselves."""

from collections.abc import Iterator

import dagster as dg

from finops.config.tables import PRICE_TABLES
from finops.periods import BillingPeriod
from orchestration.workspace import Workspace

CLOSING_DAYS = 5
"""Azure may still restate a month until the fifth day of the next one."""

EVERYTHING = "everything"
REBUILD = "rebuild"
REPRICING = "reprice"
NEWEST_USAGE = "newest_usage"
NOTIFYING = "notify_incidents"

prices = dg.AssetSelection.assets(
    ["landing", "azure_price_sheet"], ["landing", "azure_retail_prices"], ["landing", "genai_prices"]
)
billing = prices | dg.AssetSelection.assets(
    ["landing", "azure_exports"],
    ["landing", "azure_cost_api"],
    ["landing", "focus_files"],
    ["landing", "bill_files"],
    ["landing", "saas_subscriptions"],
    ["landing", "opencost"],
    ["landing", "outcomes"],
)
usage = dg.AssetSelection.assets(
    ["landing", "otel_spans"],
    ["landing", "litellm"],
    ["landing", "usage_files"],
    ["landing", "azure_monitor"],
    ["landing", "prometheus"],
    ["landing", "openai"],
    ["landing", "anthropic"],
    ["landing", "nvml_samples"],
    ["landing", "mlflow"],
    ["landing", "training_runs"],
)
actions = dg.AssetSelection.groups("9_actions")
built = dg.AssetSelection.all() - billing - usage - actions

# The month is a partition of the landing asset only; what follows from it is rebuilt as a whole.
billing_job = dg.define_asset_job(
    "daily_billing",
    selection=billing | built,
    description="Land the open month's bill and rebuild everything that follows from it.",
)
usage_job = dg.define_asset_job(
    "hourly_usage",
    selection=usage | built,
    description="Land the newest usage and GPU metrics, price them, look for anomalies.",
)
# Minutes after it happened, without its tests and what follows from it: those are the hourly run's.
newest_usage_job = dg.define_asset_job(
    NEWEST_USAGE,
    selection=dg.AssetSelection.assets(
        *(["landing", kind] for kind in ("otel_spans", "litellm", "usage_files", "azure_monitor"))
    )
    # Through the lake's tables the models wait for what lands.
    | dg.AssetSelection.groups("2_lake")
    | dg.AssetSelection.tag("usage_slice", "").without_checks()
    | dg.AssetSelection.assets(
        ["ml", "anomaly_intraday"], ["ml", "forecast_hourly"], ["ml", "incident_feedback"]
    ).without_checks()
    | dg.AssetSelection.assets(
        *(["ml", table] for table in ("incident", "incident_anomaly", "incident_detector"))
    ).without_checks()
    | dg.AssetSelection.assets("fct_incident").without_checks()
    | dg.AssetSelection.assets("incident_notifications", "due_messages", "message_delivery"),
    executor_def=dg.in_process_executor,
    description="Land the newest usage, price it, only the days that it touches, look for what runs away, tell the "
    "people concerned at once and say what the next hours will take: what `aifinops refresh` does.",
)
acting_job = dg.define_asset_job(
    "act",
    selection=dg.AssetSelection.assets(
        "guardrail_decisions", "due_messages", "spend_digests", "message_delivery", "dashboards"
    ),
    description="Decide on the published facts, record the decisions, deliver what is due, show them in the report.",
)
notifying_job = dg.define_asset_job(
    NOTIFYING,
    selection=dg.AssetSelection.assets("incident_notifications", "due_messages", "message_delivery"),
    description="Tell the people concerned of incidents that open, get worse or are over.",
)
telling_job = dg.define_asset_job(
    "tell",
    selection=dg.AssetSelection.assets("due_messages", "message_delivery"),
    description="Queue and deliver what is due by itself: digests, repeats, escalations, fallbacks, signs of life.",
)
digests_job = dg.define_asset_job(
    "digests",
    selection=dg.AssetSelection.assets("spend_digests", "message_delivery"),
    description="Make, queue and deliver the weekly digests and monthly packs that are due.",
)
delivering_job = dg.define_asset_job(
    "deliver",
    selection=dg.AssetSelection.assets("message_delivery"),
    description="Deliver what waits in the outbox.",
)
# Prices change without anything landing: from the price book to what people read; nobody is told or asked to act.
repricing_job = dg.define_asset_job(
    REPRICING,
    selection=dg.AssetSelection.assets(*(["config", table] for table in PRICE_TABLES)).downstream(include_self=False)
    - actions,
    description="Price all usage again and publish: what `aifinops reprice` does after it wrote prices.yml's rows.",
)
everything_job = dg.define_asset_job(
    EVERYTHING,
    selection=dg.AssetSelection.all(),
    description="From every source to the report and the messages: what `aifinops demo` and `aifinops run` do.",
)
rebuild_job = dg.define_asset_job(
    REBUILD,
    selection=dg.AssetSelection.groups("3_staging", "4_cost_model", "5_marts", "6_models", "7_signals")
    | dg.AssetSelection.assets("published_marts"),
    description="The marts from what the lake and the configuration tables hold: what `aifinops as-known` does.",
)
JOBS = [
    billing_job,
    usage_job,
    newest_usage_job,
    acting_job,
    notifying_job,
    telling_job,
    digests_job,
    delivering_job,
    repricing_job,
    everything_job,
    rebuild_job,
]


@dg.schedule(
    job=billing_job,
    cron_schedule="30 6 * * *",
    execution_timezone="UTC",
    description="Every morning: the open month, and the month before while it can still be restated.",
)
def daily_billing_schedule(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
    today = context.scheduled_execution_time.date()
    month = BillingPeriod.containing(today)
    months = [month.previous(), month] if today.day <= CLOSING_DAYS else [month]
    for period in months:
        yield dg.RunRequest(run_key=f"{today}/{period}", partition_key=period.start.isoformat())


@dg.schedule(
    job=digests_job,
    cron_schedule="*/15 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every quarter of an hour: whether a weekly digest or monthly pack of routing.yml is due, in its own "
    "time zone, and not told yet.",
)
def digests_schedule(context: dg.ScheduleEvaluationContext, workspace: Workspace) -> dg.RunRequest | dg.SkipReason:
    if not workspace.configuration().routing.digests:
        return dg.SkipReason("routing.yml has no digests.")
    with workspace.ledger() as ledger:
        due = workspace.digests().is_anything_due(ledger)
    if not due:
        return dg.SkipReason("No digest is due that was not told.")
    # The same run once an hour at most: what a run could not do, another a minute later cannot either.
    return dg.RunRequest(run_key=f"{context.scheduled_execution_time:%Y-%m-%dT%H} {' '.join(due)}")


hourly_usage_schedule = dg.ScheduleDefinition(
    job=usage_job,
    cron_schedule="10 * * * *",
    execution_timezone="UTC",
    description="Ten minutes past every hour: usage that happened is priced before the bill knows of it.",
)

newest_usage_schedule = dg.ScheduleDefinition(
    job=newest_usage_job,
    cron_schedule="*/5 * * * *",
    execution_timezone="UTC",
    description="Every five minutes, where minutes matter: switch it on. Usage is priced before its hour is over.",
)
