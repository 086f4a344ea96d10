"""Stores that several modules of these tests use.

Here: an empty ledger's address on each engine, with one PostgreSQL for all tests of a process.
Not here: servers that a test stops hard (tests/support/postgres.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from simulator.postgres import private_postgres, programs


@pytest.fixture(scope="session")
def postgres_of_ledgers() -> Iterator[str | None]:
    """SQLAlchemy's address of a database; None where PostgreSQL is not installed."""
    if programs() is None:
        yield None
        return
    with private_postgres("ledger") as address:
        yield address.replace("postgresql://", "postgresql+psycopg://", 1)


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """SQLAlchemy's address of an empty database, once on each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    server: str | None = request.getfixturevalue("postgres_of_ledgers")
    if server is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    engine = create_engine(server)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return server
