"""Dashboards of a home: what the ledger knows is on them, a home without data says so, runs say which they write."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from finops.config import load_configuration
from finops.paths import Home
from guardrails import evaluate
from orchestration.dashboards import operations, pages_to_write
from orchestration.ledger import open_ledger
from orchestration.messaging import Messages
from reports.dashboards.catalogue import PAGES
from tests.support.guardrail_factory import AS_OF, budget_fact
from tests.support.small_config import write_small_config

POLICY = """
policies:
  - id: monthly-budget
    kind: budget
    description: A budget is nearly or fully used.
    owner: finops@example.com
    mode: enforce
    levels:
      - level: pause
        at: 1.0
        approvals: 1
        approval_hours: 2
        do: [{kind: notify, route: teams-finops}, {kind: pause, route: platform-hook}]
"""


@pytest.mark.ids("BI-1", "GUARD-3")
def test_what_waits_for_people_and_routes_is_handed_to_the_pages(tmp_path: Path) -> None:
    config = write_small_config(tmp_path / "config")
    (config / "guardrails.yml").write_text(POLICY, encoding="utf-8")
    configuration = load_configuration(config)
    home = Home(tmp_path / "home")
    policies = configuration.guardrails.policies
    assert operations(home, policies).decisions == ()
    with open_ledger(home) as ledger:
        fact = budget_fact("1.1", data_through=AS_OF - timedelta(hours=1))
        evaluate(ledger, [fact], configuration, Messages(home, configuration, {}, AS_OF).decision_body, as_of=AS_OF)
    found = operations(home, policies)
    (decision,) = found.decisions
    (waiting,) = found.approvals
    assert decision["policy_description"] == "A budget is nearly or fully used."
    assert decision["status"] == "PENDING_APPROVAL"
    assert (waiting["decision_id"], waiting["missing"], waiting["votes"]) == (decision["decision_id"], 1, [])
    assert {message["route_id"] for message in found.deliveries} == {"teams-finops", "platform-hook"}
    assert found.statements == []


@pytest.mark.ids("BI-1")
def test_a_home_without_data_has_every_page_and_each_says_so(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "published").mkdir(parents=True)
    refused = CliRunner().invoke(app, ["report", "build", "--home", str(home)])
    assert refused.exit_code == 1
    assert "Nothing has been published yet" in refused.output

    built = CliRunner().invoke(app, ["report", "build", "--home", str(home), "--as-of", "2026-10-20T06:00Z"])
    assert built.exit_code == 0, built.output
    company = [kind for kind in PAGES if kind.about == "company"]
    assert f"{len(company)} pages" in built.output
    for kind in company:
        page = home / "reports" / ("index.html" if kind.name == "executive" else f"{kind.name}.html")
        text = page.read_text(encoding="utf-8")
        assert "nothing billed in USD yet" in text, kind.name
        shown = re.sub(r"<(script|style).*?</\1>", "", text, flags=re.DOTALL)
        assert not re.search(r"\b(nan|NaT|Missing\()\b", shown), kind.name
    assert not list(home.glob(".reports*"))


@pytest.mark.ids("BI-1")
def test_a_run_writes_the_dashboards_that_the_environment_names() -> None:
    assert pages_to_write({}) == "all"
    assert pages_to_write({"AIFINOPS_DASHBOARDS": ""}) == "all"
    assert pages_to_write({"AIFINOPS_DASHBOARDS": "none"}) == "none"
    with pytest.raises(ValueError, match="AIFINOPS_DASHBOARDS is 'some'; it may be all, company, none"):
        pages_to_write({"AIFINOPS_DASHBOARDS": "some"})
