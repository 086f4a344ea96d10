"""Money: reading and splitting amounts without losing a unit."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops.money import CURRENCIES, QUANTUM, MoneyError, parse_amount, quantise, split

AMOUNTS = st.integers(-(10**30), 10**30).map(lambda units: Decimal(units).scaleb(-12))
WEIGHTS = st.lists(
    st.integers(0, 10**24).map(lambda units: Decimal(units).scaleb(-12)), min_size=1, max_size=40
).filter(any)


def exact_sum(parts: list[Decimal]) -> Decimal:
    with localcontext() as context:
        context.prec = 80
        return sum(parts, Decimal(0))


@pytest.mark.ids("ALLOC-2")
@given(amount=AMOUNTS, weights=WEIGHTS)
def test_parts_sum_to_the_amount_exactly(amount: Decimal, weights: list[Decimal]) -> None:
    parts = split(amount, weights)
    assert exact_sum(parts) == amount
    assert all(part * amount >= 0 for part in parts), "no recipient of a charge gets a refund"
    assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if weight == 0)


@pytest.mark.ids("ALLOC-2")
@given(amount=AMOUNTS, weights=WEIGHTS)
def test_every_part_is_within_one_unit_of_its_exact_share(amount: Decimal, weights: list[Decimal]) -> None:
    with localcontext() as context:
        context.prec = 120
        total = sum(weights, Decimal(0))
        for part, weight in zip(split(amount, weights), weights, strict=True):
            assert abs(part - amount * weight / total) < QUANTUM


@pytest.mark.ids("ALLOC-2")
@given(amount=AMOUNTS, weights=WEIGHTS)
def test_a_refund_cancels_its_charge_to_the_unit(amount: Decimal, weights: list[Decimal]) -> None:
    charged, refunded = split(amount, weights), split(-amount, weights)
    assert exact_sum(charged) + exact_sum(refunded) == 0
    assert all(abs(c + r) <= QUANTUM for c, r in zip(charged, refunded, strict=True))


@pytest.mark.ids("ALLOC-2")
@given(amount=AMOUNTS, weights=WEIGHTS, data=st.data())
def test_the_order_of_recipients_moves_no_more_than_ties(
    amount: Decimal, weights: list[Decimal], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(weights))))
    parts = split(amount, weights)
    reordered = split(amount, [weights[i] for i in order])
    assert Counter(parts) == Counter(reordered)
    for position, original in enumerate(order):
        assert abs(reordered[position] - parts[original]) <= QUANTUM


@pytest.mark.ids("ALLOC-2")
def test_one_recipient_gets_all_and_ten_thousand_share_a_cent() -> None:
    assert split(Decimal("17.23"), [Decimal("0.4")]) == [Decimal("17.23")]
    parts = split(Decimal("0.01"), [Decimal(1)] * 10_000)
    assert len(parts) == 10_000
    assert sum(parts) == Decimal("0.01")
    thirds = split(Decimal("100"), [Decimal(1)] * 3)
    assert thirds == [Decimal("33.333333333334"), Decimal("33.333333333333"), Decimal("33.333333333333")]


@pytest.mark.ids("ALLOC-2")
def test_weights_far_apart_keep_every_digit() -> None:
    weights = [Decimal("1e-12"), Decimal("99999999999999999999999999.999999999999")]
    parts = split(Decimal("99999999999999999999999999.999999999999"), weights)
    assert exact_sum(parts) == Decimal("99999999999999999999999999.999999999999")
    assert parts[0] == Decimal("0.000000000001")


@pytest.mark.ids("ALLOC-2")
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([], "between nobody"),
        ([Decimal(0), Decimal(0)], "all weights are zero: choose a fallback driver"),
        ([Decimal(2), Decimal(-1)], "finite and not negative"),
        ([Decimal(1), Decimal("NaN")], "finite and not negative"),
        ([Decimal("Infinity")], "finite and not negative"),
    ],
)
def test_a_split_that_means_nothing_is_refused(weights: list[Decimal], message: str) -> None:
    with pytest.raises(MoneyError, match=message):
        split(Decimal(1), weights)


@pytest.mark.ids("COST-1")
@given(amount=AMOUNTS)
def test_an_amount_survives_writing_and_reading(amount: Decimal) -> None:
    assert parse_amount(format(amount, "f")) == amount
    assert parse_amount(f" {amount:E} ") == amount


@pytest.mark.ids("COST-1")
@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0.1", "0.1"),
        ("1E-7", "0.0000001"),
        ("-12.5", "-12.5"),
        ("+3.", "3"),
        (".5", "0.5"),
        ("0.0000000000005", "0"),  # half-even: to the even neighbour
        ("0.0000000000015", "0.000000000002"),
        ("99999999999999999999999999.999999999999", "99999999999999999999999999.999999999999"),
    ],
)
def test_amounts_as_billing_files_write_them(text: str, amount: str) -> None:
    assert parse_amount(text) == Decimal(amount)
    assert parse_amount(text).as_tuple().exponent == -12


@pytest.mark.ids("COST-1", "ING-10")
@pytest.mark.parametrize(
    "text", ["", "1,234", "1.234,56", "1_000", "$5", "NaN", "Infinity", "abc", "1 000", "0x10", "１２", "1e99999"]
)
def test_text_that_could_mean_another_amount_is_refused(text: str) -> None:
    with pytest.raises(MoneyError, match=r"1234\.56"):
        parse_amount(text)


@pytest.mark.ids("COST-1")
@pytest.mark.parametrize("text", ["1e26", "-1e26", "99999999999999999999999999.9999999999999"])
def test_amounts_beyond_38_digits_are_refused_not_rounded(text: str) -> None:
    with pytest.raises(MoneyError, match=r"does not fit into decimal\(38,12\)"):
        parse_amount(text)


@pytest.mark.ids("COST-1")
def test_negative_zero_is_zero() -> None:
    assert str(quantise(Decimal("-0.0"))) == str(quantise(Decimal("-1e-13"))) == "0E-12"


@pytest.mark.ids("COST-1")
def test_currencies_are_iso_4217_codes() -> None:
    assert {"USD", "EUR", "SEK", "XCG"} <= CURRENCIES
    assert not {"XXX", "XTS", "usd", "EURO"} & CURRENCIES
    assert len(CURRENCIES) == 180
    assert all(len(code) == 3 and code.isupper() for code in CURRENCIES)
