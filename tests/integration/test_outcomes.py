"""Outcomes from files and tables to the marts: wrong units, duplicates, late corrections."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

import ingestion
from finops.config.usage_sources import OutcomesSource
from finops.paths import Home
from ingestion import LandingError, LandingResult
from ingestion.probe import ProbeContext, probe
from tests.support.lake_builder import run_dbt
from tests.support.landed import query, readable
from tests.support.record_homes import landing_home, write_csv

pytestmark = [pytest.mark.xdist_group("outcomes"), pytest.mark.ids("ING-8", "ING-10")]

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
TABLE = "outcomes__record"
SOLVED = {"outcome_date": "2026-10-01", "outcome": "ticket_resolved", "team": "support", "quantity": "12"}
READ = {"outcome_date": "2026-10-01", "outcome": "document_processed", "app": "contracts", "quantity": "40.5"}
COLUMNS = {"outcome_date": "day", "outcome": "metric", "quantity": "amount", "team": "owner"}


def land(home: Home, environ: dict[str, str] | None = None, **settings: object) -> LandingResult:
    source = OutcomesSource.model_validate({"id": "outcomes", "type": "outcomes", **settings})
    return ingestion.land(source, home, as_of=AS_OF, environ=environ or {})


def write_table(database: Path, rows: list[tuple[object, ...]]) -> None:
    connection = sqlite3.connect(database)
    with connection:
        connection.execute("drop table if exists daily")
        connection.execute("create table daily (day text, metric text, amount text, owner text, agent_email text)")
        connection.executemany("insert into daily values (?, ?, ?, ?, 'ann@example.com')", rows)
    connection.close()


def test_a_correction_counts_and_what_it_replaces_is_listed(tmp_path: Path) -> None:
    home, folder = landing_home(tmp_path / "home", AS_OF), tmp_path / "delivered"
    # A line was written twice, and the second is right; another owner's row is none of its copies.
    first = write_csv(folder / "october.csv", [SOLVED, {**SOLVED, "quantity": "13"}, {**SOLVED, "team": "sales"}, READ])
    os.utime(first, (1_000_000_000, 1_000_000_000))
    land(home, url=str(folder))
    # Weeks later a file beside it corrects one number.
    write_csv(folder / "october-corrected.csv", [{**READ, "quantity": "41"}])
    land(home, url=str(folder))
    result = run_dbt(home, "run", "--select", "+fct_rejected_row", "+stg_outcomes__record")
    assert result.returncode == 0, result.output
    assert result.query("select outcome, team, quantity from staging.stg_outcomes__record order by 1, 2") == [
        ("document_processed", None, Decimal(41)),
        ("ticket_resolved", "sales", Decimal(12)),
        ("ticket_resolved", "support", Decimal(13)),
    ]
    rejected = result.query("select x_row, reason, raw_row from marts.fct_rejected_row order by x_row")
    assert [row[0] for row in rejected] == [1, 4]
    assert rejected[0][1].startswith("ticket_resolved of 2026-10-01 and this owner is there again in row 2 of ")
    assert rejected[1][1].endswith("row 1 of " + str(folder / "october-corrected.csv") + ", which counts")
    assert "app=contracts; quantity=40.5" in rejected[1][2]


def test_a_table_is_landed_where_it_changed_with_its_own_column_names(tmp_path: Path) -> None:
    home, database = landing_home(tmp_path / "home", AS_OF), tmp_path / "reporting.db"
    environ = {"REPORTING_DB": f"sqlite:///{database}"}
    settings = {"connection_env": "REPORTING_DB", "table": "daily", "columns": COLUMNS}
    write_table(
        database,
        [
            ("2026-10-01", "ticket_resolved", "12.5", "support"),
            ("2026-10-02", "ticket_resolved", "1,250", "support"),
            ("2026-10-03", "resolution_rate", "85 %", None),
            ("2026-10-04", "ticket_resolved", "-3", "support"),
            ("2026-10-05", "ticket_resolved", None, "support"),
            ("01.10.2026", "ticket_resolved", "1", "support"),
            ("2026-10-06", None, "1", "support"),
        ],
    )
    landed = land(home, environ, **settings)
    assert (landed.rows, landed.rejected) == ({TABLE: 1}, 6)
    reasons = {row[0] for row in query(home, "landing__rejected", "select reason from rows")}
    assert reasons == {
        "'1,250' is not a number", "'85 %' is not a number", "-3 is negative", "quantity is missing",
        "'01.10.2026' is not a day", "outcome is missing",
    }  # fmt: skip
    before = readable(home)
    assert land(home, environ, **settings).skipped == 1
    assert readable(home) == before
    assert "ann@" not in str(before)
    # A late correction of the table replaces what was read of it.
    write_table(database, [("2026-10-01", "ticket_resolved", "14", "support")])
    land(home, environ, **settings)
    result = run_dbt(home, "build", "--select", "+stg_outcomes__record", "--indirect-selection", "cautious")
    assert result.returncode == 0, result.output
    assert result.query("select x_file, team, quantity from staging.stg_outcomes__record") == [
        ("REPORTING_DB/daily", "support", Decimal(14))
    ]
    source = OutcomesSource.model_validate({"id": "outcomes", "type": "outcomes", **settings})
    findings = list(probe(source, ProbeContext(AS_OF, environ)))
    assert [(f.check, f.status) for f in findings] == [("reachable", "ok"), ("permitted", "unknown")]


def test_a_file_may_have_other_headers(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    file = write_csv(tmp_path / "kpi.csv", [{COLUMNS[name]: value for name, value in SOLVED.items()}])
    assert land(home, url=str(file), columns=COLUMNS).rows == {TABLE: 1}
    assert query(home, TABLE, "select outcome, team from rows") == [("ticket_resolved", "support")]
    with pytest.raises(LandingError, match="has no column 'value'"):
        land(Home(tmp_path / "other"), url=str(file), columns={**COLUMNS, "quantity": "value"})


@pytest.mark.ids("UNIT-3")
def test_scores_are_kept_by_model_and_what_is_no_share_is_refused(tmp_path: Path) -> None:
    judged = {**SOLVED, "outcome": "answer_judged", "model": "gpt-4.1", "quality_score": "0.915"}
    bad = [{**judged, "model": "gpt-5-mini", "quality_score": score} for score in ("91.5", "good", "-0.1")]
    files, table = Home(tmp_path / "files"), Home(tmp_path / "table")
    assert land(files, url=str(write_csv(tmp_path / "scores.csv", [judged, SOLVED, *bad]))).rejected == 3
    database = tmp_path / "scores.db"
    connection = sqlite3.connect(database)
    with connection:
        names = ", ".join(judged)
        connection.execute(f"create table daily ({names})")
        rows = [tuple(row.get(name) for name in judged) for row in (judged, SOLVED, *bad)]
        connection.executemany(f"insert into daily values ({', '.join('?' * len(judged))})", rows)
    connection.close()
    environ = {"REPORTING_DB": f"sqlite:///{database}"}
    assert land(table, environ, connection_env="REPORTING_DB", table="daily").rejected == 3
    for home in (files, table):
        assert query(home, TABLE, "select model, quality_score from rows order by 1") == [
            ("gpt-4.1", Decimal("0.915")),
            (None, None),
        ]
        assert query(home, "landing__rejected", "select distinct column_name from rows") == [("quality_score",)]


@pytest.mark.ids("UNIT-3")
def test_outcomes_say_what_they_were_worth_in_files_and_tables(tmp_path: Path) -> None:
    home, database = landing_home(tmp_path / "home", AS_OF), tmp_path / "reporting.db"
    rows = [
        {**SOLVED, "value_amount": "17.50", "currency": "eur"},
        {**SOLVED, "outcome_date": "2026-10-02", "value_amount": "", "currency": ""},
        {**SOLVED, "outcome_date": "2026-10-03", "value_amount": "3", "currency": ""},
        {**SOLVED, "outcome_date": "2026-10-04", "value_amount": "3", "currency": "dollars"},
        {**SOLVED, "outcome_date": "2026-10-05", "value_amount": "1,5", "currency": "USD"},
        {**SOLVED, "outcome_date": "2026-10-06", "value_amount": "-1", "currency": "USD"},
    ]
    connection = sqlite3.connect(database)
    with connection:
        connection.execute(f"create table worth ({', '.join(rows[0])})")
        connection.executemany("insert into worth values (?, ?, ?, ?, ?, ?)", [tuple(row.values()) for row in rows])
    connection.close()
    table = {"connection_env": "REPORTING_DB", "table": "worth"}
    for place, settings in (
        (home, {"url": str(write_csv(tmp_path / "worth.csv", rows))}),
        (Home(tmp_path / "2"), table),
    ):
        landed = land(place, {"REPORTING_DB": f"sqlite:///{database}"}, **settings)
        assert (landed.rows, landed.rejected) == ({TABLE: 2}, 4)
        assert query(place, TABLE, "select value_amount, currency from rows order by outcome_date") == [
            (Decimal("17.5"), "EUR"),
            (None, None),
        ]
        reasons = [row[0] for row in query(place, "landing__rejected", "select reason from rows")]
        wanted = ("currency", "not a currency", "'1,5' is not a number", "-1 is negative")
        assert all(any(words in reason for reason in reasons) for words in wanted), reasons
    result = run_dbt(home, "run", "--select", "+stg_outcomes__record")
    assert result.returncode == 0, result.output
    assert result.query("select value_amount, currency from staging.stg_outcomes__record order by outcome_date") == [
        (Decimal("17.5"), "EUR"),
        (None, None),
    ]
