"""A company where a guardrail acts: a cluster, people with mail, a portal that their links open.

Here: the parts around a home that a pipeline has built, each real or strict.
Not here: what happens to them (the tests).
"""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import duckdb
import uvicorn
import yaml

from finops.config import load_configuration
from finops.paths import CONFIG_VARIABLE, HOME_VARIABLE, PROJECT_DIR, Home
from finops.periods import utc_now
from guardrails import DecisionRecord, LinkKeys, deliver_pending
from orchestration.dashboards import PAGES_VARIABLE
from orchestration.gate import HomeGate
from orchestration.ledger import open_ledger
from orchestration.run import run_job
from orchestration.workspace import AS_OF_VARIABLE
from portal.gate import application
from tests.support.applications import running
from tests.support.fake_kubernetes import FakeKubernetes, kubeconfig, serving
from tests.support.mail_server import MailServer, receiving_mail
from tests.support.pipeline import Recorder

OWNER = "robotics@example.com"


@dataclass
class Company:
    """``home`` shares what the pipeline has built, and has a ledger of its own."""

    home: Home
    config: Path
    environ: dict[str, str]
    cluster: FakeKubernetes
    mail: MailServer
    training: str
    """Path of the job that trains, in the cluster."""
    other: str
    """Path of a job of another team."""

    def is_suspended(self, path: str) -> bool:
        return bool(self.cluster.objects[path]["spec"]["suspend"])

    def link(self, action: str) -> str:
        """The newest mail's link for an action."""
        keys = LinkKeys((self.home.path.joinpath("link.key").read_bytes(),))
        for _, mail in reversed(self.mail.mails):
            for url in re.findall(r"https?://[^\s\"<>]+/l/[A-Za-z0-9_.-]+", text_of(mail)):
                if keys.read(url.rpartition("/")[2]).action == action:
                    return url
        raise AssertionError(f"no mail has a link to {action}")

    def run(self, job: str, at: datetime) -> None:
        """One of Dagster's jobs on this home, which reports on ``at`` and draws no pages: nobody looks at them here."""
        place = {
            HOME_VARIABLE: str(self.home.path),
            CONFIG_VARIABLE: str(self.config),
            AS_OF_VARIABLE: at.isoformat(),
            PAGES_VARIABLE: "none",
        }
        run_job(job, self.home, self.environ | place, Recorder([]).listener)

    def deliver(self) -> None:
        with open_ledger(self.home) as ledger:
            routes = load_configuration(self.config).routing.routes
            deliver_pending(ledger, routes, self.environ, now=utc_now())

    def decisions(self) -> list[DecisionRecord]:
        with open_ledger(self.home) as ledger:
            return ledger.decisions()

    def audit_problems(self) -> tuple[str, ...]:
        with open_ledger(self.home) as ledger:
            return ledger.verify().problems

    def begin_month(self, month: str, at: datetime, budget_id: str) -> None:
        """What the marts say on a new month's first morning: the budget's new period, nothing spent, no data yet."""
        mart = self.home.published / "fct_guardrail_facts.parquet"
        moment = f"timestamp '{at:%Y-%m-%d %H:%M:%S}'"
        duckdb.sql(
            f"copy (select * replace ('{month}' as period, 0::decimal(38, 12) as value, 0 as ratio, "
            "null as projected_ratio, "
            f"-reference as increase_amount, {moment} as as_of) from read_parquet('{mart}') "
            f"where kind = 'budget' and budget_id = '{budget_id}') to '{mart}.new' (format parquet)"
        )
        Path(f"{mart}.new").replace(mart)


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def _routing(mail_port: int) -> dict[str, Any]:
    target = {
        "scope": {"level": "team", "value": "robotics"}, "namespaces": ["vision"],
        "pause": [{"how": "suspend_jobs"}],
    }  # fmt: skip
    return {
        "routes": [
            {"id": "teams-finops", "kind": "teams", "url_env": "AIFINOPS_TEAMS_URL", "allow_private_addresses": True},
            {
                "id": "mail-owner", "kind": "email", "host_env": "SMTP_HOST", "port": mail_port, "security": "none",
                "sender": "finops@example.com", "to": [OWNER], "allow_private_addresses": True,
            },
            {"id": "cluster", "kind": "kubernetes", "kubeconfig_env": "KUBECONFIG_FILE", "targets": [target]},
        ],
        "rules": [{"id": "incidents", "kinds": ["incident"], "min_severity": "medium", "route": "teams-finops"}],
    }  # fmt: skip


@contextmanager
def company(
    built: Home, folder: Path, environ: Mapping[str, str], *, budget_id: str, pause_at: Decimal, now: datetime
) -> Iterator[Company]:
    """A company on top of a built home, whose guardrail pauses training when ``pause_at`` of the budget is used."""
    config = folder / "config"
    shutil.copytree(PROJECT_DIR / "config", config)
    tell = [{"kind": "notify", "route": "teams-finops"}, {"kind": "notify", "route": "mail-owner"}]
    policy = {
        "id": "training-month", "kind": "budget", "description": "Training has used its month.", "owner": OWNER,
        "runbook": "docs/runbooks/budget.md", "mode": "enforce", "budgets": [budget_id], "basis": "actual",
        "levels": [
            {
                "level": "pause", "at": float(pause_at), "approvals": 1,
                "do": [*tell, {"kind": "pause", "route": "cluster"}],
            }
        ],
        "clear_below": float(pause_at) - 0.05,
    }  # fmt: skip
    (config / "guardrails.yml").write_text(yaml.safe_dump({"policies": [policy]}, sort_keys=False), encoding="utf-8")
    home = Home(folder / "home")
    home.path.mkdir()
    home.warehouse.symlink_to(built.warehouse)
    shutil.copytree(built.published.resolve(), home.published)
    with socket.create_server(("127.0.0.1", 0)) as listener, serving() as cluster, receiving_mail() as mail:
        cluster.namespace("vision")
        cluster.namespace("payroll")
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        variables = {
            **environ,
            "AIFINOPS_PORTAL_URL": address,
            "SMTP_HOST": "127.0.0.1",
            "KUBECONFIG_FILE": str(kubeconfig(folder / "kubeconfig", cluster)),
        }
        (config / "routing.yml").write_text(yaml.safe_dump(_routing(mail.port), sort_keys=False), encoding="utf-8")
        found = Company(
            home, config, variables, cluster, mail,
            training=cluster.job("vision/retrain"), other=cluster.job("payroll/month-end"),
        )  # fmt: skip
        with open_ledger(home) as ledger:
            gate = HomeGate(home, config, ledger, lambda: now, variables)
            with running(uvicorn.Config(application(gate, "token"), log_level="warning"), listener):
                yield found
