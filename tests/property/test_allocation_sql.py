"""The split that dbt runs against ``finops.money.split``, an independent implementation in Python's Decimal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Context, Decimal

import duckdb
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from finops.money import QUANTUM, split
from finops.paths import Home
from tests.support.lake_builder import run_dbt

pytestmark = pytest.mark.xdist_group("dbt-project")

Pool = tuple[Decimal, list[Decimal]]

# What as_weights() and the steps of int_allocation do with the two macros, on a table of pools.
QUERY = """
with summed as (
    select *, sum(driver_value) over (partition by charge_id) as set_value from pools where driver_value > 0
),
scaled as (
    select *, {{ weight_units('driver_value', 'set_value') }} as weight_units from summed
),
totals as (
    select *, sum(weight_units) over (partition by charge_id) as total_units from scaled
),
parts as (
    {{ split_exactly('totals', 'charge_id', ['amount', 'unknown'], ['charge_id', 'target_number'], 'target_number') }}
)
select charge_id, target_number, amount, unknown from parts order by charge_id, target_number
"""
EXACT = Context(prec=80)
LARGEST = 10**38 - 1  # units of 1e-12 in a decimal(38,12)


def _money(units: int) -> Decimal:
    return EXACT.scaleb(Decimal(units), -12)


def _units(amount: Decimal) -> int:
    return int(EXACT.scaleb(amount, 12))


def _sizes(largest: int) -> st.SearchStrategy[int]:
    """Upper bounds, so that small numbers are as usual as large ones."""
    return st.sampled_from([size for size in (10, 10**6, 10**12, 10**18, 10**24) if size < largest] + [largest])


AMOUNTS = _sizes(LARGEST).flatmap(lambda size: st.integers(-size, size)).map(_money)
WEIGHTS = st.lists(
    _sizes(80_000 * 10**12).flatmap(lambda size: st.integers(0, size)).map(_money), min_size=1, max_size=12
)
HUGE_WEIGHTS = st.lists(_sizes(10**36).flatmap(lambda size: st.integers(0, size)).map(_money), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def compiled_split(tmp_path_factory: pytest.TempPathFactory) -> str:
    result = run_dbt(Home(tmp_path_factory.mktemp("split")), "--quiet", "compile", "--inline", QUERY)
    assert result.returncode == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set threads = 1")
        yield connection


def _split_in_sql(connection: duckdb.DuckDBPyConnection, sql: str, pools: Sequence[Pool]) -> list[dict[int, Decimal]]:
    rows = [
        {"charge_id": charge, "target_number": target, "amount": amount, "unknown": None, "driver_value": weight}
        for charge, (amount, weights) in enumerate(pools)
        for target, weight in enumerate(weights)
    ]
    money = pa.decimal128(38, 12)
    schema = pa.schema(
        [
            ("charge_id", pa.int64()),
            ("target_number", pa.int64()),
            ("amount", money),
            ("unknown", money),
            ("driver_value", money),
        ]
    )
    connection.register("pools", pa.Table.from_pylist(rows, schema=schema))
    found: list[dict[int, Decimal]] = [{} for _ in pools]
    for charge, target, part, unknown in connection.execute(sql).fetchall():
        assert unknown is None, "a cost that the producer did not give has no parts"
        found[charge][target] = part
    connection.unregister("pools")
    return found


@pytest.mark.ids("ALLOC-2")
@given(pools=st.lists(st.tuples(AMOUNTS, WEIGHTS.filter(any)), min_size=1, max_size=40))
@example(
    pools=[
        (Decimal(-1), [Decimal(1)] * 3),
        (_money(LARGEST), [QUANTUM, Decimal(80_000), Decimal("79999.999999999999")]),
    ]
)
@example(
    pools=[
        (-QUANTUM, [Decimal(3), Decimal("1.4")]),
        (Decimal(0), [Decimal(1), Decimal(0)]),
        (_money(-LARGEST), [QUANTUM] * 12),
    ]
)
def test_sql_splits_like_the_kernel(engine: duckdb.DuckDBPyConnection, compiled_split: str, pools: list[Pool]) -> None:
    for (amount, weights), parts in zip(pools, _split_in_sql(engine, compiled_split, pools), strict=True):
        assert [parts.get(target, Decimal(0)) for target in range(len(weights))] == split(amount, weights)


@pytest.mark.ids("ALLOC-2")
@given(pools=st.lists(st.tuples(AMOUNTS, HUGE_WEIGHTS.filter(any)), min_size=1, max_size=20))
@example(pools=[(_money(LARGEST), [Decimal(10) ** 24] * 12), (_money(-LARGEST), [Decimal(10) ** 24, QUANTUM])])
def test_weights_of_any_size_sum_to_the_charge_and_stay_close(
    engine: duckdb.DuckDBPyConnection, compiled_split: str, pools: list[Pool]
) -> None:
    """Weights above 1e6 in sum lose digits; the sum of the parts never does."""
    for (amount, weights), parts in zip(pools, _split_in_sql(engine, compiled_split, pools), strict=True):
        assert sum(map(_units, parts.values())) == _units(amount)
        exact = split(amount, weights)
        for target, part in parts.items():
            assert abs(_units(part) - _units(exact[target])) <= 2 + abs(_units(amount)) // 10**16
