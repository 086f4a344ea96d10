"""Why token cost changed between two periods, as a table and in words.

Here: reading usage of the two periods, and showing what finops.cost_change makes of it.
Not here: the formula (finops.cost_change).
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from finops.cost_change import EFFECTS, CostChange, TokenCost, decompose
from finops.paths import Home
from finops.tokens import INPUT_CLASSES, TokenClass
from orchestration.published import query_mart
from reports import formatting as f

By = Literal["all", "team", "app", "model"]

_KIND = (
    "team", "app", "model", "provider_name", "deployment_type", "region_id", "service_tier", "context_tier",
)  # fmt: skip
"""What tells usage apart besides its token class: groups, and all that a price depends on."""

_CACHED = (TokenClass.CACHE_READ, TokenClass.CACHE_READ_AUDIO)
_MOST_DRIVERS = 5


class UnknownTeamError(LookupError):
    """No usage names such a team."""


@dataclass(frozen=True)
class Period:
    """Days of UTC, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def __str__(self) -> str:
        return f"{f.day(self.first)} to {f.day(self.last)}"


@dataclass(frozen=True)
class Tokens:
    """Counts of a group in one period."""

    all: int
    input: int
    cached: int

    @property
    def cache_share(self) -> Decimal | None:
        return Decimal(self.cached) / self.input if self.input else None


@dataclass(frozen=True)
class GroupChange:
    """A team, app or model (None: nobody is known), or all."""

    name: str | None
    change: CostChange
    before: Tokens
    after: Tokens


@dataclass(frozen=True)
class Comparison:
    """One currency: groups by the size of their change, and all of them together."""

    currency: str
    groups: tuple[GroupChange, ...]
    total: GroupChange


def compare(home: Home, before: Period, after: Period, by: By, team: str | None) -> list[Comparison]:
    """Decompose the change of estimated token cost, one comparison per currency.

    Raises:
        NotPublishedError: the home has no usage yet.
        UnknownTeamError: no usage names the team.
    """
    old, new = (_usage(home, period, team) for period in (before, after))
    if team is not None and not old and not new:
        known = query_mart(
            home, "fct_usage_cost_hourly", "select distinct team from read_parquet($mart) where team is not null", {}
        )
        names = ", ".join(sorted(name for (name,) in known)) or "none"
        raise UnknownTeamError(f"team {team!r} used nothing in these periods. Teams with usage: {names}")
    return [_comparison(currency, old[currency], new[currency], by) for currency in sorted({*old, *new})]


def unpriced_tokens(home: Home, period: Period, team: str | None) -> int:
    """Tokens of a period that have no price, and so no part in any comparison."""
    ((tokens,),) = query_mart(
        home,
        "fct_usage_cost_hourly",
        f"select coalesce(sum(tokens), 0) {_WHERE} and price_status = 'unpriced'",
        {"first": period.first, "last": period.last, "team": team},
    )
    return int(tokens)


_WHERE = """from read_parquet($mart)
    where is_attributable and cast(usage_hour as date) between $first and $last and ($team is null or team = $team)"""


def _usage(home: Home, period: Period, team: str | None) -> defaultdict[str, list[TokenCost]]:
    columns = ", ".join(_KIND)
    rows = query_mart(
        home,
        "fct_usage_cost_hourly",
        f"""select currency, {columns}, token_class, sum(tokens), sum(estimated_cost)
            {_WHERE} and price_status = 'priced' and tokens > 0 group by all""",
        {"first": period.first, "last": period.last, "team": team},
    )
    found: defaultdict[str, list[TokenCost]] = defaultdict(list)
    for currency, *kind, token_class, tokens, cost in rows:
        found[currency].append(TokenCost(tuple(kind), TokenClass(token_class), int(tokens), cost))
    return found


def _comparison(currency: str, old: list[TokenCost], new: list[TokenCost], by: By) -> Comparison:
    changes: dict[str | None, CostChange] = {}
    for kind, change in decompose(old, new).items():
        group = _group(kind, by)
        changes[group] = changes.get(group, CostChange()) + change
    before, after = (_tokens(lines, by) for lines in (old, new))
    none = Tokens(0, 0, 0)
    groups = [
        GroupChange(name, change, before.get(name, none), after.get(name, none)) for name, change in changes.items()
    ]
    groups.sort(key=lambda group: (-abs(group.change.change), group.name or ""))
    whole = [(lines, _tokens(lines, "all").get(None, none)) for lines in (old, new)]
    total = GroupChange(None, sum(changes.values(), CostChange()), whole[0][1], whole[1][1])
    return Comparison(currency, tuple(groups), total)


def _group(kind: object, by: By) -> str | None:
    return None if by == "all" or not isinstance(kind, tuple) else kind[_KIND.index(by)]


def _tokens(lines: Iterable[TokenCost], by: By) -> dict[str | None, Tokens]:
    counts: dict[str | None, list[int]] = defaultdict(lambda: [0, 0, 0])
    for line in lines:
        count = counts[_group(line.kind, by)]
        count[0] += line.tokens
        count[1] += line.tokens if line.token_class in INPUT_CLASSES else 0
        count[2] += line.tokens if line.token_class in _CACHED else 0
    return {name: Tokens(*count) for name, count in counts.items()}


def show(found: Comparison, before: Period, after: Period, by: By, console: Console) -> None:
    """The table, and the largest drivers in words."""
    table = Table("" if by == "all" else by.capitalize(), box=None, header_style="bold", pad_edge=False)
    for heading in ("Before", "After", "Change", *(name.capitalize() for name in EFFECTS)):
        table.add_column(heading, justify="right")
    if by != "all":
        for group in found.groups:
            table.add_row(*_cells(_name(group), group.change))
        table.add_section()
    table.add_row(*_cells("Total", found.total.change), style="bold")
    console.print(f"\nEstimated token cost in {found.currency}: {before} ({f.count(before.days, 'day')})")
    console.print(f"against {after} ({f.count(after.days, 'day')})\n", highlight=False)
    console.print(table)
    console.print()
    for line in drivers(found, by, before, after):
        console.print(line, highlight=False, soft_wrap=True)


def _cells(name: str, change: CostChange) -> list[str]:
    moved = (change.change, *(getattr(change, effect) for effect in EFFECTS))
    return [name, f"{change.before:,.2f}", f"{change.after:,.2f}", *(f"{amount:+,.2f}" for amount in moved)]


def _name(group: GroupChange) -> str:
    return group.name or "No owner"


def drivers(found: Comparison, by: By, before: Period, after: Period) -> list[str]:
    """The largest effects of groups in words, most money first; volume is of all usage, so it is told once."""
    total = found.total
    lines = []
    if total.change.volume:
        grew = _change(total.before.all, total.after.all)
        days = "" if before.days == after.days else f" ({before.days} days before, {after.days} after)"
        lines.append((total.change.volume, f"volume: all tokens {grew}{days}"))
    for group in found.groups:
        for effect in EFFECTS[1:]:
            amount = getattr(group.change, effect)
            if amount:
                subject = "" if by == "all" else f"{_name(group)}, "
                lines.append((amount, f"{subject}{effect}: {_reason(effect, group, total, by)}"))
    lines.sort(key=lambda line: -abs(line[0]))
    return [f"{f.signed_money(amount, found.currency)} {text}" for amount, text in lines[:_MOST_DRIVERS]]


def _reason(effect: str, group: GroupChange, total: GroupChange, by: By) -> str:
    if effect == "cache":
        shares = [count.cache_share for count in (group.before, group.after)]
        from_, to = ("nothing" if share is None else f.percent(share, 1) for share in shares)
        return f"cached input went from {from_} to {to}"
    if effect == "price":
        same = group.change.after - group.change.price
        moved = group.change.price / same if same else Decimal(0)
        return f"the same tokens cost {f.signed_percent(moved, 1)}"
    if by == "all":
        return "usage moved between apps, models and kinds of tokens"
    parts = [
        Decimal(own.all) / whole.all if whole.all else Decimal(0)
        for own, whole in ((group.before, total.before), (group.after, total.after))
    ]
    return f"its part of all tokens went from {f.percent(parts[0], 1)} to {f.percent(parts[1], 1)}"


def _change(before: int, after: int) -> str:
    if not before:
        return "are new"
    return f"went from {f.compact(before)} to {f.compact(after)}, {f.signed_percent(Decimal(after) / before - 1)}"


def write_csv(found: list[Comparison], by: By, file: Path) -> None:
    """Every group with exact amounts."""
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([by, "currency", "before", "after", "change", *EFFECTS])
        for comparison in found:
            for group in comparison.groups:
                change = group.change
                amounts = (change.before, change.after, change.change, *(getattr(change, name) for name in EFFECTS))
                name = "all" if by == "all" else group.name or ""
                writer.writerow([name, comparison.currency, *(format(amount, "f") for amount in amounts)])
