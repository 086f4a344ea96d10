"""What changed against the time before, and why, in three sentences.

Here: who moved the spend of a period most, what moved the cost of tokens.
Not here: deviations from what was expected (incidents), the arithmetic (finops.cost_change).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from finops.cost_change import CostChange, TokenCost, decompose
from finops.tokens import TokenClass
from reports import formatting as f
from reports.dashboards.ask import Ask
from reports.dashboards.model import Note, Tone
from reports.dashboards.parts import spend
from reports.figures.spend import NO_OWNER
from reports.frames import ZERO, change

NO_APP = "No app"
WORTH_TELLING = Decimal("0.02")
"""Share of the period's spend below which a move is noise to an executive."""
EFFECT_WORDS = {
    "volume": "more or fewer tokens",
    "mix": "another mix of usage",
    "cache": "cache hits",
    "price": "prices",
}
_MOVES = """
select team, app, coalesce(sum(effective_cost) filter (usage_date between $first and $last), 0) as now,
       coalesce(sum(effective_cost) filter (usage_date between $before_first and $before_last), 0) as before
from fct_ai_cost_daily
where is_ai and billing_currency = $currency and {scope}
      and (usage_date between $first and $last or usage_date between $before_first and $before_last)
group by all
"""
_TOKENS = """
select usage_hour::date >= $first as is_now, app, provider_name, model, token_class, sum(tokens)::bigint as tokens,
       sum(estimated_cost) as cost
from fct_usage_cost_hourly
where is_attributable and price_status = 'priced' and tokens > 0 and currency = $currency and {scope}
      and (usage_hour::date between $first and $last or usage_hour::date between $before_first and $before_last)
group by all
"""


@dataclass(frozen=True)
class Move:
    """What an owner spent more (or less) than before, and which of its parts did most of it."""

    name: str
    now: Decimal
    before: Decimal
    part: str | None
    part_change: Decimal

    @property
    def amount(self) -> Decimal:
        return self.now - self.before


def sentences(ask: Ask, whole: spend.Total) -> tuple[Note, ...]:
    """How much spend changed, who moved it and against whom, what moved the cost of tokens."""
    period, currency = ask.view.period, ask.currency
    if whole.before is None:
        return (Note(f"There is no bill of {period.before_label} to compare with."),)
    difference = whole.now - whole.before
    ratio = change(whole.now, whole.before)
    if difference == 0:
        first = f"AI spend is what it was in {period.before_label}: {f.money(whole.now, currency)}."
    else:
        share = "" if ratio is None else f" ({f.signed_percent(ratio)})"
        first = (
            f"AI spend was {f.money(whole.now, currency)}, {f.money(abs(difference), currency)} "
            f"{'more' if difference > 0 else 'less'} than in {period.before_label}{share}."
        )
    tone: Tone = "warn" if ratio is not None and ratio >= Decimal("0.1") else "neutral"
    found = [Note(first, tone), Note(_movers(ask, moves(ask), whole))]
    tokens = token_change(ask)
    if tokens is not None:
        found.append(Note(_tokens(tokens, currency)))
    return tuple(found)


def moves(ask: Ask) -> list[Move]:
    """Teams (of a team: its apps) by how much they moved, the most first."""
    grouped: dict[str, list[tuple[str, Decimal, Decimal]]] = {}
    for row in ask.rows(_MOVES):
        if ask.kind == "company":
            owner, part = row["team"] or NO_OWNER, row["app"] or NO_APP
        else:
            owner = part = row["app"] or NO_APP
        grouped.setdefault(owner, []).append((part, row["now"], row["before"]))
    found = []
    for owner, parts in grouped.items():
        most = max(parts, key=lambda part: (abs(part[1] - part[2]), part[0]))
        now = sum((part[1] for part in parts), ZERO)
        before = sum((part[2] for part in parts), ZERO)
        is_one = len(parts) == 1 or most[0] in (owner, NO_APP)
        found.append(Move(owner, now, before, None if is_one else most[0], most[1] - most[2]))
    return sorted(found, key=lambda move: (-abs(move.amount), move.name))


def token_change(ask: Ask) -> CostChange | None:
    """What moved the cost of tokens at list price; None where no usage of either time is priced."""
    sides: dict[bool, list[TokenCost]] = {True: [], False: []}
    for row in ask.rows(_TOKENS):
        kind = row["app"], row["provider_name"], row["model"]
        sides[row["is_now"]].append(TokenCost(kind, TokenClass(row["token_class"]), row["tokens"], row["cost"]))
    if not sides[True] or not sides[False]:
        return None
    return sum(decompose(sides[False], sides[True]).values(), CostChange())


def _movers(ask: Ask, found: Sequence[Move], whole: spend.Total) -> str:
    floor = max(whole.now, whole.before or ZERO) * WORTH_TELLING
    up = [move for move in found if move.amount >= floor]
    down = [move for move in found if move.amount <= -floor]
    what = "team" if ask.kind == "company" else "app"
    if not up and not down:
        return f"No {what} moved it by {f.percent(WORTH_TELLING)} or more."
    is_up = bool(up) and (not down or up[0].amount >= -down[0].amount)
    most, others = (up, down) if is_up else (down, up)
    text = f"Most of it is {_told(most[0], ask.currency)}"
    if len(most) > 1:
        text += f", then {_told(most[1], ask.currency)}"
    if others:
        text += f"; against it {_told(others[0], ask.currency)}"
    return f"{text}."


def _told(move: Move, currency: str) -> str:
    text = f"{move.name} ({f.signed_money(move.amount, currency)}"
    if move.part is not None and move.part_change * move.amount > 0:
        text += f", of which {move.part} {f.signed_money(move.part_change, currency)}"
    return f"{text})"


def _tokens(found: CostChange, currency: str) -> str:
    effects = sorted(((name, getattr(found, name)) for name in EFFECT_WORDS), key=lambda pair: -abs(pair[1]))
    told = [f"{EFFECT_WORDS[name]} {f.signed_money(amount, currency)}" for name, amount in effects if abs(amount) >= 1]
    text = f"Model usage at list price moved by {f.signed_money(found.change, currency)}"
    return f"{text}: {', '.join(told)} (an estimate, not the bill)." if told else f"{text} (an estimate, not the bill)."
