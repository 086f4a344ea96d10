"""The planted truths: what happens in the made-up organisation, so that a reader of its data can be marked.

Here: the list that becomes ``truth.json``, with money measured on the generated data.
Not here: making them happen (``simulator.usage``, ``simulator.bill``, ``simulator.exports``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from simulator import organisation as org
from simulator.bill import Charge, amount
from simulator.catalogue import RETRAIN_ITEM_NAME
from simulator.exports import RESTATED_BY, is_restated
from simulator.gpu import GpuHour
from simulator.meters import PRICE_CUT_DAY, TOKEN_MODELS
from simulator.model_api_truths import planted
from simulator.usage import Calls, dedicated_hours

RECENT_DAYS = 30


@dataclass(frozen=True)
class Truth:
    """One planted fact. ``money`` is USD as text: what it costs, or saves if negative. ``where`` names dimensions."""

    id: str
    kind: str
    what: str
    where: dict[str, str]
    starts_at: str
    ends_at: str
    money: str
    expected_finding: str


@dataclass
class Tally:
    """Money of the planted truths, summed while days are generated."""

    parameters: org.Parameters
    retrain_extra: Decimal = Decimal(0)
    leak_extra: Decimal = Decimal(0)
    price_cut_saved: Decimal = Decimal(0)
    launch_extra: Decimal = Decimal(0)
    failed_extra: Decimal = Decimal(0)
    repeated_extra: Decimal = Decimal(0)
    brief: dict[str, Decimal] = field(default_factory=dict)
    idle_pool: Decimal = Decimal(0)
    uncached: Decimal = Decimal(0)
    late_day: Decimal = Decimal(0)
    restated: Decimal = Decimal(0)
    untagged_ai: Decimal = Decimal(0)
    recent_ai: Decimal = Decimal(0)
    billed_by_month: dict[str, Decimal] = field(default_factory=dict)

    def add_calls(self, day: date, calls: list[Calls]) -> None:
        """Count what only the usage shows: the leaked key (not on the bill yet), the launch, the missing cache."""
        for group in calls:
            model = TOKEN_MODELS[group.app.model]
            if group.app.app == org.LEAKED_APP:
                self.leak_extra += self._cost(group, day, group.leaked == 1)
            if day in org.FAILING_DAYS:
                self.failed_extra += self._cost(group, day, (group.planted == 1) & (group.is_retry == 0))
            if day in org.REPEATING_DAYS:
                self.repeated_extra += self._cost(group, day, (group.planted == 1) & (group.is_retry == 1))
            if any(group.app is one.app for one in org.BRIEF_USES):
                cost = self._cost(group, day, group.leaked == 0)
                self.brief[group.app.stream_name] = self.brief.get(group.app.stream_name, Decimal(0)) + cost
            if group.app.app == org.LAUNCHED_APP and day >= org.LAUNCH_DAY:
                self.launch_extra += (
                    self._cost(group, day, group.leaked == 0) * (org.LAUNCH_FACTOR - 1) / org.LAUNCH_FACTOR
                )
            if group.app.app == org.UNCACHED_APP and self._is_recent(day):
                prefix = int(group.app.input_median * org.UNCACHED_PREFIX_SHARE) * int((group.input_tokens > 0).sum())
                saved = model.price_per_1m("input", day) - model.price_per_1m("cached", day)
                self.uncached += saved * prefix / 1_000_000
            if group.app.model == "gpt-4.1" and day >= PRICE_CUT_DAY:
                self.price_cut_saved += self._cost(group, day, group.leaked >= 0) / 4

    def add_charges(self, day: date, charges: list[Charge]) -> None:
        """Count what the bill shows."""
        for charge in charges:
            month = str(charge.period)
            self.billed_by_month[month] = self.billed_by_month.get(month, Decimal(0)) + charge.billed_cost
            if charge.resource_id.endswith(RETRAIN_ITEM_NAME) and day in org.RETRAIN_DAYS:
                self.retrain_extra += charge.billed_cost * (org.RETRAIN_FACTOR - 1) / org.RETRAIN_FACTOR
            if "/aks-gpua10-" in charge.resource_id and self._is_recent(day):
                self.idle_pool += charge.effective_cost
            if self._is_recent(day) and is_ai(charge):
                self.recent_ai += charge.effective_cost
                if not charge.tags:
                    self.untagged_ai += charge.effective_cost
            if day == org.LATE_DAY:
                self.late_day += charge.billed_cost
            if day == org.RESTATED_DAY and is_restated(charge):
                self.restated += charge.billed_cost * (1 - 1 / RESTATED_BY)
            if (
                charge.meter.name.startswith("gpt 4.1 ")
                and "mini" not in charge.meter.name
                and "aoai-gateway" not in charge.resource_id
            ):
                self.price_cut_saved += charge.billed_cost / 4 if day >= PRICE_CUT_DAY else 0

    def _is_recent(self, day: date) -> bool:
        last = self.parameters.last_billed_day
        return last - timedelta(days=RECENT_DAYS) < day <= last

    def _cost(self, group: Calls, day: date, picked: NDArray[np.bool_]) -> Decimal:
        model = TOKEN_MODELS[group.app.model]
        cached = int(group.cached_tokens[picked].sum())
        counts = {
            "input": int(group.input_tokens[picked].sum()) - cached,
            "cached": cached,
            "output": int(group.output_tokens[picked].sum()),
        }
        total = sum((model.price_per_1m(kind, day) * count for kind, count in counts.items() if count), Decimal(0))
        return total / 1_000_000


def is_ai(charge: Charge) -> bool:
    """AI spend as the simulator means it: models, training, GPU machines, vector search."""
    return (
        charge.service.category == "AI and Machine Learning"
        or charge.service.name == "Azure AI Search"
        or any(gpu in charge.meter.name for gpu in ("A100", "H100", "A10 "))
    )


def truths(tally: Tally, gpu_hours: list[GpuHour]) -> list[Truth]:
    """Every planted truth that lies in the generated days, in order of its start."""
    parameters = tally.parameters
    recent = max(parameters.last_billed_day - timedelta(days=RECENT_DAYS - 1), parameters.first_day)
    a10 = [row for row in gpu_hours if row.pool == "a10"]
    idle_share = sum(not row.pod for row in a10) / len(a10) if a10 else 0.0
    found = [
        _truth(
            "runaway-retrain", "anomaly_on_bill",
            f"The retrain job of vision-train loops: {org.RETRAIN_FACTOR} times its usual GPU hours.",
            {"team": "robotics", "app": "vision-train", "resource": RETRAIN_ITEM_NAME},
            org.RETRAIN_DAYS[0], org.RETRAIN_DAYS[-1], tally.retrain_extra,
            f"anomaly on effective_cost of vision-train, robotics and company; {org.RETRAIN_FACTOR} times the usual",
        ),
        _truth(
            "leaked-key", "anomaly_on_usage",
            f"Someone else uses query-rewriter's key: {org.LEAK_FACTOR} times the calls, day and night, no customer.",
            {"team": "search", "app": org.LEAKED_APP, "api_key": f"{org.LEAKED_APP}-prod", "account": "aoai-gateway"},
            org.LEAK_STARTS_AT, parameters.as_of, tally.leak_extra,
            "anomaly on estimated_cost of query-rewriter before any bill shows it; guardrail usage_doubled trips",
        ),
        _truth(
            "error-storm", "anomaly_on_usage",
            f"Calls of {org.FAILING_APP} time out about {org.FAILING_TIMES:.0f} times before one is answered.",
            {"team": "search", "app": org.FAILING_APP}, org.FAILING_DAYS[0], org.FAILING_DAYS[-1], tally.failed_extra,
            "pattern error_storm with the money of the calls that failed",
        ),
        _truth(
            "retry-storm", "anomaly_on_usage",
            f"A client of {org.REPEATING_APP} repeats every answered call about {org.REPEATING_TIMES:.0f} times.",
            {"team": "documents", "app": org.REPEATING_APP}, org.REPEATING_DAYS[0], org.REPEATING_DAYS[-1],
            tally.repeated_extra, "pattern retry_storm with the money of the calls that were repeated",
        ),
        _truth(
            "cache-collapse", "anomaly_on_usage",
            f"Nothing of {org.CACHE_LOST_APP}'s prompts is read from the cache: their first words change every call.",
            {"team": "search", "app": org.CACHE_LOST_APP, "resource": org.CACHE_LOST_ACCOUNT},
            org.CACHE_LOST_DAYS[0], org.CACHE_LOST_DAYS[-1], lost_cache_cost(parameters),
            "pattern cache_collapse with what the lost hits cost; too little of the app's cost to be seen otherwise",
        ),
        _brief(
            tally, "new-spender", org.HACKATHON, "A weekend's hackathon: an app that nobody knew before.",
            "pattern new_spender: the app's first cost",
        ),
        _brief(
            tally, "first-use", org.MODEL_TRIAL, "fraud, which never used gpt-4.1, tries it on its old claims.",
            "pattern first_use of gpt-4.1 by fraud",
        ),
        _truth(
            "price-change", "price",
            "gpt-4.1 costs 20% less: 1M tokens of input 2 to 1.6, cached 0.5 to 0.4, output 8 to 6.4 USD.",
            {"model": "gpt-4.1"}, PRICE_CUT_DAY, parameters.as_of, -tally.price_cut_saved,
            "unit cost of 1M gpt-4.1 tokens falls by 20% while tokens do not; estimates still meet the bill",
        ),
        _truth(
            "launch", "known_event", "catalog-enricher is launched to all markets: twice the usage, for good.",
            {"team": "search", "app": org.LAUNCHED_APP}, org.LAUNCH_DAY, parameters.as_of, tally.launch_extra,
            "no open anomaly: the rise is explained by the event catalog-launch",
        ),
        _truth(
            "idle-gpu-pool", "waste",
            f"Two A10 nodes always run; {idle_share:.0%} of the pool's GPU hours have no pod.",
            {"team": "platform", "resource": "aks-gpua10-16180339-vmss", "gpu_model": "NVIDIA A10"},
            recent, parameters.last_billed_day, tally.idle_pool * Decimal(str(round(idle_share, 6))),
            "the pool's cost is idle, shown at platform",
        ),
        _truth(
            "missing-prompt-cache", "waste",
            "contract-review sends the same long instructions first in every call and never reads the cache.",
            {"team": "documents", "app": org.UNCACHED_APP, "model": "gpt-4.1"},
            recent, parameters.last_billed_day, tally.uncached,
            "cache-read share 0 with long inputs (other chat apps: 25 to 40%); a cache would save the money in 30 days",
        ),
        _truth(
            "untagged", "tagging", "The sandbox account and a GPU test machine have no tags and no telling name.",
            {"resource": "aoai-sandbox, vm-gpu-test-01", "sub_account": "ai-research"},
            recent, parameters.last_billed_day, tally.untagged_ai,
            "unallocated AI spend, about 5% (unused reservation hours have no resource either)",
        ),
        _truth(
            "late-day", "late_data", f"The charges of one day reach the export {org.LATE_BY_DAYS} days late.",
            {"export": "ai-focus-cost"}, org.LATE_DAY, org.LATE_DAY, tally.late_day,
            "no false anomaly once it has arrived; the day is complete in the current state",
        ),
        _truth(
            "restated-day", "restatement", f"A later run raises the metered usage of one day by {RESTATED_BY - 1:.0%}.",
            {"export": "ai-focus-cost"}, org.RESTATED_DAY, org.RESTATED_DAY, tally.restated,
            "the current state has the later figures once, the earlier run is kept",
        ),
    ]  # fmt: skip
    found += [_truth(*truth) for truth in planted(parameters)]
    first = datetime.combine(parameters.first_day, time(), UTC)
    inside = [t for t in found if first.isoformat() <= t.starts_at <= parameters.as_of.isoformat()]
    return sorted(inside, key=lambda t: (t.starts_at, t.id))


def truth_document(tally: Tally, gpu_hours: list[GpuHour], counts: Mapping[str, int]) -> dict[str, object]:
    """``truth.json``: the truths, counts of planted damage, and the bill's totals per billing period."""
    share = tally.untagged_ai / tally.recent_ai if tally.recent_ai else Decimal(0)
    return {
        "truths": [asdict(truth) for truth in truths(tally, gpu_hours)],
        "spans": dict(counts),
        "untagged_share_of_recent_ai_cost": f"{share:.4f}",
        "billed_cost_by_month": {month: amount(cost) for month, cost in sorted(tally.billed_by_month.items())},
    }


def lost_cache_cost(parameters: org.Parameters) -> Decimal:
    """USD that the lost cache costs: what it would have served, at the difference of both prices."""
    cost = Decimal(0)
    for day in org.CACHE_LOST_DAYS:
        for hours in dedicated_hours(parameters, day):
            model = TOKEN_MODELS[hours.deployment.model]
            if missed := int(hours.missed_cache_tokens.sum()):
                cost += missed * (model.price_per_1m("input", day) - model.price_per_1m("cached", day)) / 1_000_000
    return cost


def _brief(tally: Tally, identifier: str, use: org.BriefUse, what: str, finding: str) -> Truth:
    where = {"team": use.app.team, "app": use.app.app, "model": use.app.model}
    money = tally.brief.get(use.app.stream_name, Decimal(0))
    return _truth(identifier, "anomaly_on_usage", what, where, use.days[0], use.days[-1], money, finding)


def _truth(
    identifier: str,
    kind: str,
    what: str,
    where: dict[str, str],
    starts: date | datetime,
    ends: date | datetime,
    money: Decimal,
    finding: str,
) -> Truth:
    return Truth(
        identifier,
        kind,
        what,
        where,
        _moment(starts),
        _moment(ends),
        amount(money.quantize(Decimal("0.000001"))),
        finding,
    )


def _moment(value: date | datetime) -> str:
    moment = value if isinstance(value, datetime) else datetime.combine(value, time(), UTC)
    return moment.isoformat()
