"""What guardrails could have known in the past, on a small lake whose bill came late, was restated and back-filled."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finops.paths import Home
from tests.support.lake_builder import DbtResult, LakeBuilder, charge, run_dbt, span, write_config

pytestmark = [pytest.mark.xdist_group("dbt-fact-history"), pytest.mark.ids("GUARD-4")]

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
BILL = "focus__cost_and_usage"
SEARCH: dict[str, str | None] = {
    "Tags": '{"team": "search", "app": "query-rewriter"}', "ResourceId": "/x/microsoft.cognitiveservices/accounts/one",
    "RegionId": "westeurope",
}  # fmt: skip
UNTAGGED: dict[str, str | None] = {
    "ResourceId": "/x/microsoft.cognitiveservices/accounts/two", "SubAccountId": "sub-2", "SubAccountName": "Lab",
}  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> DbtResult:
    home = Home(tmp_path_factory.mktemp("fact-history"))
    lake = LakeBuilder(home)
    lake.configure(AS_OF, _config(home.path / "settings"))
    first = [charge(date(2026, 10, day), "10", **SEARCH) for day in (1, 2)]
    _deliver(lake, first, date(2026, 10, 1), datetime(2026, 10, 4, 4, 30, tzinfo=UTC))
    # The first day was restated, and five more came at once.
    restated = [charge(date(2026, 10, 1), "4", **SEARCH)]
    more = [charge(date(2026, 10, day), "10", **SEARCH) for day in range(2, 8)]
    _deliver(lake, restated + more, date(2026, 10, 1), datetime(2026, 10, 9, 4, 30, tzinfo=UTC))
    rest = [charge(date(2026, 10, day), "10", **SEARCH) for day in range(2, 19)]
    lab = [charge(date(2026, 10, day), "3", **UNTAGGED) for day in range(2, 19)]
    _deliver(lake, restated + rest + lab, date(2026, 10, 1), datetime(2026, 10, 20, 4, 30, tzinfo=UTC))
    # September was exported once, weeks after it.
    september = [charge(date(2026, 9, day), "1", **SEARCH) for day in range(1, 31)]
    _deliver(lake, september, date(2026, 9, 1), datetime(2026, 10, 15, 4, 30, tzinfo=UTC))
    rewriter = {"app": "query-rewriter", "team": "search", "output_tokens": 0}
    spans = [
        span(datetime(2026, 10, 19, hour, 10, tzinfo=UTC), hour + 1, **rewriter, input_tokens=(hour + 1) * 1_000_000)
        for hour in (3, 5, 7)
    ] + [span(AS_OF - timedelta(hours=2), 30, **rewriter, input_tokens=500_000)]
    lake.snapshot("otel__genai_span", spans, scope="spans.jsonl")
    result = run_dbt(
        home, "build", "--quiet", "--select", "+fct_guardrail_facts", "+fct_guardrail_fact_history",
        "--indirect-selection", "cautious",
    )  # fmt: skip
    assert result.returncode == 0, result.output
    return result


def _config(folder: Path) -> Path:
    write_config(folder)
    (folder / "budgets.yml").write_text(
        "budgets:\n"
        "  - {id: company, scope: {level: company}, amount: 100}\n"
        "  - {id: search, scope: {level: team, value: search}, amount: 50,\n"
        "     increases: [{amount: 150, valid_from: 2026-10-12, valid_to: 2026-10-31, reason: launch}]}\n",
        encoding="utf-8",
    )
    return folder


def _deliver(lake: LakeBuilder, rows: list[dict[str, Any]], month: date, at: datetime) -> None:
    lake.snapshot(BILL, rows, scope="export", period_start=month, submitted_at=at)


def at(
    built: DbtResult, kind: str, moment: str, columns: str = "value, data_through", where: str = "true"
) -> list[Any]:
    """Facts of a kind as they were known at a moment."""
    return built.query(
        f"select {columns} from marts.fct_guardrail_fact_history where kind = '{kind}' and {where} "
        f"and known_from <= '{moment}' and (known_to is null or known_to > '{moment}') order by all"
    )


def search(built: DbtResult, moment: str, columns: str) -> tuple[Any, ...]:
    (found,) = at(built, "budget", moment, columns, "budget_id = 'search'")
    return tuple(found)


def test_a_budget_is_known_as_the_bill_told_it_then(built: DbtResult) -> None:
    columns = "period, round(value, 6), cast(data_through as date)"
    assert search(built, "2026-10-03 12:00", columns)[1] == Decimal(10), "one day had ended 30 hours before"
    assert search(built, "2026-10-08 12:00", columns) == ("2026-10", Decimal(20), date(2026, 10, 3)), (
        "nothing came since"
    )
    assert search(built, "2026-10-09 04:30", columns)[1] == Decimal(20), "a run sees it at the end of the hour"
    assert search(built, "2026-10-09 05:00", columns) == ("2026-10", Decimal(64), date(2026, 10, 8)), "4 + 6 × 10"
    assert search(built, "2026-10-20 06:00", columns) == ("2026-10", Decimal(174), date(2026, 10, 19)), "4 + 17 × 10"


def test_a_period_begins_by_the_calendar_and_an_increase_on_its_day(built: DbtResult) -> None:
    assert search(built, "2026-09-30 23:00", "period, reference") == ("2026-09", Decimal(50))
    assert search(built, "2026-10-01 00:00", "period, value, reference") == ("2026-10", Decimal(0), Decimal(50))
    assert search(built, "2026-10-11 12:00", "reference")[0] == Decimal(50)
    assert search(built, "2026-10-12 00:00", "reference, round(ratio, 2)") == (Decimal(200), Decimal("0.32"))


def test_a_month_that_was_filled_back_counts_as_known_when_its_days_usually_are(built: DbtResult) -> None:
    found = search(built, "2026-09-12 07:00", "period, round(value, 6), is_assumed")
    assert found == ("2026-09", Decimal(10), True), "ten days had ended 30 hours before"
    assert search(built, "2026-10-20 06:00", "is_assumed") == (True,), "a part of it is assumed"


def test_the_newest_facts_of_the_past_are_those_of_today(built: DbtResult) -> None:
    differences = built.query(
        "select facts.budget_id, facts.metric from marts.fct_guardrail_facts as facts "
        "left join marts.fct_guardrail_fact_history as history on history.known_to is null "
        "and facts.kind = history.kind and facts.budget_id = history.budget_id and facts.metric = history.metric "
        "and facts.period = history.period and abs(facts.value - history.value) < 0.000001 "
        "and facts.ratio = history.ratio and facts.data_through = history.data_through "
        "and abs(coalesce(facts.projected_ratio, -1) - coalesce(history.projected_ratio, -1)) < 0.00001 "
        "where facts.kind in ('budget', 'burn_rate') and history.kind is null"
    )
    assert differences == []
    assert built.value("select count(*) from marts.fct_guardrail_facts where kind = 'burn_rate'") == 6


def test_burn_rates_are_of_the_newest_billed_days(built: DbtResult) -> None:
    (found,) = at(
        built, "burn_rate", "2026-10-09 05:00", "round(value, 6), round(reference, 4)",
        "metric = 'burn_rate_3d' and budget_id = 'search'",
    )  # fmt: skip
    assert found == (Decimal(30), Decimal("4.8387")), "three days of 10; 50 × 3 ÷ 31"


def test_usage_is_known_an_hour_after_it(built: DbtResult) -> None:
    tokens = "metric = 'total_tokens_day' and scope_type = 'app'"
    assert at(built, "tokens", "2026-10-19 04:59", "value", tokens) == [], "the hour from 3 to 4 is known at 5"
    assert at(built, "tokens", "2026-10-19 05:00", "value", tokens) == [(Decimal(4_000_000),)]
    assert at(built, "tokens", "2026-10-19 09:00", "value, cast(data_through as varchar)", tokens) == [
        (Decimal(18_000_000), "2026-10-19 08:00:00")
    ]
    hours = at(built, "hourly_use", "2026-10-19 07:30", "period, value", "scope_type = 'team'")
    assert hours == [("2026-10-19T03", Decimal(4)), ("2026-10-19T05", Decimal(6))]
    (size,) = at(built, "context_length", "2026-10-20 06:00", "subject, value")
    assert size == ("gpt-4.1", Decimal(8_000_000)), "95 of 100 requests have no more"
    assert at(built, "model_use", "2026-10-20 06:00", "scope_value, subject, value") == [
        ("query-rewriter", "gpt-4.1", Decimal(18))
    ]


def test_regions_and_missing_tags_are_told(built: DbtResult) -> None:
    (region,) = at(built, "region_use", "2026-10-20 06:00", "scope_value, subject, value")
    assert region == ("query-rewriter", "westeurope", Decimal(186)), "30 days through 18 October: 174 + 12 of September"
    tags = at(built, "tag_missing", "2026-10-20 06:00", "scope_type, scope_value, subject, value")
    assert ("sub_account", "Lab", "team", Decimal(51)) in tags
    assert not [row for row in tags if row[0] == "team" and row[2] == "team"]
