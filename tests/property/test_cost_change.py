"""What moved token cost: effects that sum to the change to the last unit, and that mean what they say."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops.cost_change import EFFECTS, CostChange, TokenCost, decompose
from finops.money import MoneyError
from finops.tokens import TokenClass

pytestmark = pytest.mark.ids("UNIT-2", "ANOM-2")

KINDS = [(team, model) for team in ("search", "support", None) for model in ("small", "large")]


@st.composite
def _lines(draw: st.DrawFn) -> list[TokenCost]:
    keys = draw(st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(TokenClass)), max_size=14))
    found = []
    for kind, token_class in keys:
        tokens = draw(st.integers(0, 10**15))
        units = draw(st.integers(-(10**24), 10**24)) if tokens else 0
        found.append(TokenCost(kind, token_class, tokens, Decimal(f"{units}E-12")))
    return found


def _exact(amount: Decimal) -> Fraction:
    return Fraction(amount)


def _total(lines: list[TokenCost]) -> Fraction:
    return sum((_exact(line.cost) for line in lines), Fraction(0))


def _sum_by(changes: dict[object, CostChange], group: Callable[[object], object]) -> dict[object, CostChange]:
    found: dict[object, CostChange] = {}
    for kind, change in changes.items():
        found[group(kind)] = found.get(group(kind), CostChange()) + change
    return found


@given(before=_lines(), after=_lines())
def test_effects_sum_to_the_change_at_every_level(before: list[TokenCost], after: list[TokenCost]) -> None:
    changes = decompose(before, after)
    levels = [
        _sum_by(changes, lambda kind: kind),
        _sum_by(changes, lambda kind: kind[0]),  # type: ignore[index]
        _sum_by(changes, lambda kind: kind[1]),  # type: ignore[index]
    ]
    whole = sum(changes.values(), CostChange())
    assert (_exact(whole.before), _exact(whole.after)) == (_total(before), _total(after))
    for level in levels:
        for change in level.values():
            moved = sum(_exact(getattr(change, effect)) for effect in EFFECTS)
            assert _exact(change.before) + moved == _exact(change.after)
        # Whatever it is told apart by, the totals of each effect are the same.
        assert sum(level.values(), CostChange()) == whole


@given(before=_lines(), after=_lines())
def test_nothing_is_more_than_a_unit_from_the_formula(before: list[TokenCost], after: list[TokenCost]) -> None:
    """The formula as the docstring has it, for volume and price, summed over all usage."""

    def sums(lines: list[TokenCost]) -> dict[tuple[object, TokenClass], tuple[int, Fraction]]:
        found: dict[tuple[object, TokenClass], tuple[int, Fraction]] = {}
        for line in lines:
            tokens, cost = found.get((line.kind, line.token_class), (0, Fraction(0)))
            found[line.kind, line.token_class] = (tokens + line.tokens, cost + _exact(line.cost))
        return found

    old, new = sums(before), sums(after)
    all_old, all_new = sum(q for q, _ in old.values()), sum(q for q, _ in new.values())
    whole = sum(decompose(before, after).values(), CostChange())
    rounding = Fraction(4 * (len(old) + len(new)), 10**12)
    if all_old:
        volume = _total(before) * Fraction(all_new - all_old, all_old)
        price = sum(
            (cost - tokens * old[key][1] / old[key][0] for key, (tokens, cost) in new.items() if old.get(key, (0,))[0]),
            Fraction(0),
        )
        assert abs(_exact(whole.volume) - volume) <= rounding
        assert abs(_exact(whole.price) - price) <= rounding
    else:
        assert (whole.mix, whole.cache, whole.price) == (0, 0, 0)


@given(before=_lines(), times=st.integers(1, 50))
def test_more_of_the_same_is_volume_alone(before: list[TokenCost], times: int) -> None:
    after = [TokenCost(line.kind, line.token_class, line.tokens * times, line.cost * times) for line in before]
    whole = sum(decompose(before, after).values(), CostChange())
    assert whole.volume == whole.change
    assert (whole.mix, whole.cache, whole.price) == (0, 0, 0)


def _line(kind: str, token_class: TokenClass, tokens: int, cost: str) -> TokenCost:
    return TokenCost(kind, token_class, tokens, Decimal(cost))


INPUT, READ, OUTPUT = TokenClass.INPUT_UNCACHED, TokenClass.CACHE_READ, TokenClass.OUTPUT


def test_a_dearer_price_is_price() -> None:
    changes = decompose([_line("a", INPUT, 1000, "2")], [_line("a", INPUT, 1000, "3")])
    assert changes == {"a": CostChange(before=Decimal(2), after=Decimal(3), price=Decimal(1))}


def test_a_fuller_cache_is_cache_and_not_price() -> None:
    before = [_line("a", INPUT, 900, "9"), _line("a", READ, 100, "0.1")]
    after = [_line("a", INPUT, 400, "4"), _line("a", READ, 600, "0.6")]
    (change,) = decompose(before, after).values()
    assert change == CostChange(before=Decimal("9.1"), after=Decimal("4.6"), cache=Decimal("-4.5"))
    # A cache that is used for the first time has no old price: it counts at its new one.
    (first,) = decompose([_line("a", INPUT, 1000, "10")], after).values()
    assert first == CostChange(before=Decimal(10), after=Decimal("4.6"), cache=Decimal("-5.4"))


def test_moving_to_a_dearer_model_is_mix() -> None:
    before = [_line("small", INPUT, 900, "9"), _line("large", INPUT, 100, "10")]
    after = [_line("small", INPUT, 500, "5"), _line("large", INPUT, 500, "50")]
    changes = decompose(before, after)
    assert changes["small"] == CostChange(before=Decimal(9), after=Decimal(5), mix=Decimal(-4))
    assert changes["large"] == CostChange(before=Decimal(10), after=Decimal(50), mix=Decimal(40))
    (new,) = (change for kind, change in decompose([_line("a", OUTPUT, 100, "1")], after).items() if kind == "large")
    assert (new.mix, new.price, new.volume) == (Decimal(50), 0, 0)


def test_the_first_usage_is_volume() -> None:
    assert decompose([], [_line("a", INPUT, 10, "1")]) == {"a": CostChange(after=Decimal(1), volume=Decimal(1))}
    assert decompose([_line("a", INPUT, 10, "1")], []) == {"a": CostChange(before=Decimal(1), volume=Decimal(-1))}


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="cost needs tokens"):
        decompose([_line("a", INPUT, 0, "1")], [])
    with pytest.raises(MoneyError, match="more than 12 digits"):
        decompose([_line("a", INPUT, 1, "0.0000000000001")], [])
