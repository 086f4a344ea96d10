"""How numbers read."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from reports import formatting as f


def spaced(text: str) -> str:
    return text.replace(f.NBSP, " ")


@pytest.mark.ids("BI-1")
@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("12345.4", "USD 12,345"),
        ("0", "USD 0"),
        ("99.994", "USD 99.99"),
        ("-1234.5", "−USD 1,234"),
        ("-0.004", "USD 0.00"),
        ("0.3", "USD 0.30"),
    ],
)
def test_money(amount: str, text: str) -> None:
    assert spaced(f.money(Decimal(amount), "USD")) == text


@pytest.mark.ids("BI-1")
@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("-150.2", "−USD 150"),
        ("0.3", "<USD 1"),
        ("-0.3", ">−USD 1"),
        ("0", "USD 0"),
        ("0.5", "USD 0"),
        ("1.5", "USD 2"),
    ],
)
def test_a_sign_stands_before_the_currency_in_columns_too(amount: str, text: str) -> None:
    assert spaced(f.whole_money(Decimal(amount), "USD")) == text


@pytest.mark.ids("BI-1")
@pytest.mark.parametrize(
    ("amount", "text"),
    [("4.267", "USD 4.27"), ("0.03124", "USD 0.0312"), ("0.0000062", "USD 0.00000620"), ("1520.6", "USD 1,521")],
)
def test_cost_of_a_unit_keeps_three_digits_however_small(amount: str, text: str) -> None:
    assert spaced(f.unit_money(Decimal(amount), "USD")) == text


@pytest.mark.ids("BI-1")
@pytest.mark.parametrize(
    ("value", "text"),
    [("999", "999"), ("999.96", "1K"), ("1234567", "1.2M"), ("999950", "1M"), ("8.9e9", "8.9B"), ("-1500", "−1.5K")],
)
def test_compact_numbers_carry_into_the_next_unit(value: str, text: str) -> None:
    assert f.compact(Decimal(value)) == text


@pytest.mark.ids("BI-1")
def test_a_share_below_100_percent_never_reads_as_100() -> None:
    assert f.percent(Decimal("0.9996"), 1) != "100.0%"
    assert f.percent(Decimal("0.9499"), 1) == "95.0%"
    assert f.percent(Decimal("0.998")) == "99.8%"
    assert f.percent(Decimal("0.0004")) == "<1%"
    assert f.percent(Decimal(1)) == "100%"
    assert f.signed_percent(Decimal("0.121")) == "+12%"
    assert f.signed_percent(Decimal("-0.03")) == "−3%"
    assert f.signed_percent(Decimal("0.001")) == "0%"


@pytest.mark.ids("BI-1")
def test_days_and_counts() -> None:
    assert f.day(date(2026, 10, 8)) == "8 Oct 2026"
    assert f.moment(datetime(2026, 10, 20, 6, 5, tzinfo=UTC)) == "20 Oct 2026, 06:05 UTC"
    assert [f.count(n, "anomaly", "anomalies") for n in (0, 1, 2)] == ["no anomalies", "1 anomaly", "2 anomalies"]
    assert [f.age(hours) for hours in (1, 47.6, 60)] == ["1 hour", "48 hours", "2 days"]
    assert f.humanise("gpu_compute") == "GPU compute"
