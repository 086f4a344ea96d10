"""Budgets in the time zones of those who spend: at midnights, month ends and days of 23 and 25 hours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from cli.main import app
from finops.config import ConfigError, load_configuration
from finops.paths import Home
from tests.support.lake_builder import DbtResult, LakeBuilder, charge, publish_built, run_dbt, span, write_config

pytestmark = [pytest.mark.long, pytest.mark.ids("BUD-1"), pytest.mark.xdist_group("budget-zones")]

# Half an hour off, midnight twice (Havana, 1 November), no midnight (Cairo, 30 April).
ZONES = ("Asia/Tokyo", "America/Los_Angeles", "UTC", "Asia/Kolkata", "America/Havana", "Africa/Cairo")
PERIODS = ("day", "week", "month", "quarter")
BILLED_THROUGH = date(2026, 10, 29)
TOKYO_IS_IN_NOVEMBER = datetime(2026, 10, 31, 15, 30, tzinfo=UTC)
CALIFORNIA_IS_IN_OCTOBER = datetime(2026, 11, 1, 3, 30, tzinfo=UTC)
A_DAY_OF_25_HOURS = datetime(2026, 11, 2, 7, 45, tzinfo=UTC)
A_DAY_OF_23_HOURS = datetime(2027, 3, 14, 20, tzinfo=UTC)
CAIRO_HAD_NO_MIDNIGHT = datetime(2027, 4, 29, 22, 30, tzinfo=UTC)
MOMENTS = (
    TOKYO_IS_IN_NOVEMBER, CALIFORNIA_IS_IN_OCTOBER, A_DAY_OF_25_HOURS, A_DAY_OF_23_HOURS, CAIRO_HAD_NO_MIDNIGHT,
)  # fmt: skip
# Each with twice the cost of the one before, so that a sum tells which of them are in it.
USED_AT = [
    datetime.fromisoformat(f"{at}:00+00:00")
    for at in (
        "2026-10-29T23:30", "2026-10-30T14:30", "2026-10-30T15:30", "2026-10-31T14:30", "2026-10-31T15:30",
        "2026-11-01T03:00", "2026-11-01T08:30", "2026-11-01T09:30", "2026-11-02T07:30", "2026-11-02T08:30",
        "2027-03-14T07:30", "2027-03-14T08:30", "2027-03-15T06:30", "2027-04-29T21:30", "2027-04-29T22:30",
    )
]  # fmt: skip
COST = {at: Decimal(2**number) for number, at in enumerate(USED_AT)}

Status = dict[tuple[datetime, str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Status, DbtResult]:
    home = Home(tmp_path_factory.mktemp("zones") / "home")
    config = write_config(home.path / "settings")
    budgets = "".join(
        f"  - {{id: {_name(zone, period)}, scope: {{level: company}}, amount: 100000, period: {period}"
        + (f", time_zone: {zone}" if zone != "Asia/Tokyo" else "")
        + "}\n"
        for zone in ZONES
        for period in PERIODS
    )
    (config / "budgets.yml").write_text(f"time_zone: Asia/Tokyo\nbudgets:\n{budgets}", encoding="utf-8")
    lake = LakeBuilder(home)
    account = "/subscriptions/s/providers/microsoft.cognitiveservices/accounts/one"
    days = [date(2026, 10, 1) + timedelta(days=number) for number in range(29)]
    lake.snapshot("focus__cost_and_usage", [charge(day, "10", ResourceId=account) for day in days], scope="bill.csv")
    # 1 USD per million tokens.
    calls = [
        span(at, number, input_tokens=int(COST[at]) * 1_000_000, output_tokens=0)
        for number, at in enumerate(USED_AT, start=1)
    ]
    lake.snapshot("otel__genai_span", calls, scope="calls.json")
    status: Status = {}
    command, models = "run", ["+fct_budget_status", "+fct_guardrail_facts"]
    for moment in MOMENTS:
        lake.configure(moment, config)
        result = run_dbt(home, command, "--quiet", "--indirect-selection", "cautious", "--select", *models)
        assert result.returncode == 0, result.output
        names = [row[0] for row in result.query("describe marts.fct_budget_status")]
        for row in result.query("select * from marts.fct_budget_status"):
            named = dict(zip(names, row, strict=True))
            status[moment, named["time_zone"], named["period"]] = named
        # Prices and owners are the same on the other days of the report.
        command, models = "build", [
            "stg_config__setting", "int_budget__period_daily", "int_budget__period", "int_budget__spend_daily",
            "int_budget__usage_daily", "int_guardrail__*", "fct_budget_status", "fct_guardrail_facts",
        ]  # fmt: skip
    return home, status, result


def _name(zone: str, period: str) -> str:
    return f"{zone.split('/')[-1].replace('_', '-').lower()}-{period}"


def _period(today: date, period: str) -> tuple[date, date]:
    """The first day and the first day after it; the fiscal year begins in July, so quarters are the calendar's."""
    if period == "day":
        return today, today + timedelta(days=1)
    if period == "week":
        monday = today - timedelta(days=today.weekday())
        return monday, monday + timedelta(days=7)
    months = 1 if period == "month" else 3
    first = today.replace(day=1, month=today.month - (today.month - 1) % months)
    end = first.month - 1 + months
    return first, date(first.year + end // 12, end % 12 + 1, 1)


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)


def _cases() -> Iterator[tuple[datetime, str, str]]:
    return ((moment, zone, period) for moment in MOMENTS for zone in ZONES for period in PERIODS)


def test_a_period_begins_and_ends_at_local_midnight(built: tuple[Home, Status, DbtResult]) -> None:
    _, status, _ = built
    assert set(status) == set(_cases())
    for (moment, zone, period), row in status.items():
        today = moment.astimezone(ZoneInfo(zone)).date()
        first, end = _period(today, period)
        found = [
            row[name] for name in ("as_of_date", "period_start", "period_end", "period_starts_at", "period_ends_at")
        ]
        expected = [today, first, end - timedelta(days=1), _midnight(first, zone), _midnight(end, zone)]
        assert found == expected, (moment, zone, period)
        assert row["period_starts_at"] <= moment.replace(tzinfo=None) < row["period_ends_at"]


def test_what_is_special_about_some_of_those_days(built: tuple[Home, Status, DbtResult]) -> None:
    _, status, _ = built

    def hours(moment: datetime, zone: str) -> float:
        row = status[moment, zone, "day"]
        seconds: float = (row["period_ends_at"] - row["period_starts_at"]).total_seconds()
        return seconds / 3600

    assert hours(A_DAY_OF_25_HOURS, "America/Los_Angeles") == 25
    assert hours(A_DAY_OF_23_HOURS, "America/Los_Angeles") == 23
    assert hours(A_DAY_OF_25_HOURS, "UTC") == 24
    assert hours(CALIFORNIA_IS_IN_OCTOBER, "Asia/Tokyo") == 24
    havana = status[A_DAY_OF_25_HOURS, "America/Havana", "month"]
    assert havana["period_starts_at"].isoformat() == "2026-11-01T04:00:00", "the first of its two midnights"
    cairo = status[CAIRO_HAD_NO_MIDNIGHT, "Africa/Cairo", "day"]
    assert (cairo["as_of_date"], hours(CAIRO_HAD_NO_MIDNIGHT, "Africa/Cairo")) == (date(2027, 4, 30), 23)


def test_usage_that_is_not_billed_counts_by_local_day(built: tuple[Home, Status, DbtResult]) -> None:
    _, status, _ = built
    for (moment, zone, period), row in status.items():
        today = moment.astimezone(ZoneInfo(zone)).date()
        first, _ = _period(today, period)
        counted = [
            at for at in USED_AT
            if at.date() > BILLED_THROUGH and first <= _hour(at).astimezone(ZoneInfo(zone)).date() <= today
        ]  # fmt: skip
        assert (row["estimated_since_billed"] or 0) == sum(COST[at] for at in counted), (moment, zone, period)
    # By hand: at 15:30 UTC on the 31st it is the 1st in Tokyo, and that day goes on until 15:00 UTC.
    tokyo = status[TOKYO_IS_IN_NOVEMBER, "Asia/Tokyo", "month"]
    assert tokyo["estimated_since_billed"] == COST[USED_AT[4]] + COST[USED_AT[5]] + COST[USED_AT[6]] + COST[USED_AT[7]]
    assert status[TOKYO_IS_IN_NOVEMBER, "UTC", "day"]["estimated_since_billed"] == COST[USED_AT[3]] + COST[USED_AT[4]]


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0)


def test_billed_days_keep_the_date_of_the_provider(built: tuple[Home, Status, DbtResult]) -> None:
    _, status, _ = built
    assert status[TOKYO_IS_IN_NOVEMBER, "UTC", "month"]["billed_to_date"] == 290
    assert status[TOKYO_IS_IN_NOVEMBER, "Asia/Tokyo", "month"]["billed_to_date"] == 0, "it is November there"
    assert status[CALIFORNIA_IS_IN_OCTOBER, "America/Los_Angeles", "month"]["billed_to_date"] == 290
    assert status[CALIFORNIA_IS_IN_OCTOBER, "UTC", "month"]["billed_to_date"] == 0


def test_guardrails_judge_the_local_month(built: tuple[Home, Status, DbtResult]) -> None:
    *_, result = built
    facts = result.query(
        "select budget_id, period, cast(period_starts_at as text), cast(period_ends_at as text) "
        "from marts.fct_guardrail_facts "
        "where kind = 'budget' and budget_id in ('tokyo-month', 'utc-month') order by 1"
    )
    assert facts == [
        ("tokyo-month", "2027-04", "2027-03-31 15:00:00", "2027-04-30 15:00:00"),
        ("utc-month", "2027-04", "2027-04-01 00:00:00", "2027-05-01 00:00:00"),
    ]


def test_the_command_shows_the_zones(built: tuple[Home, Status, DbtResult]) -> None:
    home, *_ = built
    publish_built(home, "fct_budget_status")
    done = CliRunner().invoke(app, ["budgets", "--home", str(home.path)], env={"COLUMNS": "160"})
    assert done.exit_code == 0, done.output
    lines = {line.split()[0]: line for line in done.output.splitlines() if line.strip()}
    assert "America/Los_Angeles" in lines["los-angeles-day"]
    assert "29 Apr" in lines["los-angeles-day"]
    assert "30 Apr" in lines["tokyo-day"]
    assert "Periods begin at midnight of their time zone" in done.output


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("time_zone: Europe/Stokholm\nbudgets: []\n", "time_zone"),
        ("budgets:\n  - {id: a, scope: {level: company}, amount: 1, time_zone: Mars/Base}\n", "budgets"),
    ],
)
def test_an_unknown_zone_is_refused_with_its_row(text: str, row: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    config = write_config(tmp_path_factory.mktemp("config"))
    (config / "budgets.yml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_configuration(config)
    said = str(error.value)
    assert "budgets.yml" in said
    assert row in said
    assert "is unknown" in said
    assert "Europe/Stockholm" in said, "what to write instead"
