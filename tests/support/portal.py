"""A portal on this machine, for tests: real server, real ledger, published marts of the tests' organisation.

Here: its home, configuration and people, and clients that are signed on.
Not here: the issuer of identities (issuer), what is asserted.
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import httpx
import uvicorn
from fastapi import FastAPI

from finops.config import load_configuration
from finops.paths import PROJECT_DIR, Home
from finops.periods import utc_now
from guardrails import evaluate
from orchestration.gate import HomeGate
from orchestration.ledger import open_ledger
from orchestration.messaging import Messages
from portal.app import create_app
from portal.office import Office
from portal.people import Person
from portal.sessions import SESSION, Session
from reports.dashboards.access import Role
from tests.support.applications import running
from tests.support.guardrail_factory import AS_OF, budget_fact

ADMIN = Person("t/1", "admin@example.com", frozenset({Role.ADMIN}))
FINANCE = Person("t/2", "finance@example.com", frozenset({Role.FINANCE}))
SEARCH = Person("t/3", "lead@example.com", frozenset({Role.ENG}), frozenset({"search"}))
ROBOTICS = Person("t/4", "robots@example.com", frozenset({Role.ENG}), frozenset({"robotics"}))
ONCALL = Person("t/5", "oncall@example.com", frozenset({Role.ENG}), frozenset({"platform"}))
NOBODY = Person("t/6", "nobody@example.com", frozenset())
GATE_TOKEN, METRICS_TOKEN = "gate-token-of-tests", "metrics-token-of-tests"
SECRET = "a-client-secret-of-tests"

_GUARDRAILS = """\
policies:
  - id: monthly-budget
    kind: budget
    description: A budget is used up.
    owner: finops@example.com
    runbook: docs/runbooks/budget.md
    mode: enforce
    approvers: [oncall@example.com]
    levels:
      - level: pause
        at: 1.0
        approvals: 1
        do: [{kind: notify, route: teams-finops}, {kind: pause, route: platform-hook}]
"""
_PORTAL = """\
dagster_url: https://dagster.example.com/
sign_on:
  issuer: %s
  client_id: aifinops-portal
  client_secret_env: AIFINOPS_OIDC_SECRET
  api_audience: api://aifinops
grants:
  - {value: Admin, role: Admin}
  - {value: Finance, role: Finance}
  - {value: Search, role: Eng, teams: [search]}
  - {value: OnCall, role: Eng, teams: [platform]}
"""


@dataclass(frozen=True)
class TestPortal:
    """``url`` is where the server answers; ``decisions`` wait for oncall@example.com."""

    __test__ = False

    url: str
    office: Office
    app: FastAPI
    decisions: tuple[str, ...]
    clients: ExitStack

    def client(self, person: Person | None = None) -> httpx.Client:
        """A browser of somebody who has signed on; of a stranger without ``person``."""
        client = self.clients.enter_context(httpx.Client(base_url=self.url, timeout=60, follow_redirects=False))
        if person is not None:
            session = Session.of(person, utc_now())
            client.cookies.set(SESSION, self.office.sessions.write(session))
            client.headers["X-CSRF-Token"] = session.token
        return client


@contextmanager
def serving_portal(
    folder: Path,
    published: Path,
    *,
    issuer: str = "http://127.0.0.1:9",
    is_local: bool = False,
    environ: Mapping[str, str] | None = None,
    decisions: int = 1,
) -> Iterator[TestPortal]:
    """A portal with orders that wait for approval: a pause of team search, and of as many others."""
    home = Home(folder / "home")
    home.path.mkdir(parents=True)
    _publish(home, published)
    config = _configure(folder / "config", issuer)
    variables = {
        "AIFINOPS_OIDC_SECRET": SECRET,
        "AIFINOPS_GATE_TOKEN": GATE_TOKEN,
        "AIFINOPS_METRICS_TOKEN": METRICS_TOKEN,
        **(environ or {}),
    }
    with open_ledger(home) as ledger, socket.create_server(("127.0.0.1", 0)) as listener:
        gate = HomeGate(home, config, ledger, lambda: AS_OF, variables)
        waiting = []
        for team in ("search", "robotics", "support")[:decisions]:
            told = Messages(home, gate.configuration(), variables, AS_OF)
            fact = budget_fact(fact_id=f"budget-{team}", budget_id=team, scope_value=team)
            made = evaluate(ledger, [fact], gate.configuration(), told.decision_body, as_of=AS_OF)
            waiting += [one.decision_id for one in made.decisions]
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        office = Office.open(gate, address=url, is_local=is_local, environ=variables)
        app = create_app(office)
        served = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
        with running(served, listener), ExitStack() as clients:
            yield TestPortal(url, office, app, tuple(waiting), clients)


def _publish(home: Home, published: Path) -> None:
    """The marts as a run publishes them; budgets have the moments that the gate reads."""
    version = home.path / ".published" / "1"
    shutil.copytree(published, version)
    budgets = version / "fct_budget_status.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"""create table budgets as select * replace (
                coalesce(period_starts_at, period_start::timestamp) as period_starts_at,
                coalesce(period_ends_at, period_end::timestamp + interval 1 day) as period_ends_at,
                coalesce(billed_to_date, 0) as billed_to_date, coalesce(committed_cost, 0) as committed_cost
            ) from '{budgets}'"""
        )
        connection.table("budgets").write_parquet(str(budgets))
    home.published.symlink_to(Path(".published") / "1", target_is_directory=True)


def _configure(folder: Path, issuer: str) -> Path:
    shutil.copytree(PROJECT_DIR / "config", folder)
    (folder / "guardrails.yml").write_text(_GUARDRAILS, encoding="utf-8")
    (folder / "portal.yml").write_text(_PORTAL % issuer, encoding="utf-8")
    load_configuration(folder)
    return folder
