"""Money that need not be spent, as the marts know it: found, brought to a month, and never counted twice.

Here: one finder per kind, what each is known from, which of two about the same tokens or machines counts.
Not here: how they are shown (``pages.savings``), carrying them out.

Amounts are of 30 days at the pace of the period. Two opportunities of the same ``group`` are about the same tokens or
machines: using one takes away from the other, so only the larger counts in totals. What is only *possible* (nobody
measured that it can be done) counts in none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from finops.periods import BillingPeriod
from reports import formatting as f
from reports.dashboards import cells as c
from reports.dashboards.ask import Ask
from reports.dashboards.view import View
from reports.frames import ZERO
from reports.measures.coverage import UNOWNED
from reports.measures.gpu import IDLE_GPU_KINDS, pool_of_charge

MONTH_DAYS = 30
STALE_DAYS = 14
SMALLEST = Decimal(1)
"""Less than one unit of money a month is no opportunity."""
SPOT_SAVES = (Decimal("0.5"), Decimal("0.9"))
"""What spot machines save of on-demand ones, by the field's rule of thumb; nobody measured it here."""
WELL_USED = Decimal("0.6")
"""Lower end of the usual band of GPU use, where units.yml names no other."""


class Certainty(StrEnum):
    BILLED = "Measured on the bill"
    ESTIMATED = "Estimated"
    POSSIBLE = "Possible"
    """Has to be tried first; in no total."""


@dataclass(frozen=True)
class Kind:
    """``effort`` is a word: minutes, hours, days, a project."""

    label: str
    effort: str
    act: str


KINDS: Mapping[str, Kind] = {
    "idle_gpus": Kind(
        "Idle GPU machines", "hours", "Let the pool scale in when nobody holds a GPU; docs/allocation.md, Idle"
    ),
    "fragmented_gpus": Kind(
        "Scattered GPUs", "days", "Pack pods closer, or use smaller machines; docs/allocation.md, Idle"
    ),
    "held_unused_gpus": Kind("GPUs held without work", "days", "Share them or use slices; aifinops service-levels"),
    "oversized_gpus": Kind("Oversized GPUs", "days", "Share GPUs, use slices or smaller ones; aifinops service-levels"),
    "unused_units": Kind("Idle provisioned throughput", "hours", "Give units back, or send more calls to them"),
    "pay_as_you_go": Kind(
        "Provisioned throughput below break-even",
        "hours",
        "Pay by the token until the traffic is there; keep units for latency",
    ),
    "missed_cache": Kind(
        "Missed prompt cache", "hours", "Put what repeats first in the prompt; aifinops units --missed"
    ),
    "cheaper_model": Kind("Cheaper model of equal quality", "days", "Route these calls; aifinops frontier"),
    "failed_calls": Kind("Failed and repeated calls", "hours", "Retry less, with a pause; aifinops service-levels"),
    "batch": Kind("Batch in place of live calls", "days", "Send what can wait a day as a batch"),
    "spot": Kind("Spot machines for training", "days", "Checkpoint, then train on spot machines"),
    "failed_runs": Kind("Failed training runs", "days", "Try small first, keep checkpoints"),
    "repeated_work": Kind(
        "Work repeated after interruptions", "hours", "Checkpoint more often; gpu.checkpoint_minutes"
    ),
    "unused_commitment": Kind("Unused commitments", "minutes", "Exchange or shrink them at the next renewal"),
    "stale_resource": Kind("Resources without use", "minutes", "Delete what nobody has called in 14 days"),
    "unowned": Kind("Spend that nobody owns", "minutes", "Give it an owner: aifinops tags gaps prints the line"),
}


@dataclass(frozen=True)
class Opportunity:
    """``monthly`` with the range ``low`` to ``high`` where it is not one number. ``why``: sentences on how it is known.

    ``group`` says what it is about; ``counts`` and ``overlaps`` are set by ``counted``: 0 where another of the group is
    larger, and why.
    """

    kind: str
    what: str
    monthly: Decimal
    certainty: Certainty
    group: tuple[str, ...]
    why: tuple[str, ...]
    team: str | None = None
    app: str | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    counts: Decimal = ZERO
    overlaps: str = ""

    @property
    def label(self) -> str:
        return KINDS[self.kind].label

    @property
    def words(self) -> str:
        """The label within a sentence."""
        return self.label if self.label.startswith("GPU") else self.label[:1].lower() + self.label[1:]


def opportunities(view: View) -> list[Opportunity]:
    """All of the period, the most money first; those of ``view.scope`` alone where it names a team."""
    found = [one for find in _FINDERS for one in find(view) if one.monthly >= SMALLEST]
    if view.scope is not None:
        found = [one for one in found if one.team == view.scope]
    return counted(found)


def counted(found: Iterable[Opportunity]) -> list[Opportunity]:
    """With what each adds to totals: all of it, or nothing where a larger one is about the same tokens or machines."""
    ordered = sorted(found, key=lambda one: (-one.monthly, one.kind, one.what))
    largest: dict[tuple[str, ...], Opportunity] = {}
    told = []
    for one in ordered:
        if one.certainty == Certainty.POSSIBLE:
            told.append(replace(one, overlaps=one.overlaps or "not counted: try it first"))
        elif one.group in largest:
            told.append(replace(one, overlaps=f"overlaps with: {largest[one.group].words}"))
        else:
            largest[one.group] = one
            told.append(replace(one, counts=one.monthly))
    return told


def _month(amount: Decimal, days: int) -> Decimal:
    return amount * MONTH_DAYS / max(days, 1)


def _billed(view: View) -> dict[str, Any]:
    return {"currency": view.currency, "first": view.period.first, "last": view.period.last}


def _used(view: View) -> dict[str, Any]:
    return {"currency": view.currency, "first": view.period.first, "last": c.usage_through(view)}


def _used_days(view: View) -> int:
    return (c.usage_through(view) - view.period.first).days + 1


def _tokens(app: str | None, model: str | None) -> tuple[str, ...]:
    return ("tokens", app or "", model or "")


def _idle_gpus(view: View) -> list[Opportunity]:
    kinds = {"free": "idle_gpus", "fragmented": "fragmented_gpus", "held_unused": "held_unused_gpus"}
    sums: dict[tuple[str, str, str | None], Decimal] = {}
    for row in Ask(view).rows(
        """select idle_kind, resource_name, team, sum(effective_cost) as cost from fct_ai_cost_daily
           where is_ai and idle_kind in (select unnest($kinds)) and billing_currency = $currency
               and usage_date between $first and $last
           group by all""",
        kinds=list(IDLE_GPU_KINDS),
        **_billed(view),
    ):
        key = (row["idle_kind"], pool_of_charge(row["resource_name"]), row["team"])
        sums[key] = sums.get(key, ZERO) + row["cost"]
    return [
        Opportunity(
            kinds[idle_kind],
            pool,
            _month(cost, view.period.days),
            Certainty.BILLED,
            ("gpu", pool, idle_kind),
            (
                f"{f.money(cost, view.currency)} of {view.period.label} was billed for this; the page "
                "on GPUs has the hours.",
            ),
            team=team,
        )
        for (idle_kind, pool, team), cost in sums.items()
    ]


def _oversized_gpus(view: View) -> list[Opportunity]:
    """Apps that keep what they hold busy for less than the band asks: fewer GPUs would do the same work."""
    band = Ask(view).rows(
        "select max_by(utilization_at_least, usage_date) as low from fct_gpu_utilization_daily where "
        "usage_date <= $last",
    )
    low = (band[0]["low"] if band else None) or WELL_USED
    rows = Ask(view).rows(
        """select u.scope_value as app, any_value(a.team) as team,
                  sum(u.cost) filter (where u.unit = 'gpu_hour_allocated') as cost,
                  sum(u.quantity) filter (where u.unit = 'gpu_hour_allocated') as held,
                  sum(u.quantity) filter (where u.unit = 'gpu_hour_busy') as busy
           from fct_unit_economics_daily u left join dim_app a on a.app = u.scope_value
           where u.unit in ('gpu_hour_allocated', 'gpu_hour_busy') and u.scope_type = 'app' and u.cost_basis = 'billed'
               and u.currency = $currency and u.usage_date between $first and $last
           group by 1""",
        **_billed(view),
    )
    found = []
    for row in rows:
        if not row["held"] or row["busy"] is None or not row["cost"]:
            continue
        ratio = row["busy"] / row["held"]
        if ratio >= low:
            continue
        saved = _month(row["cost"] * (1 - ratio / low), view.period.days)
        found.append(
            Opportunity(
                "oversized_gpus",
                row["app"],
                saved,
                Certainty.POSSIBLE,
                ("gpu-held", row["app"]),
                (
                    f"It kept its GPUs busy {f.percent(ratio)} of {f.whole(row['held'])} held hours, which cost "
                    f"{f.money(row['cost'], view.currency)}; at {f.percent(low)} the same work takes fewer hours.",
                ),
                team=row["team"],
                app=row["app"],
            )
        )
    return found


def _provisioned(view: View) -> list[Opportunity]:
    rows = Ask(view).rows(
        """select p.resource_id, sum(p.unit_hours) as hours, sum(p.used_unit_hours) as used,
                  sum(p.effective_cost) as cost,
                  sum(p.idle_cost) as idle, sum(p.pay_as_you_go_cost) as as_used,
                  count(*) filter (where p.pay_as_you_go_cost is null) as unknown_days
           from fct_provisioned_throughput_daily p
           where p.billing_currency = $currency and p.usage_date between $first and $last
           group by 1""",
        **_billed(view),
    )
    owners = _owners(view, "unused_units")
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
                    _month(row["idle"], view.period.days),
                    Certainty.BILLED,
                    group,
                    (
                        f"Of {f.whole(row['hours'])} unit-hours, {f.whole(row['used'] or ZERO)} "
                        "served tokens; the rest was "
                        f"billed with {f.money(row['idle'], view.currency)}.",
                    ),
                    team=team,
                )
            )
        if row["as_used"] is not None and not row["unknown_days"] and row["cost"] > row["as_used"]:
            found.append(
                Opportunity(
                    "pay_as_you_go",
                    name,
                    _month(row["cost"] - row["as_used"], view.period.days),
                    Certainty.ESTIMATED,
                    group,
                    (
                        f"{f.money(row['cost'], view.currency)} was paid for units; by the token the same use comes to "
                        f"{f.money(row['as_used'], view.currency)}.",
                        "Units also promise latency: keep as many as calls need that cannot wait.",
                    ),
                    team=team,
                )
            )
    return found


def _owners(view: View, idle_kind: str) -> dict[str, str | None]:
    """Who bears the idle rows of a resource, by its name."""
    rows = Ask(view).rows(
        """select resource_name, max_by(team, effective_cost) as team from fct_ai_cost_daily
           where idle_kind = $kind and billing_currency = $currency and usage_date between $first and $last
           group by 1""",
        kind=idle_kind,
        **_billed(view),
    )
    return {row["resource_name"]: row["team"] for row in rows}


def _prompts(view: View) -> list[Opportunity]:
    days = _used_days(view)
    found = []
    for row in Ask(view).rows(
        """select team, app, model, sum(missed_cache_cost) as missed, sum(missed_cache_cost_low) as low,
                  sum(missed_cache_cost_high) as high, bool_or(missed_basis = 'peers') as by_peers,
                  max(missed_peer_count) as peers, sum(failed_cost) as failed, sum(repeated_cost) as repeated,
                  sum(failed_request_count)::bigint as failed_calls,
                  sum(repeated_request_count)::bigint as repeated_calls
           from fct_prompt_economics_daily
           where currency = $currency and usage_date between $first and $last
           group by 1, 2, 3""",
        **_used(view),
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
                    _month(row["missed"], days),
                    Certainty.ESTIMATED,
                    _tokens(row["app"], row["model"]),
                    (f"{f.money(row['missed'], view.currency)} of {view.period.label}: {known}.",),
                    team=row["team"],
                    app=row["app"],
                    low=None if row["low"] is None else _month(row["low"], days),
                    high=None if row["high"] is None else _month(row["high"], days),
                )
            )
        # A repeated call that failed is in both, so the two are not added.
        wasted = max(row["failed"] or ZERO, row["repeated"] or ZERO)
        if wasted:
            found.append(
                Opportunity(
                    "failed_calls",
                    what,
                    _month(wasted, days),
                    Certainty.ESTIMATED,
                    _tokens(row["app"], row["model"]),
                    (
                        f"{f.count(row['failed_calls'] or 0, 'call')} failed and used tokens for "
                        f"{f.money(row['failed'] or ZERO, view.currency)}; "
                        f"{f.count(row['repeated_calls'] or 0, 'call')} "
                        "repeat an earlier one for "
                        f"{f.money(row['repeated'] or ZERO, view.currency)}. The larger counts.",
                    ),
                    team=row["team"],
                    app=row["app"],
                )
            )
    return found


def _cheaper_models(view: View) -> list[Opportunity]:
    first, last = BillingPeriod.containing(view.period.first), BillingPeriod.containing(view.period.last)
    days = (min(last.last_day, c.usage_through(view)) - first.start).days + 1
    return [
        Opportunity(
            "cheaper_model",
            f"{row['app']} · {row['model']} → {row['cheaper']}",
            _month(row["saves"], days),
            Certainty.ESTIMATED,
            _tokens(row["app"], row["model"]),
            (
                f"{f.compact(row['requests'])} requests for {f.money(row['cost'], view.currency)}; judged answers of "
                f"{row['cheaper']} are no worse within the tolerance of config/units.yml.",
            ),
            team=row["team"],
            app=row["app"],
        )
        for row in Ask(view).rows(
            """select m.app, m.model, any_value(a.team) as team, max_by(m.route_to_model, m.usage_month) as cheaper,
                      sum(m.request_count)::bigint as requests, sum(m.estimated_cost) as cost,
                      sum(m.routing_saves_cost) as saves
               from fct_model_tradeoff_monthly m left join dim_app a on a.app = m.app
               where m.currency = $currency and m.usage_month between $first and $last and m.route_to_model is not null
               group by 1, 2""",
            first=first.start,
            last=last.start,
        )
        if row["saves"]
    ]


def _batch(view: View) -> list[Opportunity]:
    """Billed by a meter of live calls whose model has a batch price on the same invoices, in the same region."""
    rows = Ask(view).rows(
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
        **_billed(view),
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
            _month(saved, view.period.days),
            Certainty.POSSIBLE,
            _tokens(app, model),
            (
                f"{f.money(cost, view.currency)} of live calls; by the invoice's batch prices "
                f"{f.money(saved, view.currency)} "
                "less, if all of them could wait up to a day. Nobody measured how many can.",
            ),
            team=team,
            app=app,
        )
        for (team, app, model), (cost, saved) in sums.items()
    ]


def _months_of_training(view: View) -> tuple[dict[str, Any], int]:
    first, last = BillingPeriod.containing(view.period.first), BillingPeriod.containing(view.period.last)
    days = (min(last.last_day, c.usage_through(view)) - first.start).days + 1
    return {"currency": view.currency, "first": first.start, "last": last.start}, days


def _failed_runs(view: View) -> list[Opportunity]:
    values, days = _months_of_training(view)
    return [
        Opportunity(
            "failed_runs",
            row["name"],
            _month(row["cost"], days),
            Certainty.ESTIMATED,
            ("training", row["name"]),
            (f"{f.count(row['runs'], 'run')} failed after GPU time worth {f.money(row['cost'], view.currency)}.",),
            team=row["team"],
            app=row["app"],
        )
        for row in Ask(view).rows(
            """select team, app, coalesce(app, project, experiment, 'not named') as name,
                      sum(failed_run_count)::bigint as runs, sum(failed_estimated_cost) as cost
               from fct_training_cost_monthly where currency = $currency and month_start between $first and $last
               group by 1, 2, 3""",
            **values,
        )
        if row["cost"]
    ]


def _spot(view: View) -> list[Opportunity]:
    """Training on GPUs whose machines are on demand, as the cluster tells it."""
    values, days = _months_of_training(view)
    found = []
    for row in Ask(view).rows(
        """with on_demand as (
               select distinct g.gpu_model
               from (select distinct node, gpu_model from fct_gpu_hourly) g
               join (select node, bool_or(is_spot) as is_spot from fct_cluster_node_daily group by 1) n using (node)
               where not n.is_spot
           )
           select team, app, coalesce(app, project, experiment, 'not named') as name, sum(estimated_cost) as cost
           from fct_training_cost_monthly
           where currency = $currency and month_start between $first and $last
               and gpu_model in (select gpu_model from on_demand)
           group by 1, 2, 3""",
        **values,
    ):
        if not row["cost"]:
            continue
        low, high = (_month(row["cost"] * part, days) for part in SPOT_SAVES)
        found.append(
            Opportunity(
                "spot",
                row["name"],
                low,
                Certainty.POSSIBLE,
                ("training", row["name"]),
                (
                    f"{f.money(row['cost'], view.currency)} of training on machines on demand "
                    "(estimated). Spot machines "
                    f"usually save {f.percent(SPOT_SAVES[0])} to {f.percent(SPOT_SAVES[1])}, less the "
                    "work that evictions "
                    "repeat; the lower end is told.",
                ),
                team=row["team"],
                app=row["app"],
                low=low,
                high=high,
            )
        )
    return found


def _repeated_work(view: View) -> list[Opportunity]:
    return [
        Opportunity(
            "repeated_work",
            row["name"],
            _month(row["cost"], _used_days(view)),
            Certainty.ESTIMATED,
            ("training", row["name"]),
            (
                f"{f.whole(row['events'])} evictions and restarts repeated GPU time worth "
                f"{f.money(row['cost'], view.currency)} at most.",
            ),
            team=row["team"],
            app=row["app"],
        )
        for row in Ask(view).rows(
            """select team, app, coalesce(app, namespace, 'not named') as name, sum(event_count) as events,
                      sum(estimated_repeated_cost) as cost
               from fct_interruption_daily where currency = $currency and event_date between $first and $last
               group by 1, 2, 3""",
            **_used(view),
        )
        if row["cost"]
    ]


def _unused_commitments(view: View) -> list[Opportunity]:
    return [
        Opportunity(
            "unused_commitment",
            row["service_name"] or "commitments",
            _month(row["cost"], view.period.days),
            Certainty.BILLED,
            ("commitment", row["service_name"] or "", row["team"] or ""),
            (f"{f.money(row['cost'], view.currency)} of reservations and savings plans covered nothing.",),
            team=row["team"],
        )
        for row in Ask(view).rows(
            """select service_name, team, sum(effective_cost) as cost from fct_ai_cost_daily
               where is_ai and idle_kind = 'unused_commitment' and billing_currency = $currency
                   and usage_date between $first and $last
               group by 1, 2""",
            **_billed(view),
        )
    ]


def _stale(view: View) -> list[Opportunity]:
    """Resources that were called once, cost money now, and were not called in the newest 14 billed days."""
    last = view.period.last
    return [
        Opportunity(
            "stale_resource",
            row["name"],
            _month(row["cost"], STALE_DAYS),
            Certainty.BILLED,
            ("resource", row["resource_id"]),
            (
                f"Last called on {f.day(row['last_used'])}; {f.money(row['cost'], view.currency)} in "
                f"the {STALE_DAYS} days to "
                f"{f.day(last)}.",
            ),
            team=row["team"],
            app=row["app"],
        )
        for row in Ask(view).rows(
            """with used as (
                   select resource_id, max(usage_hour) as last_used from fct_usage_cost_hourly
                   where tokens > 0 and resource_id is not null and usage_hour < $last::date + 1 group by 1
               )
               select resource_id, coalesce(any_value(c.resource_name), regexp_extract(resource_id, '[^/]+$')) as name,
                      any_value(c.team) as team, any_value(c.app) as app, any_value(used.last_used) as last_used,
                      sum(c.effective_cost) as cost
               from fct_ai_cost_daily c join used using (resource_id)
               where c.is_ai and c.billing_currency = $currency and c.usage_date between $since and $last
                   and used.last_used < $since
               group by 1 having sum(c.effective_cost) > 0""",
            since=last - timedelta(days=STALE_DAYS - 1),
            last=last,
        )
    ]


def _unowned(view: View) -> list[Opportunity]:
    rows = Ask(view).rows(
        """select count(distinct resource_id) as resources, sum(effective_cost) as cost from fct_ai_cost_daily
           where is_ai and attribution_method in (select unnest($methods)) and billing_currency = $currency
               and usage_date between $first and $last""",
        methods=list(UNOWNED),
        **_billed(view),
    )
    return [
        Opportunity(
            "unowned",
            f.count(row["resources"], "resource"),
            _month(row["cost"], view.period.days),
            Certainty.POSSIBLE,
            ("unowned",),
            ("Nobody asks whether it is needed until somebody pays for it.",),
            overlaps="not counted: no saving by itself",
        )
        for row in rows
        if row["cost"]
    ]


_FINDERS: Sequence[Callable[[View], list[Opportunity]]] = (
    _idle_gpus,
    _oversized_gpus,
    _provisioned,
    _prompts,
    _cheaper_models,
    _batch,
    _failed_runs,
    _spot,
    _repeated_work,
    _unused_commitments,
    _stale,
    _unowned,
)
