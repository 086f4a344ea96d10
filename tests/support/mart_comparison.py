"""Two builds of one mart, row by row.

Here: which rows of two Parquet relations differ, and in which columns.
Not here: building them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import duckdb

RELATIVE = 1e-9
"""How far apart doubles may be; everything else must be equal to the last digit."""

_SHOWN = 20


@dataclass
class MartComparison:
    """``problems`` is empty where both have the same rows, in whatever order."""

    mart: str
    expected_rows: int = 0
    found_rows: int = 0
    problems: list[str] = field(default_factory=list)


def compare_mart(mart: str, expected: Path, found: Path) -> MartComparison:
    """Compare the Parquet file or folder ``found`` with ``expected``, columns and their types included."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        types = []
        for name, path in (("expected", expected), ("found", found)):
            files = f"{path}/*.parquet" if path.is_dir() else str(path)
            connection.execute(f"create view {name} as select * from read_parquet('{files}')")
            types.append([tuple(row[:2]) for row in connection.execute(f"describe {name}").fetchall()])
        result = MartComparison(
            mart,
            *(connection.execute(f"select count(*) from {name}").fetchall()[0][0] for name in ("expected", "found")),
        )
        if types[0] != types[1]:
            unlike = sorted(map(str, set(types[0]) ^ set(types[1])))
            result.problems.append(f"{mart}: columns differ: {', '.join(unlike) or 'their order'}")
            return result
        result.problems += _different_rows(connection, mart, types[0])
    return result


def _different_rows(connection: duckdb.DuckDBPyConnection, mart: str, columns: list[tuple[str, str]]) -> list[str]:
    """Rows are paired by all columns that must be equal, then by their order of doubles."""
    doubles = [name for name, kind in columns if kind in ("DOUBLE", "FLOAT")]
    exact = [name for name, _ in columns if name not in doubles]
    for name in ("expected", "found"):
        order = ", ".join(f'"{column}"' for column in doubles) or "1"
        keys = ", ".join(f'"{column}"' for column in exact) or "1"
        connection.execute(
            f"create temp table numbered_{name} as "
            f"select *, row_number() over (partition by {keys} order by {order}) as _copy from {name}"
        )
    paired = " and ".join(
        [*(f'e."{column}" is not distinct from f."{column}"' for column in exact), "e._copy = f._copy"]
    )
    close = " and ".join(
        [
            "true",
            *(
                f'(e."{name}" is not distinct from f."{name}" or '
                f'abs(e."{name}" - f."{name}") <= {RELATIVE} * greatest(abs(e."{name}"), abs(f."{name}")))'
                for name in doubles
            ),
        ]
    )
    missing, surplus = (
        connection.execute(
            f"select * exclude (_copy) from numbered_{one} as {a} "
            f"where not exists (from numbered_{other} as {b} where {paired} and coalesce({close}, false)) order by all"
        ).fetchall()
        for one, a, other, b in (("expected", "e", "found", "f"), ("found", "f", "expected", "e"))
    )
    return _told(mart, [name for name, _ in columns], missing, surplus)


def _told(mart: str, columns: list[str], missing: list[tuple[Any, ...]], surplus: list[tuple[Any, ...]]) -> list[str]:
    """Every missing row beside the row that is most like it, as far as there is one."""
    if not missing and not surplus:
        return []
    problems = [f"{mart}: {len(missing)} rows are missing and {len(surplus)} should not be there"]
    others = list(surplus)
    for number, row in zip(count(1), missing[:_SHOWN], strict=False):
        if not others:
            problems.append(f"{mart}: missing row {number}: {dict(zip(columns, row, strict=True))}")
            continue
        twin = max(others, key=lambda other: sum(a == b for a, b in zip(row, other, strict=True)))
        others.remove(twin)
        unlike = [f"{name} is {b!r} instead of {a!r}" for name, a, b in zip(columns, row, twin, strict=True) if a != b]
        like = {name: a for name, a, b in zip(columns, row, twin, strict=True) if a == b and a is not None}
        problems.append(f"{mart}: {'; '.join(unlike)} in the row {dict(list(like.items())[:8])}")
    if not missing:
        problems += [f"{mart}: surplus row: {dict(zip(columns, row, strict=True))}" for row in surplus[:_SHOWN]]
    return problems
