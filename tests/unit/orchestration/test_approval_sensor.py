"""Questions that guardrails put to people end without another evaluation."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from finops.config import load_configuration
from finops.paths import Home
from finops.periods import utc_now
from guardrails import MessageStatus, Status, evaluate, messages
from orchestration.ledger import open_ledger
from orchestration.messaging import Messages
from orchestration.sensors import approval_sensor
from orchestration.workspace import Workspace
from tests.support.guardrail_factory import budget_fact
from tests.support.small_config import write_small_config

pytestmark = pytest.mark.ids("GUARD-3")

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


def look(workspace: Workspace) -> str:
    found = approval_sensor(dg.build_sensor_context(), workspace=workspace)
    assert isinstance(found, dg.SkipReason)
    assert found.skip_message
    return found.skip_message


def test_a_home_without_a_ledger_gets_none(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert look(Workspace(home_path=str(home))) == "No guardrail has decided anything yet."
    assert not home.exists()


@pytest.mark.parametrize(("minutes", "ends"), [(119, False), (121, True)])
def test_a_question_ends_when_nobody_answered_in_time(tmp_path: Path, minutes: int, ends: bool) -> None:
    config = write_small_config(tmp_path / "config")
    (config / "guardrails.yml").write_text(POLICY, encoding="utf-8")
    configuration = load_configuration(config)
    at = utc_now() - timedelta(minutes=minutes)
    home = Home(tmp_path / "home")
    with open_ledger(home) as ledger:
        fact = budget_fact("1.1", data_through=at - timedelta(hours=1))
        evaluate(ledger, [fact], configuration, Messages(home, configuration, {}, at).decision_body, as_of=at)
    workspace = Workspace(home_path=str(tmp_path / "home"), config_path=str(config))
    assert look(workspace).startswith("1 ended unanswered: gd_" if ends else "Nothing has run out.")
    with workspace.ledger() as ledger:
        assert [record.status for record in ledger.decisions()] == [Status.EXPIRED if ends else Status.PENDING_APPROVAL]
        order = next(message for message in messages(ledger) if message.is_order)
        assert order.status == (MessageStatus.WITHDRAWN if ends else MessageStatus.AWAITING_APPROVAL)
        assert ("Nobody answered in time" in "".join(message.body for message in messages(ledger))) is ends
        assert ledger.verify().is_intact
