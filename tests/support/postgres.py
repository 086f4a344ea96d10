"""A real PostgreSQL for tests that read one.

Here: a private server with LiteLLM's tables or an empty ledger, or the reason why there is none; stopping it hard.
Not here: making servers (``simulator.postgres``).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

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


@contextmanager
def ledger_server() -> Iterator[str]:
    """SQLAlchemy's address of an empty database; skips the test where PostgreSQL is not installed."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with private_postgres("ledger", survives_crashes=True) as address:
        yield address.replace("postgresql://", "postgresql+psycopg://")


def stop(address: str) -> None:
    """Pull the plug: transactions that are open are lost, connections break."""
    _control(address, "stop", "--mode", "immediate")


def start(address: str) -> None:
    """Start a server again that was stopped; it recovers what was committed."""
    # Not "start", which would forget the options that it was started with.
    _control(address, "restart", "--log", str(_folder(address) / "log"))


def _control(address: str, *arguments: str) -> None:
    folder, found = _folder(address), programs()
    assert found is not None
    owner = (folder / "data").stat()
    is_other = owner.st_uid != os.geteuid()
    subprocess.run(
        [str(found / "pg_ctl"), *arguments, "--wait", "--pgdata", str(folder / "data")],
        check=True,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=owner.st_uid if is_other else None,
        group=owner.st_gid if is_other else None,
        extra_groups=[] if is_other else None,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
    )


def _folder(address: str) -> Path:
    return Path(unquote(address.partition("host=")[2]))
