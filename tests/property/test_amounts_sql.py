"""The amounts that dbt reads from text against ``finops.money.parse_amount``."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from finops.money import MoneyError, parse_amount
from finops.paths import Home
from tests.support.lake_builder import run_dbt

pytestmark = [pytest.mark.ids("COST-1", "ING-10"), pytest.mark.xdist_group("dbt-project")]

_QUERY = (
    "select {{ amount_from_text('column0') }} as amount, "
    "{{ amount_from_text(amount_without_separators('column0', \"'1,234.56'\")) }} as american, "
    "{{ amount_from_text(amount_without_separators('column0', \"'1.234,56'\")) }} as european "
    "from (values ($1)) as texts (column0)"
)


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """A connection, and the query that dbt makes of the macros."""
    home = Home(tmp_path_factory.mktemp("amounts"))
    result = run_dbt(home, "compile", "--inline", _QUERY, "--quiet")
    assert result.returncode == 0, result.output
    sql = result.output[result.output.index("select") :]
    with duckdb.connect() as connection:
        yield connection, sql


def _read(reading: tuple[duckdb.DuckDBPyConnection, str], text: str) -> tuple[Decimal | None, ...]:
    connection, sql = reading
    found: tuple[Decimal | None, ...] = connection.execute(sql, [text]).fetchall()[0]
    return found


def _expected(text: str) -> Decimal | None:
    try:
        return parse_amount(text)
    except MoneyError:
        return None


_DIGITS = st.text("0123456789", max_size=30)
_SIGNS = st.sampled_from(["", "-", "+"])
# Ties are one in ten billion by chance, so every second text ends in one.
_TAILS = st.one_of(
    _DIGITS, st.builds("{}5{}".format, st.text("0123456789", min_size=12, max_size=12), st.text("0", max_size=4))
)
_PLAIN = st.builds("{}{}.{}".format, _SIGNS, st.text("0123456789", max_size=27), _TAILS)
_EXPONENTS = st.builds("{}{}{}".format, _PLAIN, st.sampled_from(["e", "E"]), st.integers(-40, 40))


@given(text=st.one_of(_PLAIN, _EXPONENTS, st.text("0123456789.,-+eE$ ", max_size=12)))
@settings(max_examples=400)
@example("0.0000000000005")
@example("-0.0000000000015")
@example("5E-13")
@example("15e-13")
@example("0.00000000000000000000000000000000000000000001e44")
@example("1e9999")
@example("99999999999999999999999999.9999999999995")
@example("0.00000000000049999999999999999999")
def test_sql_reads_what_the_kernel_reads(reading: tuple[duckdb.DuckDBPyConnection, str], text: str) -> None:
    trimmed = text.strip()  # staging trims before it reads
    assert _read(reading, trimmed)[0] == _expected(trimmed)


@pytest.mark.parametrize(
    ("text", "american", "european"),
    [
        ("$10,000.00 ", "10000", None),
        ("10000.00", "10000", None),
        ("-$1,234,567.891", "-1234567.891", None),
        ("(5.00)", "-5", None),
        ("1.234,56", None, "1234.56"),
        ("1234,56", None, "1234.56"),
        ("1.234", "1.234", "1234"),
        ("€ 5", "5", "5"),
        ("12,34", None, "12.34"),
        ("1,23,456", None, None),
        ("USD 5", None, None),
    ],
)
def test_separators_are_read_only_as_the_source_says(
    reading: tuple[duckdb.DuckDBPyConnection, str], text: str, american: str | None, european: str | None
) -> None:
    found = _read(reading, text)
    assert found[1:] == tuple(None if wanted is None else Decimal(wanted) for wanted in (american, european))
