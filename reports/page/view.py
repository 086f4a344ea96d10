"""What the page shows: marts and summary in, charts and table rows out.

Here: windows, groupings, labels, the words for an empty chart.
Not here: HTML (``page.html``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd

from finops.periods import BillingPeriod
from finops.tokens import INPUT_CLASSES, TokenClass
from reports import formatting as f
from reports.figures import allocation, budget, forecast, frontier, gpu, incident, spend, theme, tokens, unit
from reports.frames import ZERO, between, sum_by, total
from reports.measures.budgets import BudgetLine, Projection
from reports.measures.coverage import UNOWNED
from reports.measures.gpu import GpuUse, daily_pools
from reports.measures.incidents import Incident
from reports.measures.missing import Missing
from reports.measures.spend import MonthSpend
from reports.measures.tokens import CLASS_WORDS
from reports.measures.units import GPU_HOUR_WORDS, GPU_HOURS, SMOOTHING_DAYS, TOKENS, smoothed
from reports.page.chart import Chart
from reports.page.forecast_view import fans, hours_chart, months_chart, outlook_of, quality_charts
from reports.summary import CurrencySummary, Summary

DAILY_WINDOW = 60
TREND_WINDOW = 90
MONTHS = 13
RANKED = 8
OUTCOME_CHARTS = 6

MODEL_WORDS = {"prophet": "Prophet", "seasonal_naive": "Seasonal naive", "mean": "Mean"}
YARDSTICKS = ("prophet", "seasonal_naive")
"""Candidates that the forecast is shown beside: two dozen dots a line say nothing."""
BACKTEST_LEVELS = ("company", "business_unit", "team")


@dataclass(frozen=True)
class CurrencyView:
    """Charts and sparklines of one currency; ``suffix`` makes anchors unique where there are several."""

    summary: CurrencySummary
    suffix: str
    charts: Mapping[str, Chart]
    outcome_charts: tuple[Chart, ...]
    fan_charts: tuple[Chart, ...]
    """Of budgets that may be overrun."""
    incident_charts: Mapping[str, Chart]
    """By incident id."""
    sparklines: Mapping[str | None, str]
    spend_sparkline: str


@dataclass(frozen=True)
class PageView:
    currencies: tuple[CurrencyView, ...]
    gpu_chart: Chart
    accuracy_chart: Chart

    @property
    def all_charts(self) -> list[Chart]:
        of_currencies = [
            chart
            for view in self.currencies
            for charts in (view.charts, view.incident_charts)
            for chart in charts.values()
        ]
        return [*of_currencies, self.gpu_chart, self.accuracy_chart]


def build_view(summary: Summary, marts: Mapping[str, pd.DataFrame]) -> PageView:
    """Everything the template needs beside the summary. ``marts`` are conformed (``reports.marts.as_marts``)."""
    return PageView(
        currencies=tuple(
            _currency(item, marts, summary, "" if i == 0 else f"-{item.currency.lower()}")
            for i, item in enumerate(summary.currencies)
        ),
        gpu_chart=_gpu(marts["fct_gpu_hourly"], summary),
        accuracy_chart=_accuracy(marts["fct_forecast_accuracy"]),
    )


def _currency(item: CurrencySummary, marts: Mapping[str, pd.DataFrame], summary: Summary, suffix: str) -> CurrencyView:
    cost = marts["fct_ai_cost_daily"]
    ai = cost[(cost["billing_currency"] == item.currency) & cost["is_ai"]]
    as_of = summary.as_of.date()
    through = item.billed_through or as_of
    ai = ai[ai["usage_date"] <= pd.Timestamp(through)]
    usage = marts["fct_usage_cost_hourly"]
    usage = usage[
        usage["is_attributable"]
        & ((usage["currency"] == item.currency) | usage["currency"].isna())
        & (usage["usage_hour"] <= pd.Timestamp(summary.as_of.replace(tzinfo=None)))
    ]
    forecasts = _in_currency(marts["fct_forecast_daily"], item.currency)
    economics = _in_currency(marts["fct_unit_economics_daily"], item.currency)
    outcomes = _outcomes(item, economics, as_of)
    outlooks = _in_currency(marts["fct_budget_outlook_daily"], item.currency)
    in_doubt = fans(item.budgets, outlooks, BillingPeriod.containing(through), item.currency)
    charts = [
        _daily(item, ai, usage, forecasts, through),
        _burn_up(item, ai, forecasts, outlooks, through),
        _categories(item, ai, through),
        _ranking("services", "By service", "service_name", item, ai, through),
        _ranking("models", "By model", "model", item, ai[ai["model"].notna()], through),
        _token_costs(item, economics, as_of),
        _gpu_hours(item, economics, as_of),
        *outcomes,
        *_token_charts(usage, as_of),
        _tradeoff(item, _in_currency(marts["fct_model_tradeoff_monthly"], item.currency)),
        _allocation(item, ai, through),
        hours_chart(_in_currency(marts["fct_usage_forecast_hourly"], item.currency), item.currency),
        months_chart(item.forecasts, item.currency),
        *quality_charts(item.forecasts),
        *in_doubt,
    ]
    recent = between(ai, "usage_date", through - timedelta(days=29), through)
    return CurrencyView(
        summary=item,
        suffix=suffix,
        charts={chart.key: _named(chart, suffix) for chart in charts},
        outcome_charts=tuple(_named(chart, suffix) for chart in outcomes),
        fan_charts=tuple(_named(chart, suffix) for chart in in_doubt),
        incident_charts={
            found.incident_id: _named(_incident(found), suffix) for found in item.incidents.open if found.days
        },
        sparklines={line.spend.team: _team_sparkline(recent, line.spend.team, through) for line in item.teams},
        spend_sparkline=sparkline(_daily_values(recent, through)),
    )


def _incident(found: Incident) -> Chart:
    first, last = found.first_seen.isoformat(), found.last_seen.isoformat()
    return Chart(
        key=f"incident-{found.incident_id}",
        title="",
        caption="Cost a day; shaded: the same weekdays before it began",
        label=f"Daily cost of {found.scope_name} around the incident of {f.day(found.first_seen)}",
        figure=incident.sparkline(found.days, first, last, found.currency),
        empty="",
    )


def _named(chart: Chart, suffix: str) -> Chart:
    return Chart(chart.key + suffix, chart.title, chart.caption, chart.label, chart.figure, chart.empty)


def _in_currency(frame: pd.DataFrame, currency: str) -> pd.DataFrame:
    return frame[frame["currency"] == currency]


# ── spend ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _team_labels(teams: Sequence[object], ranked: Sequence[str]) -> list[str]:
    """Team names for a chart: nobody's spend apart, teams beyond the palette together."""
    shown = set(ranked[: len(theme.SERIES)] if len(ranked) <= len(theme.SERIES) else ranked[: len(theme.SERIES) - 1])
    return [spend.NO_OWNER if not isinstance(team, str) else team if team in shown else theme.OTHERS for team in teams]


def _daily(
    item: CurrencySummary, ai: pd.DataFrame, usage: pd.DataFrame, forecasts: pd.DataFrame, through: date
) -> Chart:
    ranked = [line.spend.team for line in item.teams if line.spend.team is not None]
    billed = sum_by(
        between(ai, "usage_date", through - timedelta(days=DAILY_WINDOW - 1), through),
        ["usage_date", "team"],
        ["effective_cost"],
    )
    later = usage[usage["usage_hour"] >= pd.Timestamp(through) + pd.Timedelta(days=1)]
    later = later[later["estimated_cost"].notna()]
    estimated = sum_by(later.assign(day=later["usage_hour"].dt.normalize()), ["day", "team"], ["estimated_cost"])
    ranked = ranked or sorted({team for team in estimated["team"] if isinstance(team, str)})
    stacks = []
    for frame, day_column, cost_column in (
        (billed, "usage_date", "effective_cost"),
        (estimated, "day", "estimated_cost"),
    ):
        labelled = pd.DataFrame(
            {"day": frame[day_column], "team": _team_labels(list(frame["team"]), ranked), "cost": frame[cost_column]}
        )
        stacks.append(sum_by(labelled, ["day", "team"], ["cost"]))
    labels = list(dict.fromkeys(_team_labels([*ranked, None], ranked)))
    present = set(stacks[0]["team"]) | set(stacks[1]["team"])
    labels = [label for label in labels if label in present]
    expected = _future(forecasts, through, BillingPeriod.containing(through).last_day)
    words = "Solid: billed."
    if not estimated.empty:
        words += (
            " Hatched: model usage priced from the price book after the last billed day; other AI cost is not in it."
        )
    if not expected.empty:
        words += " Dotted: forecast of all AI spend to the end of the month, with its 80% interval."
    return Chart(
        "daily",
        "AI spend per day",
        words,
        f"Stacked bars of daily AI spend by team, the last {DAILY_WINDOW} days through {f.day(through)}, "
        "with estimate and forecast. The table below has the totals by team.",
        None if not present else spend.daily_by_team(stacks[0], stacks[1], expected, labels, item.currency),
        "No AI cost has been billed and no usage has arrived yet.",
    )


def _future(forecasts: pd.DataFrame, through: date, last: date) -> pd.DataFrame:
    rows = forecasts[(forecasts["scope_type"] == "company") & forecasts["is_future"]]
    rows = between(rows, "forecast_date", through + timedelta(days=1), last).sort_values("forecast_date")
    return pd.DataFrame(
        {
            "day": rows["forecast_date"],
            "expected": rows["expected_cost"],
            "lower": rows["lower_cost"],
            "upper": rows["upper_cost"],
        }
    )


def _burn_up(
    item: CurrencySummary, ai: pd.DataFrame, forecasts: pd.DataFrame, outlooks: pd.DataFrame, through: date
) -> Chart:
    drawn = None
    month = item.month
    name = f.month(through)
    line = item.budget if isinstance(item.budget, BudgetLine) else None
    if isinstance(month, MonthSpend):
        period = month.month
        spent = _cumulative(ai, period.start, through)
        projected = pd.DataFrame(columns=["day", "expected"]) if line is None else outlook_of(outlooks, line)
        if projected.empty:
            projected = _expected_to_date(_future(forecasts, through, period.last_day), month.ai_spend, through)
        before = period.previous()
        previous = (
            _cumulative(ai, before.start, before.last_day) if month.previous_month is not None else spent.iloc[:0]
        )
        shift = pd.Timestamp(period.start) - pd.Timestamp(before.start)
        previous = previous.assign(day=previous["day"] + shift)
        previous = previous[previous["day"] <= pd.Timestamp(period.last_day)]
        drawn = budget.burn_up(spent, projected, previous, None if line is None else line.amount, item.currency)
    caption = f"Cumulative AI spend of {name}"
    if line is not None:
        caption += f" against the company budget of {f.money(line.amount, item.currency)}"
    caption += "."
    if line is not None and line.chance_words:
        caption += f" {line.chance_words}"
    label = caption
    if isinstance(item.projection, Projection):
        label += f" Projected {f.money(item.projection.expected, item.currency)}."
    return Chart("burn-up", "Burn-up", caption, label, drawn, f"Nothing of {name} has been billed yet.")


def _expected_to_date(future: pd.DataFrame, so_far: Decimal, through: date) -> pd.DataFrame:
    """Expected spend to the end of each day; no interval, because daily bounds do not add up to one."""
    if future.empty:
        return pd.DataFrame(columns=["day", "expected"])
    running, values = so_far, [so_far]
    for amount in future["expected"]:
        running += amount
        values.append(running)
    return pd.DataFrame({"day": [pd.Timestamp(through), *future["day"]], "expected": pd.Series(values, dtype=object)})


def _cumulative(ai: pd.DataFrame, first: date, last: date) -> pd.DataFrame:
    daily = sum_by(between(ai, "usage_date", first, last), ["usage_date"], ["effective_cost"]).sort_values("usage_date")
    running, values = ZERO, []
    for amount in daily["effective_cost"]:
        running += amount
        values.append(running)
    return pd.DataFrame({"day": daily["usage_date"], "cost": pd.Series(values, index=daily.index, dtype=object)})


def _categories(item: CurrencySummary, ai: pd.DataFrame, through: date) -> Chart:
    period = BillingPeriod.containing(through)
    first = period
    for _ in range(MONTHS - 1):
        first = first.previous()
    rows = between(ai, "usage_date", first.start, through)
    labels = ["Other AI" if not isinstance(c, str) else f.humanise(c) for c in rows["ai_category"]]
    months = rows["usage_date"].dt.to_period("M").dt.to_timestamp()
    monthly = sum_by(rows.assign(category=labels, start=months), ["start", "category"], ["effective_cost"])
    monthly = monthly.sort_values("start")
    oldest = rows["usage_date"].min()
    names = []
    for start in monthly["start"]:
        name = start.strftime("%b %Y")
        if start.date() == period.start and through < period.last_day:
            name += f"<br>to {f.short_day(through)}"
        elif oldest.to_period("M") == start.to_period("M") and oldest.day > 1:
            name += f"<br>from {f.short_day(oldest)}"
        names.append(name)
    frame = pd.DataFrame({"month": names, "category": monthly["category"], "cost": monthly["effective_cost"]})
    sums = sum_by(frame, ["category"], ["cost"])
    order = [name for name, _ in sorted(sums.itertuples(index=False), key=lambda pair: (-pair[1], pair[0]))]
    return Chart(
        "categories",
        "By month and kind of spend",
        "Effective (amortised) cost of each month by AI category.",
        "Stacked bars of AI spend per month by category.",
        None if frame.empty else spend.monthly_by_category(frame, order, item.currency),
        "No AI cost has been billed yet.",
    )


def _ranking(key: str, title: str, column: str, item: CurrencySummary, ai: pd.DataFrame, through: date) -> Chart:
    period = BillingPeriod.containing(through)
    before = period.previous()
    # The same days only: comparing 18 days with a whole month would always look like a saving.
    last = (
        before.last_day
        if through >= period.last_day
        else min(before.start + timedelta(days=through.day - 1), before.last_day)
    )
    now = _sums(between(ai, "usage_date", period.start, through), column)
    then = _sums(between(ai, "usage_date", before.start, last), column)
    known = isinstance(item.month, MonthSpend) and item.month.previous_same_days is not None
    names = sorted(now, key=lambda name: (-now[name], name))
    shown = names[:RANKED]
    rows: list[tuple[str, Decimal, Decimal | None]] = [
        (name, now[name], then.get(name, ZERO) if known else None) for name in shown
    ]
    rest = names[RANKED:]
    if rest:
        rows.append(
            (
                f"{len(rest)} more",
                sum((now[name] for name in rest), ZERO),
                sum((then.get(name, ZERO) for name in rest), ZERO) if known else None,
            )
        )
    frame = pd.DataFrame(rows, columns=["label", "now", "before"])
    return Chart(
        key,
        title,
        f"{f.month(period.start)} through {f.short_day(through)}; the tick marks the same days of the month before.",
        f"AI spend {title.lower()}: " + ", ".join(f"{name} {f.money(now[name], item.currency)}" for name in shown[:5]),
        None if frame.empty else spend.ranked(frame, item.currency),
        "The bill names no model for this month's AI cost." if column == "model" else "No AI cost has been billed yet.",
    )


def _sums(rows: pd.DataFrame, column: str) -> dict[str, Decimal]:
    return {
        name if isinstance(name, str) else "Not named": amount
        for name, amount in sum_by(rows, [column], ["effective_cost"]).itertuples(index=False)
    }


def _daily_values(rows: pd.DataFrame, through: date) -> list[float]:
    sums = {
        day.date(): amount for day, amount in sum_by(rows, ["usage_date"], ["effective_cost"]).itertuples(index=False)
    }
    return [float(sums.get(through - timedelta(days=n), ZERO)) for n in range(29, -1, -1)]


def _team_sparkline(recent: pd.DataFrame, team: str | None, through: date) -> str:
    rows = recent[recent["team"].isna()] if team is None else recent[recent["team"] == team]
    return sparkline(_daily_values(rows, through))


def sparkline(values: Sequence[float], *, width: int = 100, height: int = 24) -> str:
    """Points of an SVG polyline; the scale starts at zero, so that a small ripple does not look like a storm."""
    top = max([*values, 0.0]) or 1.0
    step = width / max(len(values) - 1, 1)
    return " ".join(
        f"{i * step:.1f},{height - 1 - max(value, 0.0) / top * (height - 2):.1f}" for i, value in enumerate(values)
    )


# ── unit costs and tokens ─────────────────────────────────────────────────────────────────────────────────────────────


def _recent_economics(economics: pd.DataFrame, as_of: date) -> pd.DataFrame:
    return between(economics, "usage_date", as_of - timedelta(days=TREND_WINDOW - 1), as_of)


def _token_costs(item: CurrencySummary, economics: pd.DataFrame, as_of: date) -> Chart:
    costs = item.model_costs[: len(theme.SERIES)]
    rows = _recent_economics(economics, as_of)
    rows = rows[(rows["unit"] == TOKENS) & (rows["scope_type"] == "model")]
    basis = {line.scope_value: line.cost_basis for line in costs}
    rows = rows[rows["cost_basis"] == rows["scope_value"].map(basis)]
    names = [line.scope_value for line in costs]
    trend = smoothed(rows, "scope_value")
    return Chart(
        "token-costs",
        "Cost per 1M tokens by model",
        f"All token classes together, {SMOOTHING_DAYS}-day average.",
        "Lines of cost per 1M tokens: "
        + ", ".join(f"{line.scope_value} {f.unit_money(line.unit_cost, item.currency)}" for line in costs),
        None if trend.empty else unit.lines(trend, names, item.currency),
        "No model's tokens have been matched with cost yet.",
    )


def _gpu_hours(item: CurrencySummary, economics: pd.DataFrame, as_of: date) -> Chart:
    rows = _recent_economics(economics, as_of)
    rows = rows[rows["unit"].isin(GPU_HOURS) & (rows["scope_type"] == "company")]
    basis = {line.unit: line.cost_basis for line in item.gpu_hour_costs.values()}
    rows = rows[rows["cost_basis"] == rows["unit"].map(basis)]
    rows = rows.assign(series=rows["unit"].map(GPU_HOUR_WORDS))
    trend = smoothed(rows, "series")
    names = [words for words in GPU_HOUR_WORDS.values() if words in set(trend["series"])]
    return Chart(
        "gpu-hours",
        "Cost per GPU-hour",
        f"The same cost over hours paid for, hours held by a pod, hours at work; {SMOOTHING_DAYS}-day average.",
        "Lines of cost per GPU-hour: "
        + ", ".join(
            f"{GPU_HOUR_WORDS[name]} {f.unit_money(line.unit_cost, item.currency)}"
            for name, line in item.gpu_hour_costs.items()
        ),
        None if trend.empty else unit.lines(trend, names, item.currency),
        "No GPU cost has been matched with GPU hours yet.",
    )


def _outcomes(item: CurrencySummary, economics: pd.DataFrame, as_of: date) -> list[Chart]:
    """One small chart per outcome: they cost cents or hundreds, so each has its own scale."""
    chosen = item.outcomes[:OUTCOME_CHARTS]
    rows = _recent_economics(economics, as_of)
    charts = []
    for i, line in enumerate(chosen, start=1):
        part = rows[
            (rows["unit"] == line.unit)
            & (rows["scope_type"] == line.scope_type)
            & (rows["scope_value"] == line.scope_value)
            & (rows["cost_basis"] == line.cost_basis)
        ]
        trend = smoothed(part, "unit")
        name = f.humanise(line.unit)
        charts.append(
            Chart(
                f"outcome-{i}",
                name,
                "Company" if line.scope_type == "company" else line.scope_value,
                f"Line of the cost of one {name.lower()}, now {f.unit_money(line.unit_cost, item.currency)}.",
                None if trend.empty else unit.single(trend, item.currency),
                "Too few days to draw.",
            )
        )
    return charts


def _token_charts(usage: pd.DataFrame, as_of: date) -> tuple[Chart, Chart]:
    """Two charts that stand side by side and so are equally high."""
    hits = _cache_hits(usage, as_of)
    return _token_mix(usage, as_of, 320 if hits.figure is None else max(hits.figure.layout.height, 280)), hits


def _tradeoff(item: CurrencySummary, variants: pd.DataFrame) -> Chart:
    """The newest month's models of the apps that have several, with what the others would have saved."""
    rows = variants[(variants["usage_month"] == variants["usage_month"].max()) & variants["cost_per_request"].notna()]
    rows = rows[rows.groupby("app")["model"].transform("size") > 1]
    shown = pd.DataFrame(
        {
            "app": rows["app"],
            "model": rows["model"],
            "cost": [float(cost) * 1000 for cost in rows["cost_per_request"]],
            "quality": rows["quality_score"].astype("float64"),
            "low": rows["quality_low"].astype("float64"),
            "high": rows["quality_high"].astype("float64"),
            "is_on_frontier": rows["is_on_frontier"],
        }
    )
    saved = total(rows["routing_saves_cost"])
    month = "" if rows.empty else f", {f.month(rows['usage_month'].max())}"
    return Chart(
        "tradeoff",
        "Cost against quality",
        f"Models of each app{month}; filled where no other one is as good on cost, speed and quality. "
        f"Cheaper ones that are no worse would have saved {f.money(saved, item.currency)}.",
        "Points of what 1,000 requests cost and how good the answers were judged: "
        + ", ".join(
            f"{row.app} with {row.model} {item.currency} {row.cost:,.2f} and {row.quality:.0%}"
            for row in shown.itertuples()
        ),
        None if shown.empty else frontier.scatter(shown, sorted(set(shown["app"])), item.currency),
        "No app has answers of several models that somebody judged; deliver outcomes with model and quality_score.",
    )


def _token_mix(usage: pd.DataFrame, as_of: date, height: int) -> Chart:
    rows = usage[usage["usage_hour"] >= pd.Timestamp(as_of) - pd.Timedelta(days=DAILY_WINDOW)]
    rows = rows.assign(day=rows["usage_hour"].dt.normalize())
    daily = rows.groupby(["day", "token_class"], as_index=False)["tokens"].sum()
    labels = {token_class.value: words for token_class, words in CLASS_WORDS.items()}
    daily = daily.assign(token_class=[labels.get(name, f.humanise(name)) for name in daily["token_class"]])
    present = [words for words in labels.values() if words in set(daily["token_class"])]
    present += sorted(set(daily["token_class"]) - set(present))
    return Chart(
        "token-mix",
        "Tokens per day",
        "Every token once, in the class it is priced in.",
        f"Stacked bars of tokens per day by class, {DAILY_WINDOW} days.",
        None if daily.empty else tokens.mix(daily, present, height=height),
        "No model usage has arrived; connect gateway spans, usage files or Azure Monitor.",
    )


def _cache_hits(usage: pd.DataFrame, as_of: date) -> Chart:
    rows = usage[
        (usage["usage_hour"] >= pd.Timestamp(as_of) - pd.Timedelta(days=30))
        & usage["token_class"].isin([name.value for name in INPUT_CLASSES])
    ]
    rows = rows.assign(
        app=rows["app"].fillna("Not named"),
        hits=rows["tokens"].where(rows["token_class"] == TokenClass.CACHE_READ.value, 0),
    )
    apps = rows.groupby("app", as_index=False)[["tokens", "hits"]].sum()
    apps = apps[apps["tokens"] > 0].sort_values(["tokens", "app"], ascending=[False, True]).head(12)
    frame = pd.DataFrame(
        {
            "app": apps["app"],
            "ratio": (apps["hits"] / apps["tokens"]).astype("float64"),
            "millions": apps["tokens"].astype("float64") / 1e6,
        }
    )
    return Chart(
        "cache-hits",
        "Prompt-cache hit rate by app",
        "Share of input tokens read from the provider's cache, 30 days; most input first. Embeddings cannot be cached.",
        "Bars of the share of input tokens from the cache: "
        + ", ".join(f"{row.app} {row.ratio:.0%}" for row in frame.itertuples()),
        None if frame.empty else tokens.cache_hits(frame),
        "No input tokens have been counted in the last 30 days.",
    )


# ── allocation, GPUs, forecast accuracy ───────────────────────────────────────────────────────────────────────────────


def _allocation(item: CurrencySummary, ai: pd.DataFrame, through: date) -> Chart:
    period = BillingPeriod.containing(through)
    rows = between(ai, "usage_date", period.start, through)
    methods = ["unowned" if method in UNOWNED else method for method in rows["attribution_method"]]
    teams = [team if isinstance(team, str) else spend.NO_OWNER for team in rows["team"]]
    sums = sum_by(rows.assign(method=methods, label=teams), ["label", "method"], ["effective_cost"])
    by_team: dict[str, dict[str, Decimal]] = {}
    for label, method, amount in sums.itertuples(index=False):
        by_team.setdefault(label, {})[method] = amount
    ranked = sorted(by_team.items(), key=lambda pair: (pair[0] == spend.NO_OWNER, -sum(pair[1].values()), pair[0]))
    frame = pd.DataFrame(
        [
            {"team": label, **{column: parts.get(column, ZERO) for column, _, _ in allocation.METHODS}}
            for label, parts in ranked
        ],
        columns=["team", "direct", "allocated", "unowned"],
    )
    return Chart(
        "allocation-methods",
        "How spend found its owner",
        f"AI spend of {f.month(period.start)} through {f.short_day(through)} by team and by how it was attributed.",
        "Stacked bars of AI spend by team, split into tagged or named, split from shared pools, and nobody's.",
        None if frame.empty else allocation.by_team(frame, item.currency),
        "Nothing has been allocated yet.",
    )


def _gpu(gpus: pd.DataFrame, summary: Summary) -> Chart:
    use = summary.gpu
    drawn = None
    label = ""
    if isinstance(use, GpuUse):
        daily = daily_pools(between(gpus, "usage_hour", use.last_day - timedelta(days=DAILY_WINDOW - 1), use.last_day))
        waiting = (daily["allocated_hours"] - daily["busy_hours"]).clip(lower=0)
        drawn = gpu.pools(daily.assign(waiting_hours=waiting), [pool.pool for pool in use.pools])
        label = "Stacked bars of GPU hours per day and pool: " + ", ".join(
            f"{pool.pool} {f.percent(pool.duty_cycle)} busy, {f.percent(pool.idle_share)} idle" for pool in use.pools
        )
    return Chart(
        "gpu-pools",
        "GPU hours per day and pool",
        "Busy: duty cycle of the GPU. Allocated: a pod holds it. Idle: none does. Three different things.",
        label,
        drawn,
        use.reason if isinstance(use, Missing) else "",
    )


def shown_candidates(frame: pd.DataFrame) -> pd.DataFrame:
    """Backtests of company, business units and teams that a reader can compare: the blend and its yardsticks."""
    rows = frame[
        frame["scope_type"].isin(BACKTEST_LEVELS) & (frame["is_chosen"] | frame["model_name"].isin(YARDSTICKS))
    ]
    order = rows["scope_type"].map(BACKTEST_LEVELS.index)
    return rows.assign(order=order).sort_values(["order", "scope_value"], kind="stable").drop(columns="order")


def _accuracy(frame: pd.DataFrame) -> Chart:
    rows = shown_candidates(frame)
    rows = rows[rows["mean_absolute_scaled_error"].notna()]
    errors = pd.DataFrame(
        {
            "scope": [
                "Company" if kind == "company" else f"{value} ({kind.replace('_', ' ')})" if kind != "team" else value
                for kind, value in zip(rows["scope_type"], rows["scope_value"], strict=True)
            ],
            "model": [MODEL_WORDS.get(name, f.humanise(name)) for name in rows["model_name"]],
            "error": rows["mean_absolute_scaled_error"].to_numpy(),
        }
    )
    errors = errors.groupby(["scope", "model"], as_index=False, sort=False)[["error"]].mean()
    models = list(dict.fromkeys(errors["model"]))
    return Chart(
        "accuracy",
        "Backtest: the blend against its yardsticks",
        "Mean absolute scaled error, folds averaged; left is better, 1 is as good as repeating the last week. "
        "The blend of all candidates is the one used.",
        "Dots of forecast error by scope and model; the table beside it has the numbers.",
        None if errors.empty else forecast.accuracy(errors, models),
        "No backtest has run yet; it needs a few weeks of billed days.",
    )
