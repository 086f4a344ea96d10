"""Where the budget gate is that a job asks: at an address, or in a home on this machine.

Here: finding it; a home's own gate, answering as the HTTP endpoint would.
Not here: HTTP (gate_client), options and words (gate), the judgement (guardrails.gate).

A job's step must not wait for imports: whatever only a home on this machine needs is imported where it is used.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import typer

from cli.gate_client import GateClient, RefusedError, UnreachableError

if TYPE_CHECKING:
    from orchestration.gate import HomeGate

URL_VARIABLE = "AIFINOPS_GATE_URL"
TOKEN_VARIABLE = "AIFINOPS_GATE_TOKEN"  # noqa: S105 - the name of a variable


class Gate(Protocol):
    """A gate elsewhere, or that of a home on this machine; documents as the HTTP endpoint has them."""

    def ask(self, document: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]: ...

    def look_up(self, ask_id: str) -> dict[str, Any]: ...

    def settle(self, ask_id: str, actual: str, currency: str) -> dict[str, Any]: ...

    def release(self, ask_id: str, why: str | None) -> dict[str, Any]: ...


@contextmanager
def gate_of(url: str | None, home: Path | None, config: Path | None, as_of: str | None) -> Iterator[Gate]:
    """The gate that is asked: at an address, or that of a home on this machine.

    Raises:
        UnreachableError: nobody answers, or the home has nothing to judge by.
    """
    address = url or (None if home else os.environ.get(URL_VARIABLE))
    if address:
        try:
            yield GateClient(address, os.environ.get(TOKEN_VARIABLE))
        except RefusedError as error:
            refuse(str(error))
        return
    with home_gate(home, config, as_of) as office:
        yield _LocalGate(office)


@contextmanager
def home_gate(home: Path | None, config: Path | None, as_of: str | None) -> Iterator[HomeGate]:
    """The gate of a home on this machine.

    Raises:
        UnreachableError: it has nothing to judge by.
    """
    from finops.config import ConfigError
    from finops.paths import Home, config_dir
    from finops.periods import as_utc, utc_now
    from guardrails import LedgerError
    from orchestration.gate import HomeGate, NothingPublishedError
    from orchestration.ledger import open_ledger

    given = as_of or os.environ.get("AIFINOPS_AS_OF")
    try:
        moment = datetime.fromisoformat(given) if given else None
    except ValueError:
        refuse(f"--as-of {given!r} is not a time; write it like 2026-10-20T06:00Z")
    if moment is not None and moment.tzinfo is None:
        refuse(f"--as-of {given!r} has no time zone; write it like 2026-10-20T06:00Z")
    clock = (lambda: as_utc(moment)) if moment else utc_now
    place = Home(home.resolve()) if home else Home.from_environment()
    try:
        with open_ledger(place) as ledger:
            yield HomeGate(place, (config or config_dir()).resolve(), ledger, clock, os.environ)
    except (ConfigError, LedgerError, NothingPublishedError) as error:
        raise UnreachableError(str(error)) from None


class _LocalGate:
    """The gate of a home on this machine, as the HTTP endpoint would answer."""

    def __init__(self, office: HomeGate) -> None:
        self._office = office

    def ask(self, document: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        from guardrails import gate as rules

        wanted = rules.parse_ask(document)
        if dry_run:
            answer = self._office.peek(wanted)
            return answer.as_dict() | {"exit_code": answer.outcome.exit_code}
        (reply,) = self._office.ask([wanted])
        if isinstance(reply, rules.GateError):
            raise reply
        self._office.tell([reply])
        return reply.as_dict()

    def look_up(self, ask_id: str) -> dict[str, Any]:
        return self._office.look_up(ask_id).as_dict()

    def settle(self, ask_id: str, actual: str, currency: str) -> dict[str, Any]:
        from guardrails import gate as rules

        return self._office.settle(ask_id, *rules.parse_price(actual, currency)).as_dict()

    def release(self, ask_id: str, why: str | None) -> dict[str, Any]:
        return self._office.release(ask_id, why).as_dict()


def refuse(message: str) -> NoReturn:
    """Say on stderr what is wrong with the question, and end with status 2: no answer of the gate has it."""
    typer.echo(f"✗ {message}", err=True)
    raise typer.Exit(2)
