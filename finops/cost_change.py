"""Why token cost changed between two periods: volume, mix, cache and price, exact to the last unit.

Here: the arithmetic on tokens and cost of two periods. It knows nothing of where they come from.
Not here: reading marts (cli, models) and words for people.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from finops.money import SCALE, MoneyError, quantise
from finops.tokens import TEXT_INPUT_CLASSES, TokenClass

EFFECTS = ("volume", "mix", "cache", "price")
"""In the order in which they are taken out."""

_ZERO = Decimal(0)
_AUDIO_INPUT_CLASSES = (TokenClass.INPUT_AUDIO, TokenClass.CACHE_READ_AUDIO)


@dataclass(frozen=True)
class TokenCost:
    """Tokens of one class and what they cost in one period.

    ``kind`` is all else that tells usage apart, such as (app, model, tier): what is not in it cannot be mix.
    ``cost`` is an amount of one currency, with at most 12 digits after the point.
    """

    kind: Hashable
    token_class: TokenClass
    tokens: int
    cost: Decimal


@dataclass(frozen=True)
class CostChange:
    """Cost of two periods and what moved it: ``before + volume + mix + cache + price == after``, exactly."""

    before: Decimal = _ZERO
    after: Decimal = _ZERO
    volume: Decimal = _ZERO
    mix: Decimal = _ZERO
    cache: Decimal = _ZERO
    price: Decimal = _ZERO

    @property
    def change(self) -> Decimal:
        """after − before."""
        return _sum(self.after, -self.before)

    def __add__(self, other: CostChange) -> CostChange:
        """Both together; effects add up as costs do, so changes may be summed to any level."""
        return CostChange(*(_sum(getattr(self, name), getattr(other, name)) for name in ("before", "after", *EFFECTS)))


def decompose(before: Iterable[TokenCost], after: Iterable[TokenCost]) -> dict[Hashable, CostChange]:
    """Per kind of usage, what moved its cost; any sums of the parts are what moved the sums.

    Classes of a kind that stand in for each other form a family: uncached and cached text input, uncached and cached
    audio input; every other class is one of its own. With q tokens and c cost, p = c ÷ q, Q all tokens of the period,
    0 before and 1 after, f a family and i a class in it, the effects are taken in this order:

    volume   c0f × (Q1 ÷ Q0 − 1)              all usage grew or shrank alike
    mix      (q1f − q0f × Q1 ÷ Q0) × p0f      the family grew more or less than all usage did
    cache    Σi q1i × p0i − q1f × p0f         the classes' parts of the family moved
    price    Σi q1i × (p1i − p0i)             the same tokens cost something else

    What was not there before has no p0: a new class counts at its new price, so it is cache and not price; a new
    family is all mix; where there was nothing at all before, everything is volume. Each family's effects are rounded
    to 12 digits by largest remainders, so that they sum to its change.

    Raises:
        ValueError: negative tokens, or cost without tokens.
        MoneyError: an amount with more digits than money has.
    """
    old, new = _by_family(before), _by_family(after)
    all_old = sum(tokens for family in old.values() for tokens, _ in family.values())
    all_new = sum(tokens for family in new.values() for tokens, _ in family.values())
    changes: dict[Hashable, CostChange] = {}
    for kind, family in dict.fromkeys((*old, *new)):
        change = _family_change(old.get((kind, family), {}), new.get((kind, family), {}), all_old, all_new)
        changes[kind] = changes.get(kind, CostChange()) + change
    return changes


_Classes = dict[TokenClass, tuple[int, Fraction]]


def _by_family(lines: Iterable[TokenCost]) -> dict[tuple[Hashable, TokenClass], _Classes]:
    """Family of each kind → class → tokens and cost."""
    found: dict[tuple[Hashable, TokenClass], _Classes] = defaultdict(dict)
    for line in lines:
        if line.tokens < 0 or (line.tokens == 0 and line.cost != 0):
            raise ValueError(f"{line}: cost needs tokens, and tokens cannot be negative")
        if quantise(line.cost) != line.cost:
            raise MoneyError(f"{line.cost} has more than {SCALE} digits after the point")
        family = found[line.kind, _family_of(line.token_class)]
        tokens, cost = family.get(line.token_class, (0, Fraction(0)))
        family[line.token_class] = (tokens + line.tokens, cost + Fraction(line.cost))
    return found


def _family_of(token_class: TokenClass) -> TokenClass:
    """The class that names the family."""
    for family in (TEXT_INPUT_CLASSES, _AUDIO_INPUT_CLASSES):
        if token_class in family:
            return family[0]
    return token_class


def _family_change(old: _Classes, new: _Classes, all_old: int, all_new: int) -> CostChange:
    old_tokens, old_cost = sum(q for q, _ in old.values()), sum((c for _, c in old.values()), Fraction(0))
    new_tokens, new_cost = sum(q for q, _ in new.values()), sum((c for _, c in new.values()), Fraction(0))
    if all_old == 0:
        effects = (new_cost, Fraction(0), Fraction(0), Fraction(0))
    else:
        growth = Fraction(all_new, all_old)
        at_old_prices = sum((_at_old_price(name, old, new) for name in new), Fraction(0))
        at_old_mix = new_tokens * old_cost / old_tokens if old_tokens else new_cost
        effects = (
            old_cost * (growth - 1),
            at_old_mix - old_cost * growth,
            at_old_prices - at_old_mix,
            new_cost - at_old_prices,
        )
    return CostChange(_decimal(old_cost), _decimal(new_cost), *_rounded(effects))


def _at_old_price(name: TokenClass, old: _Classes, new: _Classes) -> Fraction:
    new_tokens, new_cost = new[name]
    old_tokens, old_cost = old.get(name, (0, Fraction(0)))
    return new_tokens * old_cost / old_tokens if old_tokens else new_cost


def _rounded(effects: tuple[Fraction, ...]) -> list[Decimal]:
    """The effects in whole units of money with the same sum, which is whole: largest remainders get what is left."""
    units = [effect * 10**SCALE for effect in effects]
    floors = [unit.numerator // unit.denominator for unit in units]
    missing = int(sum(units)) - sum(floors)
    by_remainder = sorted(range(len(units)), key=lambda i: floors[i] - units[i])
    for i in by_remainder[:missing]:
        floors[i] += 1
    return [_from_units(floor) for floor in floors]


def _decimal(amount: Fraction) -> Decimal:
    return _from_units(int(amount * 10**SCALE))


def _from_units(units: int) -> Decimal:
    return Decimal(f"{units}E-{SCALE}")


def _sum(left: Decimal, right: Decimal) -> Decimal:
    """Exact: Python's default of 28 digits would round a 38-digit amount."""
    return _decimal(Fraction(left) + Fraction(right))
