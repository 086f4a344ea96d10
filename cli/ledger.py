"""The ledger of a home, for the commands that need it.

Here: opening it, or saying why that cannot be.
Not here: options (options), what they stand for (inputs), any command (approvals, policy, audit).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cli.inputs import fail, home_of

if TYPE_CHECKING:
    from guardrails import Ledger


@contextmanager
def opened(home: Path | None) -> Iterator[Ledger]:
    """The ledger of a home that has one."""
    from guardrails import LedgerError
    from orchestration.ledger import has_ledger, open_ledger

    found = home_of(home)
    if not has_ledger(found):
        fail(f"{found.path} has no ledger yet; the first run makes it")
    try:
        with open_ledger(found) as ledger:
            yield ledger
    except LedgerError as error:
        fail(str(error))
