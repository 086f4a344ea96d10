"""The budget gate of a home: its published budgets, its configuration, its ledger.

Here: reading them, again when they change, and telling people of what needs them.
Not here: the judgement and what is held (guardrails.gate).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb

import guardrails
from finops.config import Configuration, load_configuration
from finops.paths import Home
from guardrails import gate

_LINES = """
select
    status.budget_id, status.scope_type, status.scope_value, status.period_starts_at, status.period_ends_at,
    status.currency, status.budget_amount,
    status.billed_to_date
        + coalesce(status.calibrated_estimated_since_billed, status.estimated_since_billed, 0)
        + status.committed_cost,
    status.billed_through,
    coalesce((
        select bool_and(checks.is_reconciled) from read_parquet($reconciliation) as checks
        where checks.billing_currency = status.currency
            and checks.usage_date between status.period_start and status.period_end
    ), false)
from read_parquet($status) as status
"""
_RATES = """
select billing_currency, max_by(exchange_rate, usage_date) from read_parquet($rates)
where exchange_rate is not null group by 1
"""
_STATUS, _RECONCILIATION, _RATE_MART = "fct_budget_status", "fct_reconciliation_daily", "fct_exchange_rate_daily"


class NothingPublishedError(LookupError):
    """The home has no budgets to judge by yet."""


def read_gate_facts(home: Home, configuration: Configuration) -> gate.GateFacts:
    """Where the last run's published budgets stand.

    Raises:
        NothingPublishedError: nothing was published yet.
    """
    # One version of all of them, also where a run swaps them meanwhile.
    published = home.published.resolve()
    files = {name: published / f"{name}.parquet" for name in (_STATUS, _RECONCILIATION, _RATE_MART)}
    for file in files.values():
        if not file.exists():
            raise NothingPublishedError(f"{home.path} has no {file.stem} yet; run `aifinops run` first")
    with duckdb.connect() as connection:
        rows = connection.execute(
            _LINES, {"status": str(files[_STATUS]), "reconciliation": str(files[_RECONCILIATION])}
        ).fetchall()
        rates = connection.execute(_RATES, {"rates": str(files[_RATE_MART])}).fetchall()
    parents = {budget.id: budget.parent for budget in configuration.budgets.budgets}
    lines = [
        gate.BudgetLine(
            budget_id=budget_id,
            scope_type=scope_type,
            scope_value=scope_value,
            parent=parents.get(budget_id),
            period_starts_at=starts_at.replace(tzinfo=UTC),
            period_ends_at=ends_at.replace(tzinfo=UTC),
            currency=currency,
            amount=amount,
            used=used,
            data_through=_end_of(billed_through),
            is_reconciled=is_reconciled,
        )
        for (
            budget_id,
            scope_type,
            scope_value,
            starts_at,
            ends_at,
            currency,
            amount,
            used,
            billed_through,
            is_reconciled,
        ) in rows
    ]
    return gate.GateFacts(
        lines={line.budget_id: line for line in lines},
        team_of_app={owner.app: owner.team for owner in configuration.tags.apps},
        business_unit_of_team={
            team.team: team.business_unit for team in configuration.tags.teams if team.business_unit
        },
        known_values={
            level: frozenset(names)
            for level, names in (
                ("team", [team.team for team in configuration.tags.teams]),
                ("app", [owner.app for owner in configuration.tags.apps]),
            )
            # A configuration without teams or apps leaves both to the tags of the resources.
            if names
        },
        rates=dict(rates),
    )


def _end_of(day: date | None) -> datetime | None:
    # A day's bill covers it to its end.
    return datetime.combine(day + timedelta(days=1), time(), UTC) if day is not None else None


@dataclass(frozen=True)
class _Known:
    version: tuple[object, Configuration]
    facts: gate.GateFacts
    configuration: Configuration


class HomeGate:
    """The gate of one home; threads may share it.

    Budgets and settings are read again as soon as a run publishes or a file of the configuration changes.
    """

    def __init__(
        self,
        home: Home,
        config: Path,
        ledger: guardrails.Ledger,
        clock: Callable[[], datetime],
        environ: Mapping[str, str],
    ) -> None:
        self.home = home
        self.config = config
        self.ledger = ledger
        self.clock = clock
        self.environ = environ
        self._lock = threading.Lock()
        self._known: _Known | None = None
        self._configured: tuple[object, Configuration] | None = None

    def known(self) -> tuple[gate.GateFacts, Configuration]:
        """Budgets and configuration as they are now.

        Raises:
            ConfigError, NothingPublishedError: there is nothing to judge by.
        """
        configuration = self.configuration()
        version = (self.home.published.resolve(), configuration)
        with self._lock:
            if self._known is None or self._known.version[0] != version[0] or self._known.version[1] is not version[1]:
                self._known = _Known(version, read_gate_facts(self.home, configuration), configuration)
            return self._known.facts, self._known.configuration

    def configuration(self) -> Configuration:
        """The configuration as it is now.

        Raises:
            ConfigError: it is not valid.
        """
        files = tuple((file, file.stat().st_mtime_ns) for file in sorted(self.config.glob("*.yml")))
        with self._lock:
            if self._configured is None or self._configured[0] != files:
                self._configured = files, load_configuration(self.config)
            return self._configured[1]

    def ask(self, asks: Sequence[gate.Ask], *, advances_checkpoint: bool = True) -> list[gate.Reply | gate.GateError]:
        """Answer asks in one transaction, in their order."""
        facts, configuration = self.known()
        return gate.answer_asks(
            self.ledger,
            asks,
            facts,
            configuration.guardrails.gate,
            now=self.clock(),
            advances_checkpoint=advances_checkpoint,
        )

    def peek(self, ask: gate.Ask) -> gate.Answer:
        """What an ask would be answered now; nothing is held and nothing recorded."""
        facts, configuration = self.known()
        held = gate.held_totals(self.ledger)
        return gate.judge(ask, facts, held, configuration.guardrails.gate, self.clock())

    def look_up(self, ask_id: str) -> gate.Reply:
        return gate.look_up(self.ledger, ask_id)

    def settle(self, ask_id: str, actual: Decimal, currency: str) -> gate.Reply:
        return gate.settle(self.ledger, ask_id, actual, currency, self.known()[0], now=self.clock())

    def release(self, ask_id: str, why: str | None) -> gate.Reply:
        return gate.release(self.ledger, ask_id, now=self.clock(), why=why)

    def vote(self, ask_id: str, verdict: gate.Vote, who: str, why: str) -> gate.Reply:
        facts, configuration = self.known()
        return gate.vote(
            self.ledger, ask_id, verdict, who, facts, configuration.guardrails.gate, now=self.clock(), why=why
        )

    def tell(self, replies: Sequence[gate.Reply]) -> None:
        """Let people hear, once each, of asks that wait for them and of broken glass."""
        configuration = self.known()[1]
        route = configuration.guardrails.gate.route
        concern = [
            reply for reply in replies if reply.status == gate.AskStatus.WAITING or reply.document["ask"]["break_glass"]
        ]
        if route is None or not concern:
            return
        # What messages need takes long to import, and most asks need nobody.
        from orchestration.messaging import Messages

        now = self.clock()
        messages = Messages(self.home, configuration, self.environ, now)
        for reply in concern:
            messages.record_ask(self.ledger, reply.as_dict(), route)
        messages.queue_due(self.ledger)
        guardrails.deliver_pending(
            self.ledger, configuration.routing.routes, self.environ, now=now, files=self.home.path
        )
