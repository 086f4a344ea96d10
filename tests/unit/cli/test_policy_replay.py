"""``aifinops policy replay`` and ``aifinops policy diff`` on a small published home."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from cli.main import app
from finops.paths import PROJECT_DIR
from tests.support.html_structure import Structure, without_plotly

pytestmark = pytest.mark.ids("GUARD-4")

POLICIES = """
gate: {never_deny: [support-copilot]}
policies:
  - id: budgets
    kind: budget
    description: A budget is used up.
    owner: finops@example.com
    levels:
      - {level: warn, at: 0.8, do: [{kind: notify, route: teams-finops}]}
      - {level: pause, at: AT, do: [{kind: notify, route: teams-finops}, {kind: pause, route: platform-hook}]}
    clear_below: 0.7
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty days of a budget of team support that is used up on the 17th, and what the team spends."""
    place = tmp_path_factory.mktemp("home")
    (place / "published").mkdir()
    with duckdb.connect() as connection:
        for mart, query in {
            "fct_guardrail_fact_history": """
                select 'budget' as kind, 'support' as budget_id, 'team' as scope_type, 'support' as scope_value,
                    cast(null as varchar) as subject, '2026-10' as period, 'effective_cost' as metric,
                    'currency' as unit, cast(day * 60 as decimal(38, 12)) as value,
                    cast(1000 as decimal(38, 12)) as reference, cast(day * 0.06 as decimal(18, 6)) as ratio,
                    cast(null as decimal(18, 6)) as projected_ratio, 'USD' as currency,
                    cast(day * 60 - 1000 as decimal(38, 12)) as increase_amount,
                    timestamp '2026-10-01' + to_days(cast(day as integer)) as data_through, true as is_reconciled,
                    timestamp '2026-10-01 05:00' + to_days(cast(day as integer)) as known_from,
                    case when day < 19 then timestamp '2026-10-02 05:00' + to_days(cast(day as integer)) end as known_to
                from range(0, 20) as days(day)""",
            "fct_ai_cost_daily": """
                select cast(date '2026-09-30' + to_days(cast(day as integer)) as date) as usage_date,
                    'support' as team, app, 'gpt-5' as model, 'USD' as billing_currency, true as is_ai,
                    'inference' as ai_category, cast(null as varchar) as idle_kind,
                    cast(null as varchar) as resource_name, '/x' as resource_id,
                    cast(cost as decimal(38, 12)) as effective_cost
                from range(1, 21) as days(day),
                    (values ('ticket-triage', 50), ('support-copilot', 10)) as apps(app, cost)
                """,
            "fct_usage_cost_hourly": """
                select timestamp '2026-10-19' as usage_hour, 'support' as team, 'ticket-triage' as app,
                    'gpt-5' as model, 'USD' as currency, cast(1 as decimal(38, 12)) as estimated_cost,
                    'priced' as price_status, true as is_attributable""",
            "fct_incident": """
                select 'inc-1' as incident_id, 'app' as scope_type, 'ticket-triage' as scope_value, 'support' as team,
                    date '2026-10-17' as first_seen, date '2026-10-18' as last_seen, 'false' as verdict,
                    'up' as direction, cast(null as varchar) as suppressed_because""",
        }.items():
            connection.execute(f"copy ({query}) to '{place / 'published' / mart}.parquet' (format parquet)")
    return place


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The project's configuration with one policy, in a git repository whose last commit had a later level."""
    folder = tmp_path / "repository" / "config"
    shutil.copytree(PROJECT_DIR / "config", folder)
    git = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run([*git, "init", "-q"], check=True)
    (folder / "guardrails.yml").write_text(POLICIES.replace("AT", "1.0"), encoding="utf-8")
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "one"], check=True)
    (folder / "guardrails.yml").write_text(POLICIES.replace("AT", "0.9"), encoding="utf-8")
    return folder


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["policy", *arguments])
    return result.exit_code, re.sub(r"\s+", " ", result.output)


def test_a_replay_says_what_would_have_been_saved_and_hit(home: Path, config: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, shown = run("replay", "--home", str(home), "--config", str(config), "--out", str(out), "--from", "2026-10-01")
    assert code == 0, shown
    assert "01 Oct 2026 00:00 to 20 Oct 2026 05:00 UTC, judged every 5 minutes" in shown
    # Over 90% on the sixteenth at 5:00; 4 days of USD 60 until the twentieth at 5:00.
    assert "budgets 1 1 0 USD 240 USD 40" in shown
    assert "USD 40 of it is critical work" in shown, "the gate never denies support-copilot"
    assert "1 about false or planned ones" in shown
    with (out / "orders.csv").open(encoding="utf-8") as file:
        (order,) = csv.DictReader(file)
    assert (order["target"], order["acted_at"], order["ended_at"]) == ("team:support", "2026-10-16T05:00Z", "")
    assert order["saved"].startswith("240.0")
    assert (order["verdict"], order["incidents"]) == ("false", "inc-1")
    with (out / "decisions.csv").open(encoding="utf-8") as file:
        assert [row["level"] for row in csv.DictReader(file)] == ["warn", "pause"]


def test_the_page_works_offline_and_says_the_same(home: Path, config: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("replay", "--home", str(home), "--config", str(config), "--out", str(out), "--against", "HEAD")[0] == 0
    page = (out / "replay.html").read_text(encoding="utf-8").replace("\xa0", " ")
    assert "1 order would have saved USD 240, USD 40 of it by stopping critical work; 1 of them" in page
    assert "What the second set of policies has more" in page
    assert "−USD 120" in page, "90% of the budget comes two days before all of it"
    assert not re.search(r"(?:src|href)=.https?:", without_plotly(page))
    found = Structure(without_plotly(page))
    assert found.open == []
    assert found.unlabelled == []
    assert set(found.anchors) <= set(found.ids)
    assert found.tables == found.captions > 2


def test_a_change_is_said_in_words_and_in_money(home: Path, config: Path) -> None:
    code, shown = run("diff", "HEAD", str(config / "guardrails.yml"), "--home", str(home), "--config", str(config))
    assert code == 0, shown
    assert "budgets level pause comes earlier: at 0.9 instead of 1.0" in shown
    assert "+USD 120 saved" in shown
    assert run("diff", "HEAD", "HEAD", "--home", str(home), "--config", str(config)) == (
        0,
        "The policies are the same. ",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--step", "soon"], "--step 'soon' is not a length of time"),
        (["--approve-after", "0m"], "--approve-after '0m' is not a length of time"),
        (["--from", "October"], "--from 'October' is no day"),
        (["--from", "2025-01-01"], "facts are known from 2026-10-01 to 2026-10-20"),
        (["--throttle-share", "3"], "--throttle-share 3.0 is no share"),
        (["--policy", "no-such"], "no-such is neither a file nor a git revision"),
    ],
)
def test_what_makes_no_sense_is_named(home: Path, config: Path, arguments: list[str], message: str) -> None:
    code, shown = run("replay", "--home", str(home), "--config", str(config), *arguments)
    assert code == 1
    assert message in shown


def test_a_file_with_a_mistake_names_it(home: Path, config: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text(POLICIES.replace("AT", "0.5"), encoding="utf-8")
    code, shown = run("replay", "--home", str(home), "--config", str(config), "--policy", str(broken))
    assert code == 1
    assert "broken.yml" in shown
    assert "do not rise" in shown


def test_a_home_without_a_history_is_named(config: Path, tmp_path: Path) -> None:
    code, shown = run("replay", "--home", str(tmp_path / "new"), "--config", str(config))
    assert code == 1
    assert "has no fct_guardrail_fact_history yet" in shown
