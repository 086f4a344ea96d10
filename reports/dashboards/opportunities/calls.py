"""Calls of models that could cost less: units nobody uses, missed caches, failures, dearer models, live calls.

Here: finders on provisioned throughput, prompts, judged answers and batch prices.
Not here: what models cost (``parts``).
"""

from __future__ import annotations

from decimal import Decimal

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.opportunities.model import Certainty, Opportunity
from reports.dashboards.opportunities.pace import days_of_months, monthly, used_days
from reports.frames import ZERO


def provisioned(ask: Ask) -> list[Opportunity]:
    rows = ask.rows(
        """select p.resource_id, sum(p.unit_hours) as hours, sum(p.used_unit_hours) as used,
                  sum(p.effective_cost) as cost,
                  sum(p.idle_cost) as idle, sum(p.pay_as_you_go_cost) as as_used,
                  count(*) filter (where p.pay_as_you_go_cost is null) as unknown_days
           from fct_provisioned_throughput_daily p
           where p.billing_currency = $currency and p.usage_date between $first and $last
           group by 1""",
    )
    owners = _owners(ask, "unused_units")
    found = []
    for row in rows:
        name = row["resource_id"].rsplit("/", 1)[-1]
        team = owners.get(name)
        group = ("units", row["resource_id"])
        if row["idle"]:
            found.append(
                Opportunity(
                    "unused_units",
                    name,
                    monthly(row["idle"], ask.view.period.days),
                    Certainty.BILLED,
                    group,
                    (
                        f"Of {f.whole(row['hours'])} unit-hours, {f.whole(row['used'] or ZERO)} served tokens; the "
                        f"rest was billed with {f.money(row['idle'], ask.currency)}.",
                    ),
                    team=team,
                )
            )
        if row["as_used"] is not None and not row["unknown_days"] and row["cost"] > row["as_used"]:
            found.append(
                Opportunity(
                    "pay_as_you_go",
                    name,
                    monthly(row["cost"] - row["as_used"], ask.view.period.days),
                    Certainty.ESTIMATED,
                    group,
                    (
                        f"{f.money(row['cost'], ask.currency)} was paid for units; by the token the same use comes to "
                        f"{f.money(row['as_used'], ask.currency)}.",
                        "Units also promise latency: keep as many as calls need that cannot wait.",
                    ),
                    team=team,
                )
            )
    return found


def _owners(ask: Ask, idle_kind: str) -> dict[str, str | None]:
    """Who bears the idle rows of a resource, by its name."""
    rows = ask.rows(
        """select resource_name, max_by(team, effective_cost) as team from fct_ai_cost_daily
           where idle_kind = $kind and billing_currency = $currency and usage_date between $first and $last
           group by 1""",
        kind=idle_kind,
    )
    return {row["resource_name"]: row["team"] for row in rows}


def prompts(ask: Ask) -> list[Opportunity]:
    days = used_days(ask)
    found = []
    for row in ask.rows(
        """select team, app, model, sum(missed_cache_cost) as missed, sum(missed_cache_cost_low) as low,
                  sum(missed_cache_cost_high) as high, bool_or(missed_basis = 'peers') as by_peers,
                  max(missed_peer_count) as peers, sum(failed_cost) as failed, sum(repeated_cost) as repeated,
                  sum(failed_request_count)::bigint as failed_calls,
                  sum(repeated_request_count)::bigint as repeated_calls
           from fct_prompt_economics_daily
           where currency = $currency and usage_date between $first and $last
           group by 1, 2, 3""",
        last=cells.usage_through(ask.view),
    ):
        what = " · ".join(name for name in (row["app"] or "no app", row["model"]) if name)
        if row["missed"]:
            known = (
                f"{f.count(row['peers'] or 0, 'other app')} with the same model read more from the cache"
                if row["by_peers"]
                else "measured call by call"
            )
            found.append(
                Opportunity(
                    "missed_cache",
                    what,
                    monthly(row["missed"], days),
                    Certainty.ESTIMATED,
                    _tokens(row["app"], row["model"]),
                    (f"{f.money(row['missed'], ask.currency)} of {ask.view.period.label}: {known}.",),
                    team=row["team"],
                    app=row["app"],
                    low=None if row["low"] is None else monthly(row["low"], days),
                    high=None if row["high"] is None else monthly(row["high"], days),
                )
            )
        # A repeated call that failed is in both, so the two are not added.
        wasted = max(row["failed"] or ZERO, row["repeated"] or ZERO)
        if wasted:
            found.append(
                Opportunity(
                    "failed_calls",
                    what,
                    monthly(wasted, days),
                    Certainty.ESTIMATED,
                    _tokens(row["app"], row["model"]),
                    (
                        f"{f.count(row['failed_calls'] or 0, 'call')} failed and used tokens for "
                        f"{f.money(row['failed'] or ZERO, ask.currency)}; "
                        f"{f.count(row['repeated_calls'] or 0, 'call')} repeat an earlier one for "
                        f"{f.money(row['repeated'] or ZERO, ask.currency)}. The larger counts.",
                    ),
                    team=row["team"],
                    app=row["app"],
                )
            )
    return found


def cheaper_models(ask: Ask) -> list[Opportunity]:
    days = days_of_months(ask)
    return [
        Opportunity(
            "cheaper_model",
            f"{row['app']} · {row['model']} → {row['cheaper']}",
            monthly(row["saves"], days),
            Certainty.ESTIMATED,
            _tokens(row["app"], row["model"]),
            (
                f"{f.compact(row['requests'])} requests for {f.money(row['cost'], ask.currency)}; judged answers of "
                f"{row['cheaper']} are no worse within the tolerance of config/units.yml.",
            ),
            team=row["team"],
            app=row["app"],
        )
        for row in ask.rows(
            """select m.app, m.model, any_value(a.team) as team, max_by(m.route_to_model, m.usage_month) as cheaper,
                      sum(m.request_count)::bigint as requests, sum(m.estimated_cost) as cost,
                      sum(m.routing_saves_cost) as saves
               from fct_model_tradeoff_monthly m left join dim_app a on a.app = m.app
               where m.currency = $currency and m.usage_month between $first and $last and m.route_to_model is not null
               group by 1, 2""",
            first=ask.first_month.start,
            last=ask.shown_month.start,
        )
        if row["saves"]
    ]


def batch(ask: Ask) -> list[Opportunity]:
    """Billed by a meter of live calls whose model has a batch price on the same invoices, in the same region."""
    rows = ask.rows(
        """with pairs as (
               select live.price_basis as meter, live.region_id, live.model, live.token_class,
                      any_value(live.price_per_1m_tokens) as live_price,
                      any_value(batch.price_per_1m_tokens) as batch_price
               from dim_price live
               join dim_price batch using (provider_name, model, token_class, region_id, currency)
               where live.service_tier = 'standard' and batch.service_tier = 'batch' and live.price_source = 'invoice'
                   and batch.price_source = 'invoice' and currency = $currency
                   and live.valid_from <= $last and (live.valid_to is null or live.valid_to > $last)
                   and batch.valid_from <= $last and (batch.valid_to is null or batch.valid_to > $last)
                   and live.price_per_1m_tokens > batch.price_per_1m_tokens
               group by all
           )
           select c.team, c.app, c.model, pairs.live_price, pairs.batch_price, sum(c.effective_cost) as cost
           from fct_ai_cost_daily c
           join pairs on pairs.meter = c.sku_meter and pairs.region_id = c.region_id and pairs.model = c.model
           where c.is_ai and c.billing_currency = $currency and c.usage_date between $first and $last
           group by all""",
    )
    sums: dict[tuple[str | None, str | None, str], tuple[Decimal, Decimal]] = {}
    for row in rows:
        key = (row["team"], row["app"], row["model"])
        cost, saved = sums.get(key, (ZERO, ZERO))
        sums[key] = (cost + row["cost"], saved + row["cost"] * (1 - row["batch_price"] / row["live_price"]))
    return [
        Opportunity(
            "batch",
            f"{app or 'no app'} · {model}",
            monthly(saved, ask.view.period.days),
            Certainty.POSSIBLE,
            _tokens(app, model),
            (
                f"{f.money(cost, ask.currency)} of live calls; by the invoice's batch prices "
                f"{f.money(saved, ask.currency)} less, if all of them could wait up to a day. Nobody measured how "
                "many can.",
            ),
            team=team,
            app=app,
        )
        for (team, app, model), (cost, saved) in sums.items()
    ]


def _tokens(app: str | None, model: str | None) -> tuple[str, ...]:
    return ("tokens", app or "", model or "")
