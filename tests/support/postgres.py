"""A real PostgreSQL for tests that read one.

Here: a private server with LiteLLM's tables, or the reason why there is none.
Not here: starting servers (``simulator.postgres``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from simulator import litellm
from simulator.postgres import OWNER, private_postgres, programs


@contextmanager
def litellm_server() -> Iterator[str]:
    """Address of LiteLLM's empty tables, as their owner; skips the test where PostgreSQL is not installed."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with private_postgres("litellm") as address:
        with psycopg.connect(address) as connection:
            litellm.create_tables(connection)
            connection.execute(litellm.INDEXES)
        yield address


def reader(address: str) -> str:
    """The same database for the role that may only read."""
    return address.replace(f"//{OWNER}@", f"//{litellm.READER}@", 1)


def log_calls(address: str, *calls: dict[str, Any]) -> None:
    """Let the proxy log calls."""
    with psycopg.connect(address) as connection:
        litellm.copy_rows(connection, iter(calls))
