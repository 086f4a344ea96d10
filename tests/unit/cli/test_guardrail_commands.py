"""``aifinops approvals``, ``policy`` and ``audit``, as a person or a pipeline of changes uses them."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from finops.config import load_configuration
from finops.paths import Home
from guardrails import evaluate
from orchestration.ledger import CHECKPOINT_VARIABLE, open_ledger
from orchestration.messaging import Messages
from tests.support.guardrail_factory import AS_OF, budget_fact
from tests.support.small_config import write_small_config

pytestmark = pytest.mark.ids("GUARD-1", "GUARD-3", "SEC-3")

POLICIES = """
audit: {keep_days: 90}
policies:
  - id: monthly-budget
    kind: budget
    description: A budget is nearly or fully used.
    owner: finops@example.com
    mode: enforce
    levels:
      - {level: warn, at: 0.8, do: [{kind: notify, route: teams-finops}]}
      - level: pause
        at: 1.0
        approvals: 2
        grace_minutes: 30
        do: [{kind: notify, route: teams-finops}, {kind: pause, route: platform-hook}]
    never_touch: [support-copilot]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = write_small_config(tmp_path / "config")
    (folder / "guardrails.yml").write_text(POLICIES, encoding="utf-8")
    return folder


@pytest.fixture
def home(tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home where the pause of team search waits for two people."""
    monkeypatch.setenv(CHECKPOINT_VARIABLE, str(tmp_path / "elsewhere.json"))
    place = Home(tmp_path / "home")
    configuration = load_configuration(config)
    render = Messages(place, configuration, {}, AS_OF).decision_body
    with open_ledger(place) as ledger:
        evaluate(ledger, [budget_fact("1.05")], configuration, render, as_of=AS_OF)
    return place.path


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments], env={"COLUMNS": "240", "NO_COLOR": "1"})


def said(result: Result) -> str:
    return re.sub(r"\s+", " ", result.output)


def at(hours: int) -> str:
    return (AS_OF + timedelta(hours=hours)).isoformat()


def waiting(home: Path) -> list[dict[str, Any]]:
    done = run("approvals", "list", "--json", "--home", home)
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.output)
    return found


def test_two_people_agree_and_the_order_is_given(home: Path, config: Path) -> None:
    listed = said(run("approvals", "list", "--home", home))
    assert "team:search" in listed
    assert "Waiting for approval of 2 until 21 Oct 06:00 UTC" in listed
    assert "has used 105.0% of its October 2026 budget" in listed
    [question] = waiting(home)
    common = ("--home", home, "--config", config, "--as-of", at(1))
    first = run("approvals", "approve", question["decision_id"][:8], "--who", "ann", "--why", "agreed", *common)
    assert said(first) == "team:search: Waiting for approval of 1 more (ann agreed) "
    second = run("approvals", "approve", question["decision_id"], "--who", "bob", *common)
    assert said(second) == "team:search: Asked for (ann agreed, bob agreed), 30 minutes after the last of them "
    assert run("approvals", "list", "--home", home).output == "Nothing waits for approval.\n"
    assert "bob agreed" in said(run("approvals", "list", "--all", "--home", home))
    third = run("approvals", "deny", question["decision_id"], "--who", "cyd", "--why", "late", *common)
    assert third.exit_code == 1
    assert "is EXECUTING: nobody waits for an answer any more" in said(third)


def test_an_override_is_announced_with_what_it_released(home: Path, config: Path) -> None:
    common = ("--home", home, "--config", config, "--as-of", at(1), "--who", "ann")
    done = run("policy", "override", "--target", "team:search", "--hours", 3, "--why", "customers wait", *common)
    assert done.exit_code == 0, done.output
    assert "team:search: all orders are held until 2026-10-20 10:00 UTC (1 released or withdrawn)" in said(done)
    assert "because ann holds all orders about it for 3 hours: customers wait; nobody had approved it" in said(done)
    assert waiting(home) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("policy", "override"), "name a decision, or a target with --target team:search"),
        (("policy", "override", "--target", "search", "--why", "x"), "--target 'search' is no target"),
        (("policy", "override", "--target", "team:search"), "say who breaks the glass, and why"),
        (("approvals", "approve", "gd_x"), "no decision gd_x was put to anybody; `aifinops approvals list` shows"),
        (("approvals", "approve", "gd_x", "--as-of", "soon"), "--as-of 'soon' is not a time"),
        (("audit", "prune", "--before", "May", "--why", "x"), "--before 'May' is not a day"),
        (
            ("audit", "prune", "--before", "2026-10-21", "--why", "x", "--as-of", "2026-11-01"),
            "for 90 days: name a day",
        ),
    ],
)
def test_what_cannot_be_done_says_why(home: Path, config: Path, arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments, "--home", home, "--config", config)
    assert done.exit_code == 1
    assert message in said(done)


@pytest.mark.parametrize(
    "command",
    [("approvals", "list"), ("audit", "verify"), ("actuators", "verify"), ("deliveries", "enable", "teams-finops")],
)
def test_a_home_without_a_ledger_says_so(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(*command, "--home", tmp_path / "none")
    assert done.exit_code == 1
    assert "has no ledger yet; the first run makes it" in said(done)


def test_the_record_is_proven_pruned_and_proven_again(home: Path, config: Path) -> None:
    first = run("audit", "verify", "--home", home)
    assert first.exit_code == 0, first.output
    assert "everything is as it was written" in first.output
    assert re.search(
        r"Complete up to entry \d+ by the checkpoints \S+ledger\.checkpoint and \S+elsewhere\.json", said(first)
    )
    pruned = run(
        "audit", "prune", "--before", "2026-10-21", "--why", "the law", "--who", "ann",
        "--home", home, "--config", config, "--as-of", "2027-06-01",
    )  # fmt: skip
    assert pruned.exit_code == 0, pruned.output
    assert "entries removed (1 to " in pruned.output
    document = json.loads(run("audit", "verify", "--json", "--home", home).output)
    assert (document["problems"], document["entries"]) == ([], 1)
    assert document["removed_entries"] == document["checkpoint_sequence"] - 1


def test_tampering_fails_the_command_and_names_what_was_changed(home: Path) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(home / "ledger.sqlite")) as connection, connection:
        connection.execute("UPDATE decision SET document = replace(document, '1.05', '0.05')")
    done = run("audit", "verify", "--home", home)
    assert done.exit_code == 1
    assert re.search(r"✗ decision gd_\w+ was changed", said(done))


# ── aifinops policy check ─────────────────────────────────────────────────────────────────────────────────────────────


def test_each_policy_is_told_in_a_sentence(config: Path) -> None:
    done = run("policy", "check", "--config", config)
    assert done.exit_code == 0, done.output
    assert (
        "monthly-budget (enforce) When a budget has used a share of its amount: at 80.0% teams-finops is told; "
        "at 100.0% teams-finops is told and platform-hook is asked to pause it once 2 people agree (within 24 hours), "
        "30 minutes later. It never acts on support-copilot."
    ) in said(done)
    assert "1 policies, 0 warnings" in said(done)


def test_the_policies_that_are_shipped_are_sound(project_dir: Path) -> None:
    done = run("policy", "check", project_dir / "config", "--json", "--as-of", "2026-10-20")
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)["policies"]
    assert [one["id"] for one in found] == ["company-budget", "monthly-budget", "usage-doubled"]
    assert all(warning.startswith("it is a dry run") for one in found for warning in one["warnings"])


@pytest.mark.parametrize(
    ("old", "new", "warning"),
    [
        ("mode: enforce", "mode: dry_run", "it is a dry run: nobody is asked to act"),
        ("mode: enforce", "mode: off", "it is off: nothing is judged"),
        ("mode: enforce", "mode: enforce\n    expires_on: 2026-10-19", "it expired on 2026-10-19"),
        ("[support-copilot]", "[search]\n    budgets: [search]", "every target that it can have is on never_touch"),
        (
            "[support-copilot]",
            "[]\n    only_touch: [support-copilot]\n    budgets: [search]",
            "only_touch names support-",
        ),
        (
            "{kind: notify, route: teams-finops}, {kind: pause, route: platform-hook}]",
            "{kind: notify, route: teams-finops}]",
            "level pause only tells people",
        ),
    ],
)
def test_what_can_never_act_is_pointed_out(config: Path, old: str, new: str, warning: str) -> None:
    text = POLICIES.replace(old, new)
    if "only tells" in warning:
        text = text.replace("        approvals: 2\n        grace_minutes: 30\n", "")
    (config / "guardrails.yml").write_text(text, encoding="utf-8")
    done = run("policy", "check", "--config", config, "--as-of", "2026-10-20")
    assert done.exit_code == 0, done.output
    assert f"! {warning}" in said(done)
    assert run("policy", "check", "--config", config, "--as-of", "2026-10-20", "--strict").exit_code == 1


def test_a_change_is_tried_as_one_file_before_it_is_merged(config: Path, tmp_path: Path) -> None:
    proposed = tmp_path / "proposed.yml"
    proposed.write_text(POLICIES.replace("at: 1.0", "at: 0.7").replace("support-copilot", "support-copiolt"))
    done = run("policy", "check", proposed, "--config", config)
    assert done.exit_code == 1
    assert "proposed.yml:" in done.output
    assert "warn and pause do not rise. Raise at of pause" in said(done)
    proposed.write_text(POLICIES.replace("support-copilot", "support-copiolt"))
    errors = json.loads(run("policy", "check", proposed, "--config", config, "--json").output)["errors"]
    assert len(errors) == 1
    assert errors[0].startswith(f"{proposed}:")
    assert "Did you mean 'support-copilot'?" in errors[0]
    proposed.write_text(POLICIES)
    assert run("policy", "check", proposed, "--config", config).exit_code == 0
    assert "does not exist" in said(run("policy", "check", tmp_path / "none.yml", "--config", config))
