"""Step-down allocation once more, in plain Python, for comparing with what dbt makes.

Here: measured drivers, weights and splits by their definitions, on dictionaries and Decimals; no SQL.
Not here: reading bills and finding owners (the tests give them).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

from finops.config.allocation import Pool
from finops.money import split

COSTS = ("billed", "effective", "list", "contracted")
Costs = tuple[Decimal | None, ...]


@dataclass(frozen=True)
class Target:
    """Who bears a part; ``pool``: a pool of a later step that passes it on."""

    team: str | None = None
    app: str | None = None
    idle_kind: str | None = None
    pool: str | None = None

    @property
    def order(self) -> tuple[object, ...]:
        """The order of targets, which decides who gets a unit that is left over."""
        return (
            self.pool is not None,
            self.pool or "",
            self.idle_kind is not None,
            self.idle_kind or "",
            self.team is None,
            self.team or "",
            self.app is None,
            self.app or "",
        )


Weights = Mapping[Target, Decimal]


@dataclass(frozen=True)
class Charge:
    """A charge of the bill with its tag owner; ``pool`` says which pool shares it."""

    key: str
    day: date
    currency: str
    costs: Costs
    resource: str | None = None
    pool: Pool | None = None
    team: str | None = None
    app: str | None = None
    commitment: str | None = None
    is_covered: bool = False

    @property
    def month(self) -> tuple[date, str]:
        return self.day.replace(day=1), self.currency

    @property
    def effective(self) -> Decimal:
        return self.costs[1] or Decimal(0)


@dataclass(frozen=True)
class Part:
    charge: Charge
    path: tuple[str, ...]
    target: Target
    costs: Costs
    is_split: bool = True

    @property
    def effective(self) -> Decimal:
        return self.costs[1] or Decimal(0)


@dataclass
class Allocation:
    """``measures``: driver → what it was measured on (resource, or ``pool ID``) → day → weights."""

    charges: Sequence[Charge]
    measures: Mapping[str, Mapping[str, Mapping[date, Weights]]]
    teams: Sequence[str]
    parts: list[Part] = field(default_factory=list)

    def run(self) -> list[Part]:
        """All final parts, of three steps."""
        for step in (1, 2, 3):
            own = [
                part
                for charge in self.charges
                if charge.pool and charge.pool.step == step
                for part in self._split_charge(charge, charge.pool)
            ]
            pools = {charge.pool.id for charge in self.charges if charge.pool and charge.pool.step == step}
            received = [part for part in self.parts if part.target.pool in pools]
            self.parts = [part for part in self.parts if part.target.pool not in pools]
            self.parts += own + [given for part in received for given in self._pass_on(part, own)]
        return self.parts

    def _split_charge(self, charge: Charge, pool: Pool) -> list[Part]:
        weights = self._weights(charge, pool)
        if not weights:
            owned = pool.fallback == "owner" and charge.team is not None
            owner = Target(charge.team, charge.app) if owned else Target()
            return [Part(charge, (pool.id,), owner, charge.costs, is_split=owned)]
        found = []
        for target, costs in _divide(charge.costs, weights):
            keeper = replace(target, team=target.team or pool.idle_team) if target.idle_kind else target
            found.append(Part(charge, (pool.id,), keeper, costs))
        return found

    def _pass_on(self, part: Part, own: Iterable[Part]) -> list[Part]:
        pool = part.target.pool or ""
        weights: defaultdict[Target, Decimal] = defaultdict(Decimal)
        for other in own:
            if other.path == (pool,) and other.charge.month == part.charge.month and other.is_split:
                weights[other.target] += other.effective
        path = (*part.path, pool)
        usable = _positive(weights)
        if not usable:
            return [Part(part.charge, path, Target(), part.costs, is_split=False)]
        return [Part(part.charge, path, target, costs) for target, costs in _divide(part.costs, usable)]

    def _weights(self, charge: Charge, pool: Pool) -> Weights:
        measured = self._measured(charge, pool)
        if measured:
            return measured
        for driver in (pool.driver, pool.fallback):
            weights = _positive(self._by_cost(driver, charge, pool, with_pools=driver == pool.driver and pool.to_pools))
            if weights:
                return weights
        return {}

    def _measured(self, charge: Charge, pool: Pool) -> Weights:
        scope = f"pool {pool.id}" if pool.measured_on else (charge.resource or "")
        days = self.measures.get(pool.driver, {}).get(scope, {})
        weights = _positive(days.get(charge.day, {}))
        if not weights:
            window: defaultdict[Target, Decimal] = defaultdict(Decimal)
            for back in range(1, pool.look_back_days + 1):
                for target, value in days.get(charge.day - timedelta(days=back), {}).items():
                    window[target] += value
            weights = _positive(window)
        return _spread(weights) if pool.idle == "spread" else weights

    def _by_cost(self, driver: str, charge: Charge, pool: Pool, *, with_pools: bool) -> Weights:
        weights: defaultdict[Target, Decimal] = defaultdict(Decimal)
        if driver == "even":
            return {Target(team): Decimal(1) for team in self.teams}
        if driver == "fixed":
            return {Target(team): share for team, share in pool.shares.items()}
        same_month = [other for other in self.charges if other.month == charge.month]
        if driver == "commitment_use":
            for other in same_month:
                if other.commitment != charge.commitment or not other.is_covered:
                    continue
                if other.pool is None:
                    weights[Target(other.team, other.app)] += other.effective
                elif other.pool.step > pool.step:
                    weights[Target(pool=other.pool.id)] += other.effective
                elif other.pool.step < pool.step:
                    for part in self.parts:
                        if part.charge is other:
                            weights[Target(part.target.team, part.target.app)] += part.effective
        if driver in ("direct_cost", "cost_so_far"):
            for other in same_month:
                if other.pool is None and other.team is not None:
                    weights[Target(other.team)] += other.effective
                elif with_pools and other.pool is not None and other.pool.step > pool.step:
                    weights[Target(pool=other.pool.id)] += other.effective
        if driver == "cost_so_far":
            for part in self.parts:
                if part.charge.month == charge.month and part.target.team is not None:
                    weights[Target(part.target.team)] += part.effective
        return weights


def _positive(weights: Weights) -> dict[Target, Decimal]:
    return {target: weights[target] for target in sorted(weights, key=lambda t: t.order) if weights[target] > 0}


def _spread(weights: Weights) -> dict[Target, Decimal]:
    users = {target: value for target, value in weights.items() if target.idle_kind is None}
    if not users:
        return dict(weights)
    order = sorted(users, key=lambda t: t.order)
    found = dict(users)
    for target, value in weights.items():
        if target.idle_kind is not None:
            for user, part in zip(order, split(value, [users[user] for user in order]), strict=True):
                found[replace(user, idle_kind=target.idle_kind)] = part
    return _positive(found)


def _divide(costs: Costs, weights: Weights) -> list[tuple[Target, Costs]]:
    targets = list(weights)
    columns = [
        [None] * len(targets) if cost is None else split(cost, [weights[target] for target in targets])
        for cost in costs
    ]
    return list(zip(targets, zip(*columns, strict=True), strict=True))
