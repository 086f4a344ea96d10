"""When things run by themselves."""

from collections.abc import Iterator

import dagster as dg

from finops.periods import BillingPeriod

CLOSING_DAYS = 5
"""Azure may still restate a month until the fifth day of the next one."""

EVERYTHING = "everything"

billing = dg.AssetSelection.assets(["landing", "azure_exports"], ["landing", "focus_files"], ["landing", "outcomes"])
usage = dg.AssetSelection.assets(
    ["landing", "otel_spans"], ["landing", "usage_files"], ["landing", "azure_monitor"], ["landing", "prometheus"]
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
acting_job = dg.define_asset_job(
    "act",
    selection=dg.AssetSelection.assets("guardrail_decisions", "message_delivery", "report_page"),
    description="Decide on the published facts, record the decisions, deliver what is due, show them in the report.",
)
notifying_job = dg.define_asset_job(
    "notify_anomalies",
    selection=dg.AssetSelection.assets("anomaly_notifications", "message_delivery"),
    description="Tell the people concerned of new anomalies.",
)
everything_job = dg.define_asset_job(
    EVERYTHING,
    selection=dg.AssetSelection.all(),
    description="From every source to the report and the messages: what `aifinops demo` and `aifinops run` do.",
)
JOBS = [billing_job, usage_job, acting_job, notifying_job, everything_job]


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


hourly_usage_schedule = dg.ScheduleDefinition(
    job=usage_job,
    cron_schedule="10 * * * *",
    execution_timezone="UTC",
    description="Ten minutes past every hour: usage that happened is priced before the bill knows of it.",
)
