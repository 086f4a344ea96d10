"""Asset checks of forecasts: what may go wrong with them, said with the series' names and what to do.

Here: bounds, days, series, sums, futures, the backtest, the record.
Not here: findings and incidents (incident_checks), how a fault is told (faults).

What would make a budget or a month's total wrong stops what follows; what only says that a forecast is not good warns.
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

import models
from orchestration import forecast_record
from orchestration.assets.faults import Fault, faults_of, tables_of, verdict
from orchestration.assets.warehouse import WAREHOUSE_POOL
from orchestration.workspace import Workspace

DAILY, ACCURACY = dg.AssetKey(["ml", "forecast_daily"]), dg.AssetKey(["ml", "forecast_accuracy"])
HOURLY = dg.AssetKey(["ml", "forecast_hourly"])
PATH, MADE = dg.AssetKey(["ml", "forecast_path"]), dg.AssetKey(["ml", "forecast_made"])
RECORD = "record"
"""Where the metadata of ``forecast_made`` has its fingerprint (forecast_record.statement)."""

COVERAGE_BAND = (0.90, 0.995)
"""Of all series together, how much of the backtest may lie inside the 95% intervals: fewer promise too much, more say
too little."""

SMALLEST_COVERAGE = 0.80
"""Of one series, which has only some two dozen backtests, and they overlap."""

FEWEST_HOURS = 24
"""Of a level, before its hours are judged."""

TOLERANCE = 1e-6
"""Histories that differ by more than this share of the whole are not a whole and its parts."""

NAME = "scope_type || ' ' || scope_value || ' (' || currency || ')'"

# Each test of sums starts with: which series are parts of which whole, and where history (live) says so too.
_BILLED = """
    select usage_date as day, scope_type, scope_value, currency, sum(cost) as cost
    from warehouse.intermediate.int_signals__cost_history
    where metric = 'effective_cost' and usage_date < (select max(as_of)::date from forecast_daily)
    group by all
"""
_PRICED = """
    select usage_hour as day, scope_type, scope_value, currency, cost
    from warehouse.intermediate.int_signals__hourly_usage
    where usage_hour < (select date_trunc('hour', max(as_of)) from forecast_hourly)
"""
_SUMS = f"""
scopes as (select distinct scope_type, scope_value from live),
edges as (
    select * from part_of
    union all
    select scope_type, scope_value, 'company', 'all' from scopes where scope_type in (select unnest($company_parts))
),
sums_of_days as (
    select edges.whole_type, edges.whole_value, live.scope_type as part_type, live.currency, live.day,
           sum(live.cost) as cost
    from live inner join edges using (scope_type, scope_value)
    group by all
),
pairs as (select distinct whole_type, whole_value, part_type, currency from sums_of_days),
held as (
    select pairs.whole_type, pairs.whole_value, pairs.part_type, pairs.currency
    from pairs
    inner join live as wholes
        on pairs.whole_type = wholes.scope_type and pairs.whole_value = wholes.scope_value
        and pairs.currency = wholes.currency
    left join sums_of_days as parts
        on pairs.whole_type = parts.whole_type and pairs.whole_value = parts.whole_value
        and pairs.part_type = parts.part_type and pairs.currency = parts.currency and wholes.day = parts.day
    group by all
    having max(abs(wholes.cost - coalesce(parts.cost, 0))) <= {TOLERANCE} * greatest(max(abs(wholes.cost)), 1)
),
summed as (
    select edges.whole_type, edges.whole_value, parts.scope_type as part_type, parts.currency, parts.forecast_date,
           parts.line, sum(parts.cost) as cost
    from lines as parts inner join edges using (scope_type, scope_value)
    group by all
),
wrong as (
    select held.*, wholes.forecast_date, wholes.line, wholes.cost as whole_cost, coalesce(summed.cost, 0) as parts_cost
    from held
    inner join lines as wholes
        on held.whole_type = wholes.scope_type and held.whole_value = wholes.scope_value
        and held.currency = wholes.currency
    left join summed
        on held.whole_type = summed.whole_type and held.whole_value = summed.whole_value
        and held.part_type = summed.part_type and held.currency = summed.currency
        and wholes.forecast_date = summed.forecast_date and wholes.line = summed.line
    where wholes.cost <> coalesce(summed.cost, 0)
)
"""


def _check(asset: dg.AssetKey, name: str, description: str, *, blocks: bool) -> Any:
    return dg.asset_check(asset=asset, name=name, description=description, blocking=blocks, pool=WAREHOUSE_POOL)


@_check(DAILY, "bounds_are_ordered", "Lower 95 ≤ lower 80 ≤ expected ≤ upper 80 ≤ upper 95 on every day.", blocks=True)
def bounds_are_ordered(workspace: Workspace) -> dg.AssetCheckResult:
    with tables_of(workspace) as tables:
        faults = faults_of(
            tables,
            f"""select {NAME}, count(*) || ' days, first ' || min(forecast_date) || ': '
                       || arg_min(concat_ws(' ≤ ', lower_95_cost::double, lower_cost::double, expected_cost::double,
                                            upper_cost::double, upper_95_cost::double), forecast_date)
                from forecast_daily
                where not coalesce(lower_95_cost <= lower_cost and lower_cost <= expected_cost
                                   and expected_cost <= upper_cost and upper_cost <= upper_95_cost, false)
                group by all order by 1""",
        )
        checked = _series(tables)
    return verdict(
        faults, checked=checked, blocks=True,
        remedy="Delete ml/cache in the home and run again; if it stays so, report the series: its forecast is wrong",
    )  # fmt: skip


@_check(
    DAILY, "no_day_is_missing",
    "Every series' forecast begins on the day after the newest billed one of its currency and has every day through "
    "the end of next month.", blocks=True,
)  # fmt: skip
def no_day_is_missing(workspace: Workspace) -> dg.AssetCheckResult:
    with tables_of(workspace) as tables:
        faults = faults_of(
            tables,
            f"""with billed as (
                    select currency, max(usage_date) as through from warehouse.intermediate.int_signals__cost_history
                    where metric = 'effective_cost' and usage_date < (select max(as_of)::date from forecast_daily)
                    group by currency
                ),
                found as (
                    select scope_type, scope_value, currency, min(forecast_date) as first_day,
                           max(forecast_date) as last_day, count(distinct forecast_date) as days, count(*) as rows,
                           last_day(max(as_of)::date + interval 1 month) as last_wanted
                    from forecast_daily where is_future group by 1, 2, 3
                )
                select {NAME}, case
                    when first_day <> through + 1 then 'begins on ' || first_day || ', billed through ' || through
                    when last_day <> last_wanted then 'ends on ' || last_day || ', not on ' || last_wanted
                    else days || ' days in ' || rows || ' rows where ' || (last_day - first_day + 1) || ' should be' end
                from found inner join billed using (currency)
                where first_day <> through + 1 or last_day <> last_wanted or days <> last_day - first_day + 1
                      or rows <> days
                order by 1""",
        )
        checked = _series(tables)
    return verdict(
        faults, checked=checked, blocks=True,
        remedy="Totals of months would lack these days. Materialize forecasts again: the bill was read before it was "
        "complete, or by another run at the same time",
    )  # fmt: skip


@_check(DAILY, "every_series_is_forecast", "Every series that the bill has has a forecast.", blocks=False)
def every_series_is_forecast(workspace: Workspace) -> dg.AssetCheckResult:
    with tables_of(workspace) as tables:
        faults = faults_of(
            tables,
            f"""with live as (
                    select scope_type, scope_value, currency, max(usage_date) as last_day, count(*) as days
                    from warehouse.intermediate.int_signals__cost_history
                    where metric = 'effective_cost' and usage_date < (select max(as_of)::date from forecast_daily)
                    group by 1, 2, 3
                )
                select {NAME}, 'billed on ' || days || ' days, newest ' || last_day || ', and not forecast'
                from live
                where not exists (
                    select 1 from forecast_daily as made
                    where made.is_future and made.scope_type = live.scope_type
                          and made.scope_value = live.scope_value and made.currency = live.currency)
                order by 1""",
        )
        checked = _series(tables)
    return verdict(
        faults, checked=checked,
        remedy="Budgets of these go by the average of 28 days meanwhile. Materialize forecasts again",
    )  # fmt: skip


@_check(
    DAILY, "parts_add_up",
    "On every day ahead the parts of a whole (apps of a team, teams of a business unit, each level of the company) "
    "add up to it, to the last digit, wherever they do on the bill.", blocks=True,
)  # fmt: skip
def parts_add_up(workspace: Workspace) -> dg.AssetCheckResult:
    return _sums(
        workspace,
        """create temp view lines as
           select scope_type, scope_value, currency, forecast_date, 0 as line, expected_cost as cost
           from forecast_daily where is_future""",
    )


@_check(
    PATH, "parts_add_up_in_each_future",
    "In each drawn future the parts of a whole add up to it, to the last digit, on every day.", blocks=True,
)  # fmt: skip
def parts_add_up_in_each_future(workspace: Workspace) -> dg.AssetCheckResult:
    return _sums(
        workspace,
        """create temp view lines as
           select scope_type, scope_value, currency, forecast_date, path as line, cost from forecast_path""",
    )


def _sums(workspace: Workspace, lines: str, live: str = _BILLED, what: str = "days") -> dg.AssetCheckResult:
    parts = {"company_parts": list(models.PARTS_OF_COMPANY)}
    with tables_of(workspace) as tables:
        tables.execute(lines)
        sums = f"with live as ({live}), {_SUMS}"
        faults = faults_of(
            tables,
            sums
            + f"""select whole_type || ' ' || whole_value || ' (' || currency || ') by ' || part_type,
                        count(distinct forecast_date) || ' {what}, first ' || min(forecast_date) || ': '
                        || arg_min(whole_cost::double || ' and not ' || parts_cost::double, (forecast_date, line))
                 from wrong group by whole_type, whole_value, currency, part_type order by 1""",
            parts,
        )
        found = tables.execute(sums + "select count(*) from held", parts).fetchone()
    return verdict(
        faults, checked=0 if found is None else found[0], blocks=True,
        remedy="A report would show two amounts for one thing. Materialize forecasts again; if it stays so, report it",
    )  # fmt: skip


@_check(
    PATH, "futures_are_whole",
    f"Every series and day ahead of the forecast has {models.PATHS} futures, and no other has any.", blocks=True,
)  # fmt: skip
def futures_are_whole(workspace: Workspace) -> dg.AssetCheckResult:
    with tables_of(workspace) as tables:
        faults = faults_of(
            tables,
            f"""with drawn as (
                    select scope_type, scope_value, currency, forecast_date, count(*) as rows,
                           count(distinct path) as paths
                    from forecast_path group by 1, 2, 3, 4
                ),
                wanted as (
                    select scope_type, scope_value, currency, forecast_date from forecast_daily where is_future
                )
                select {NAME}, count(*) || ' days, first ' || min(forecast_date) || ': '
                       || arg_min(coalesce(paths, 0) || ' futures in ' || coalesce(rows, 0) || ' rows', forecast_date)
                from wanted full join drawn using (scope_type, scope_value, currency, forecast_date)
                where coalesce(paths, 0) <> {models.PATHS} or coalesce(rows, 0) <> {models.PATHS}
                      or not exists (
                          select 1 from wanted as one
                          where (one.scope_type, one.scope_value, one.currency, one.forecast_date)
                                = (scope_type, scope_value, currency, forecast_date))
                group by scope_type, scope_value, currency order by 1""",
        )
        checked = _series(tables)
    return verdict(
        faults, checked=checked, blocks=True,
        remedy="Chances of an overrun would be counted on too few futures. Materialize forecasts again",
    )  # fmt: skip


@_check(
    HOURLY, "hours_are_whole",
    "Every series' forecast by the hour has each hour from the one after the newest known through 48 hours ahead, "
    "once, and its bounds are ordered.", blocks=True,
)  # fmt: skip
def hours_are_whole(workspace: Workspace) -> dg.AssetCheckResult:
    unordered = " or ".join(
        f"not (lower_95_{measure} <= lower_{measure} and lower_{measure} <= expected_{measure} "
        f"and expected_{measure} <= upper_{measure} and upper_{measure} <= upper_95_{measure})"
        for measure in ("cost", "tokens", "requests")
    )
    with tables_of(workspace) as tables:
        faults = faults_of(
            tables,
            f"""with made as (
                    select *, max(as_of) over () as moment from forecast_hourly
                    qualify as_of = max(as_of) over ()
                ),
                newest as (
                    select currency, max(usage_hour) as hour from warehouse.intermediate.int_signals__hourly_usage
                    where usage_hour < (select date_trunc('hour', max(as_of)) from forecast_hourly)
                    group by currency
                ),
                found as (
                    select scope_type, scope_value, currency, min(usage_hour) as first_hour,
                           max(usage_hour) as last_hour, count(distinct usage_hour) as hours, count(*) as rows,
                           date_trunc('hour', max(moment)) + interval 47 hours as last_wanted,
                           count(*) filter ({unordered}) as unordered
                    from made group by 1, 2, 3
                )
                select {NAME}, case
                    when unordered > 0 then unordered || ' hours have bounds in the wrong order'
                    when first_hour <> hour + interval 1 hour
                        then 'begins at ' || first_hour || ', usage is known through ' || hour
                    when last_hour <> last_wanted then 'ends at ' || last_hour || ', not at ' || last_wanted
                    else hours || ' hours in ' || rows || ' rows' end
                from found inner join newest using (currency)
                where unordered > 0 or first_hour <> hour + interval 1 hour or last_hour <> last_wanted
                      or rows <> hours or hours <> date_diff('hour', first_hour, last_hour) + 1
                order by 1""",
        )
        checked = _hourly_series(tables)
    return verdict(
        faults, checked=checked, blocks=True,
        remedy="A chart of the next hours would have a hole. Run `aifinops refresh` again",
    )  # fmt: skip


@_check(
    HOURLY, "parts_add_up_by_the_hour",
    "In every hour ahead the cost expected of the parts of a whole adds up to its own, to the last digit, wherever it "
    "does in usage.", blocks=True,
)  # fmt: skip
def parts_add_up_by_the_hour(workspace: Workspace) -> dg.AssetCheckResult:
    return _sums(
        workspace,
        """create temp view lines as
           select scope_type, scope_value, currency, usage_hour as forecast_date, 0 as line, expected_cost as cost
           from forecast_hourly where as_of = (select max(as_of) from forecast_hourly)""",
        _PRICED,
        "hours",
    )


@_check(
    HOURLY, "hours_came_as_expected",
    f"Of the week's hours that are over, {SMALLEST_COVERAGE:.0%} or more lie inside the 95% interval that they were "
    "expected in: cost, over all series of a level.", blocks=False,
)  # fmt: skip
def hours_came_as_expected(workspace: Workspace) -> dg.AssetCheckResult:
    with tables_of(workspace) as tables:
        rows = tables.execute(
            """select scope_type, count(*), avg((coalesce(known.cost, 0) between lower_95_cost and upper_95_cost)::int)
               from forecast_hourly as expected
               left join warehouse.intermediate.int_signals__hourly_usage as known
                   using (usage_hour, scope_type, scope_value, currency)
               inner join (
                   select currency, max(usage_hour) as hour from warehouse.intermediate.int_signals__hourly_usage
                   group by currency
               ) as newest using (currency)
               where expected.usage_hour <= newest.hour
                     and expected.usage_hour < (select date_trunc('hour', max(as_of)) from forecast_hourly)
               group by 1 order by 1""",
        ).fetchall()
    judged = [row for row in rows if row[1] >= FEWEST_HOURS]
    faults = [
        Fault(kind, f"{share:.1%} of {count} hours") for kind, count, share in judged if share < SMALLEST_COVERAGE
    ]
    return verdict(
        faults, checked=sum(row[1] for row in rows),
        remedy="Usage is not what it was: look at `aifinops incidents list`, and believe the next hours less",
        **{f"coverage_{row[0]}": row[2] for row in judged},
    )  # fmt: skip


def _hourly_series(tables: Any) -> int:
    (found,) = tables.execute(
        "select count(*) from (select distinct scope_type, scope_value, currency from forecast_hourly)"
    ).fetchone()
    return int(found)


@_check(
    ACCURACY, "intervals_hold",
    f"Of the backtest's days, {COVERAGE_BAND[0]:.1%} to {COVERAGE_BAND[1]:.1%} lie inside the 95% intervals, over all "
    f"series, and {SMALLEST_COVERAGE:.0%} or more of each series'.", blocks=False,
)  # fmt: skip
def intervals_hold(workspace: Workspace) -> dg.AssetCheckResult:
    with tables_of(workspace) as tables:
        rows = tables.execute(
            f"""select {NAME}, interval_coverage_95, folds from forecast_accuracy
                where is_chosen and interval_coverage_95 is not null order by 2, 1"""
        ).fetchall()
    folds = sum(row[2] for row in rows)
    all_series = sum(coverage * count for _, coverage, count in rows) / folds if folds else None
    faults = []
    if all_series is not None and not COVERAGE_BAND[0] <= all_series <= COVERAGE_BAND[1]:
        faults.append(Fault("all series", f"{all_series:.1%} inside the 95% intervals"))
    faults += [Fault(name, f"{coverage:.1%}") for name, coverage, _ in rows if coverage < SMALLEST_COVERAGE]
    return verdict(
        faults, checked=len(rows), coverage=all_series,
        remedy="Believe the intervals of these less. A level that moved on a known day belongs into config/events.yml",
    )  # fmt: skip


@_check(
    ACCURACY, "no_worse_than_last_week",
    "In sum over the series of a currency, forecasts err no more in the backtest than repeating last week does.",
    blocks=False,
)  # fmt: skip
def no_worse_than_last_week(workspace: Workspace) -> dg.AssetCheckResult:
    with tables_of(workspace) as tables:
        rows = tables.execute(
            f"""with compared as (
                    select {NAME} as series, made.currency, made.mean_absolute_error * made.folds as own,
                           floor.mean_absolute_error * made.folds as floor
                    from forecast_accuracy as made
                    inner join (
                        select scope_type, scope_value, currency, mean_absolute_error from forecast_accuracy
                        where model_name = $floor
                    ) as floor using (scope_type, scope_value, currency)
                    where made.is_chosen and made.mean_absolute_error is not null
                          and floor.mean_absolute_error is not null
                )
                select currency, sum(own)::double, sum(floor)::double, count(*),
                       list(series order by own - floor desc) filter (where own > floor)
                from compared group by currency order by currency""",
            {"floor": models.FLOOR},
        ).fetchall()
    faults = [
        Fault(currency, f"{own / floor:.2f} times the error of repeating last week, most of all {worst[0]}")
        for currency, own, floor, _, worst in rows
        if own > floor
    ]
    return verdict(
        faults, checked=sum(row[3] for row in rows),
        remedy="Look at the named series: a change that nobody told of (config/events.yml) is the usual reason",
        **{f"error_ratio_{row[0]}": row[1] / row[2] for row in rows if row[2]},
    )  # fmt: skip


@_check(
    MADE, "nothing_made_was_changed",
    "Every forecast that was ever made is in the record as it was when the run before ended.", blocks=True,
)  # fmt: skip
def nothing_made_was_changed(
    context: dg.AssetCheckExecutionContext, workspace: Workspace
) -> dg.AssetCheckResult:  # fmt: skip
    stated = []
    for record in context.instance.fetch_materializations(MADE, limit=2).records:
        told = record.asset_materialization
        if told is not None and RECORD in told.metadata:
            stated.append(told.metadata[RECORD].value)
    now = forecast_record.by_moment(workspace.home.ml / "forecast_made.parquet")
    faults = []
    if stated:
        written = forecast_record.changed_since_written(stated[0], now)
        faults += [Fault(f"made in {month}", f"{how} since the run wrote them") for month, how in written.items()]
    if len(stated) > 1:
        by_run = forecast_record.changed_by_run(stated[1], stated[0])
        faults += [Fault(f"made in {month}", f"{how} after this run") for month, how in by_run.items()]
    return verdict(
        faults, checked=len(now), blocks=True,
        remedy="How good forecasts were would be told from other forecasts. Put ml/forecast_made.parquet of a backup "
        "back and run again; without one, run again: what is there now then counts as the record",
    )  # fmt: skip


def _series(tables: Any) -> int:
    (found,) = tables.execute(
        "select count(*) from (select distinct scope_type, scope_value, currency from forecast_daily where is_future)"
    ).fetchone()
    return int(found)


def forecast_checks() -> Sequence[dg.AssetChecksDefinition]:
    return [
        bounds_are_ordered, no_day_is_missing, every_series_is_forecast, parts_add_up, parts_add_up_in_each_future,
        futures_are_whole, hours_are_whole, parts_add_up_by_the_hour, hours_came_as_expected, intervals_hold,
        no_worse_than_last_week, nothing_made_was_changed,
    ]  # fmt: skip
