"""What tokens cost: a price that changed, a prompt cache that stopped hitting.

Here: these patterns from priced tokens a day.
Not here: how much of an incident is price, volume, mix and cache (incident_change).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
import pandas as pd

from finops.tokens import TEXT_INPUT_CLASSES, TokenClass
from models.anomaly.explain import day_text, money_text
from models.anomaly.incident_change import COLUMNS
from models.anomaly.pattern_days import (
    MINIMUM_DAYS,
    USAGE,
    Calendar,
    Key,
    Pattern,
    grids,
    judged_by_currency,
    percent,
    walk,
)
from models.anomaly.settings import AnomalySettings
from models.series import Floats, Scope, require_columns

TOKEN_COLUMNS = (*COLUMNS, "source", "price_source", "price_valid_from")

PRICED_BY = ("model", "provider_name", "deployment_type", "region_id", "service_tier", "context_tier", "token_class")
"""What a price depends on: tokens that agree in it are of one kind, so that a change of mix is no change of price."""

PRICE_RATIO = 0.05
"""Prices of one list move by 10% and more; what a bill's rates move by rounding is far less than 5%."""
PRICE_DAYS = 14
PRICE_MINIMUM_DAYS = 5
NO_DATE = "1970-01-01"

CACHE_SHARE = 0.1
CACHE_KEPT = 0.5
"""A cache that served at least a tenth of the input and serves less than half of its usual share has collapsed."""


@dataclass(frozen=True)
class _PriceChange:
    money: float
    before: float
    """What the same tokens would have cost at the old prices."""
    key: Key
    old: float
    new: float


def price_changes(usage: pd.DataFrame, before: date, settings: AnomalySettings) -> list[Pattern]:
    """``price_change`` of a model: the same tokens cost at least 5% more or less than in the two weeks before.

    Money is the difference of prices times the tokens of the day, kind by kind.
    """
    require_columns(usage, TOKEN_COLUMNS, "usage")
    found = []
    for currency, rows, calendar in judged_by_currency(usage, "usage", ["model"], before, settings):
        kinds = _kinds(rows, calendar)
        lists = _lists(rows)
        for model, own in kinds.items():
            scope = Scope("model", model, currency)
            for t, run, change in walk(calendar, settings, partial(_price_change, own, settings=settings)):
                day = calendar.day(t)
                source, valid_from = lists.get((change.key, day), ("", NO_DATE))
                found.append(_priced(scope, day, change, source, valid_from, run))
    return found


def _kinds(rows: pd.DataFrame, calendar: Calendar) -> dict[str, dict[Key, tuple[Floats, Floats]]]:
    """Model → kind of token → (tokens, cost) by day."""
    tokens, costs = grids(rows, PRICED_BY, "tokens", calendar), grids(rows, PRICED_BY, "cost", calendar)
    found: dict[str, dict[Key, tuple[Floats, Floats]]] = defaultdict(dict)
    for key, amount in tokens.items():
        found[str(key[0])][key] = (amount, costs[key])
    return found


def _price_change(
    kinds: Mapping[Key, tuple[Floats, Floats]], t: int, days: Sequence[int], settings: AnomalySettings
) -> _PriceChange | None:
    money = usual_cost = 0.0
    largest: tuple[float, Key, float, float] | None = None
    for key, (tokens, costs) in kinds.items():
        known = [day for day in days[-PRICE_DAYS:] if tokens[day] > 0]
        if tokens[t] <= 0 or len(known) < PRICE_MINIMUM_DAYS:
            continue
        old, new = float(np.median(costs[known] / tokens[known])), float(costs[t] / tokens[t])
        difference = (new - old) * float(tokens[t])
        if old <= 0 or abs(new / old - 1) < PRICE_RATIO:
            continue
        money += difference
        usual_cost += old * float(tokens[t])
        if largest is None or abs(difference) > abs(largest[0]):
            largest = (difference, key, old, new)
    if largest is None or abs(money) < float(settings.minimum_impact) or abs(money) < PRICE_RATIO * usual_cost:
        return None
    return _PriceChange(money, usual_cost, *largest[1:])


def _lists(rows: pd.DataFrame) -> dict[tuple[Key, date], tuple[str, str]]:
    """Kind of token and day → the price list that most of its tokens have their price from, and since when it holds."""
    found: dict[tuple[Key, date], tuple[int, str, str]] = {}
    names = zip(*(rows[name] for name in PRICED_BY), strict=True)
    told = zip(names, rows["day"], rows["tokens"], rows["price_source"], rows["price_valid_from"], strict=True)
    for key, day, tokens, source, valid_from in told:
        name = (tuple(None if pd.isna(part) else str(part) for part in key), day.date())
        of_list = (
            int(tokens),
            "" if pd.isna(source) else str(source),
            NO_DATE if pd.isna(valid_from) else str(valid_from)[:10],
        )
        if name not in found or of_list > found[name]:
            found[name] = of_list
    return {name: (source, valid_from) for name, (_, source, valid_from) in found.items()}


def _priced(scope: Scope, day: date, change: _PriceChange, source: str, valid_from: str, run: int) -> Pattern:
    share = change.money / change.before
    names = dict(zip(PRICED_BY, change.key, strict=True))
    million = [f"{scope.currency} {price * 1_000_000:.4g}" for price in (change.new, change.old)]
    since = f", valid from {valid_from}" if valid_from != NO_DATE else ""
    origin = f" (price list {source}{since})" if source else ""
    says = (
        f"The price of {scope.value} {'rose' if share > 0 else 'fell'} by {percent(abs(share))} for the same tokens: "
        f"1M of {names['token_class']} cost {million[0]} instead of {million[1]}{origin}, which is "
        f"{money_text(abs(change.money), scope.currency)} {'more' if share > 0 else 'less'} on {day_text(day, day)}."
    )
    figures = {
        "ratio": round(1 + share, 4),
        "money": round(change.money, 2),
        "price_source": source or None,
        "price_valid_from": valid_from if valid_from != NO_DATE else None,
    }
    return Pattern("price_change", scope, USAGE, day, change.money, says, figures, run)


def cache_collapses(usage: pd.DataFrame, before: date, settings: AnomalySettings) -> list[Pattern]:
    """``cache_collapse`` of an app: the share of its input that was read from a cache fell below half of the usual.

    Money is what the tokens that the cache would usually have served cost more than they would have there.
    """
    require_columns(usage, TOKEN_COLUMNS, "usage")
    found = []
    texts = usage[usage["token_class"].isin([str(name) for name in TEXT_INPUT_CLASSES])]
    for currency, rows, calendar in judged_by_currency(texts, "usage", ["app", "model"], before, settings):
        # A source that is new, and may count no cached tokens, is no collapse of the others.
        keys = ("app", "source", "model", "token_class")
        tokens, costs = grids(rows, keys, "tokens", calendar), grids(rows, keys, "cost", calendar)
        apps: dict[str, dict[Key, _Caching]] = defaultdict(dict)
        for used in sorted({tuple(str(part) for part in key[:3]) for key in tokens}):
            apps[used[0]][used] = _Caching.of(used, tokens, costs, calendar)
        for app, models in apps.items():
            scope = Scope("app", app, currency)
            for t, run, lost in walk(calendar, settings, partial(_collapse, models, settings=settings)):
                found.append(_uncached(scope, calendar.day(t), lost, run))
    return found


@dataclass(frozen=True)
class _Caching:
    """An app's input to one model, as one source tells it, by day: all text tokens, and those
    read from the cache and fresh, with their cost."""

    all: Floats
    read: Floats
    read_cost: Floats
    fresh: Floats
    fresh_cost: Floats

    @classmethod
    def of(cls, used: Key, tokens: Mapping[Key, Floats], costs: Mapping[Key, Floats], calendar: Calendar) -> _Caching:
        none = np.zeros(calendar.count)
        read, fresh = (*used, str(TokenClass.CACHE_READ)), (*used, str(TokenClass.INPUT_UNCACHED))
        return cls(
            np.sum([tokens.get((*used, str(name)), none) for name in TEXT_INPUT_CLASSES], axis=0),
            tokens.get(read, none),
            costs.get(read, none),
            tokens.get(fresh, none),
            costs.get(fresh, none),
        )

    def lost(self, t: int, days: Sequence[int]) -> tuple[float, float, float] | None:
        """(money, share of the day, usual share) where the cache collapsed."""
        known = [day for day in days if self.all[day] > 0]
        if len(known) < MINIMUM_DAYS or self.all[t] <= 0 or self.fresh[t] <= 0:
            return None
        shares = self.read[known] / self.all[known]
        usual, share = float(np.median(shares)), float(self.read[t] / self.all[t])
        # A day that is no lower than one in twenty usual ones is one of them.
        if usual < CACHE_SHARE or share > CACHE_KEPT * usual or share >= float(np.quantile(shares, 0.05)):
            return None
        both = [day for day in known if self.read[day] > 0 and self.fresh[day] > 0]
        discounts = (self.read_cost[both] / self.read[both]) / (self.fresh_cost[both] / self.fresh[both])
        price = float(self.fresh_cost[t] / self.fresh[t]) * (1 - float(np.median(discounts)))
        return (usual - share) * float(self.all[t]) * price, share, usual


_Lost = tuple[float, str, float, float]


def _collapse(models: Mapping[Key, _Caching], t: int, days: Sequence[int], settings: AnomalySettings) -> _Lost | None:
    """(money of all models, the model with the most, its share, its usual share)."""
    asked = ((caching.lost(t, days), str(used[-1])) for used, caching in models.items())
    lost = [(found, model) for found, model in asked if found is not None]
    money = sum(found[0] for found, _ in lost)
    if not lost or money < float(settings.minimum_impact):
        return None
    (_, share, usual), model = max(lost)
    return money, model, share, usual


def _uncached(scope: Scope, day: date, lost: _Lost, run: int) -> Pattern:
    money, model, share, usual = lost
    says = (
        f"Its prompt cache stopped hitting: {percent(share)} of {model}'s input was read from the cache, where "
        f"{percent(usual)} is usual; the lost hits cost {money_text(money, scope.currency)} on {day_text(day, day)}."
    )
    figures = {"share": round(share, 4), "usual_share": round(usual, 4), "money": round(money, 2), "model": model}
    return Pattern("cache_collapse", scope, USAGE, day, money, says, figures, run)
