"""Training runs from MLflow, files and tables: corrected late, told once, refused where units are mixed up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import ingestion
from finops.config.usage_sources import MlflowSource, TrainingRunsSource
from finops.paths import Home
from ingestion import LandingError, LandingResult
from ingestion.probe import ProbeContext, probe
from simulator.server.mlflow import MlflowStore
from simulator.training import Run
from tests.support.answering import Answer, Request, answering
from tests.support.landed import query, readable
from tests.support.record_homes import write_csv

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
TABLE = "training__run"
RUN = {
    "run_id": "r-1", "started_at": "2026-10-19T01:00:00Z", "ended_at": "2026-10-19T03:00:00Z", "gpu_count": "4",
    "gpu_model": "NVIDIA A10", "team": "robotics", "stage": "Fine Tuning", "trigger": "retrain", "status": "SUCCEEDED",
}  # fmt: skip


def land_files(home: Home, url: Path, **settings: Any) -> LandingResult:
    source = TrainingRunsSource.model_validate({"id": "runs", "type": "training_runs", "url": str(url), **settings})
    return ingestion.land(source, home, as_of=AS_OF, environ={})


@contextmanager
def tracking_server(runs: list[Run], *, token: str | None = None) -> Iterator[str]:
    """MLflow's API over ``runs``, which a test may change, in pages of two."""

    def answer(request: Request, _url: str) -> Answer:
        if token and request.headers.get("authorization") != f"Bearer {token}":
            return Answer.of({"error_code": "UNAUTHENTICATED", "message": "no"}, 401)
        store = MlflowStore(runs, page_size=2)
        search = store.search_runs if request.path.endswith("/runs/search") else store.search_experiments
        return Answer.of(search(request.document))

    with answering(answer) as server:
        yield server.url


def run(number: int, **changes: Any) -> Run:
    start = AS_OF - timedelta(days=3, hours=number)
    given = {
        "run_id": f"{number:032x}", "name": f"run-{number}", "experiment": "churn", "status": "FINISHED",
        "started_at": start, "ended_at": start + timedelta(hours=1), "user": "ann@example.com",
        "tags": {"team": "search", "trigger": "manual"}, "params": {"world_size": "8"}, **changes,
    }  # fmt: skip
    return Run(**given)


def land_mlflow(home: Home, url: str, as_of: datetime = AS_OF, **settings: Any) -> LandingResult:
    source = MlflowSource.model_validate(
        {"id": "mlflow", "type": "mlflow", "url": url, "fields": {"gpu_count": "world_size"}, **settings}
    )
    return ingestion.land(source, home, as_of=as_of, environ={"MLFLOW_TOKEN": "secret-token"})


@pytest.mark.ids("ING-7", "ING-10")
def test_every_page_of_runs_is_landed_once_and_changes_are_found(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    runs = [run(1), run(2), run(3, ended_at=None, status="RUNNING"), run(4, lifecycle_stage="deleted"), run(5)]
    runs.append(run(6, started_at=AS_OF - timedelta(days=60), ended_at=AS_OF - timedelta(days=59)))
    with tracking_server(runs) as url:
        first = land_mlflow(home, url)
        assert first.rows == {TABLE: 6}
        before = readable(home)
        assert land_mlflow(home, url).windows == 0
        assert readable(home) == before
        # An hour later: the running one has ended, and a tag was added late; runs older than two weeks are left alone.
        runs[2] = run(3, tags={"team": "robotics", "retries": "2"})
        assert land_mlflow(home, url, AS_OF + timedelta(hours=1)).rows == {TABLE: 5}
    states = query(
        home, TABLE, f"select status, team, retries, gpu_count from rows where run_id = '{3:032x}' order by load_id"
    )
    assert states == [("running", "search", None, "8"), ("finished", "robotics", 2, "8")]
    assert query(home, TABLE, "select count(*) from rows where is_deleted and x_row = 1")[0][0] == 2
    # Nobody's name is in the lake.
    assert not [row for counter in readable(home).values() for row in counter if "ann@" in row or "secret-token" in row]


@pytest.mark.ids("ING-7", "ING-10")
def test_experiments_are_chosen_by_name_and_gpus_are_counted_where_nobody_declares_them(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    measured = {"system/gpu_0_utilization_percentage": 90.5, "system/gpu_1_memory_usage_megabytes": 10.0}
    runs = [run(1, params={}, metrics=measured), run(2, experiment="other")]
    with tracking_server(runs) as url:
        assert land_mlflow(home, url, experiments=["churn"]).rows == {TABLE: 1}
        with pytest.raises(LandingError, match="has no experiment 'chrun'"):
            land_mlflow(Home(tmp_path / "other"), url, experiments=["chrun"])
    assert query(home, TABLE, "select gpu_count, experiment from rows") == [("2", "churn")]


@pytest.mark.ids("ING-7", "SEC-2")
def test_a_server_that_wants_a_token_gets_it_and_no_message_shows_it(tmp_path: Path) -> None:
    with tracking_server([run(1)], token="secret-token") as url:
        assert land_mlflow(Home(tmp_path / "a"), url, token_env="MLFLOW_TOKEN").rows == {TABLE: 1}
        with pytest.raises(LandingError, match=r"refuses \(401\). Check the token"):
            land_mlflow(Home(tmp_path / "b"), url)
        source = MlflowSource(id="mlflow", type="mlflow", url=url)
        findings = {f.check: f.status for f in probe(source, ProbeContext(AS_OF, {}))}
        assert findings == {"reachable": "ok", "permitted": "failed"}
    findings = {
        f.check: f.status
        for f in probe(source.model_copy(update={"url": "http://127.0.0.1:1"}), ProbeContext(AS_OF, {}))
    }
    assert findings == {"reachable": "failed"}


@pytest.mark.ids("ING-7", "ING-10")
def test_milliseconds_given_as_seconds_are_refused_with_what_they_seem_to_be(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    rows = [
        RUN,
        {**RUN, "run_id": "r-2", "duration_seconds": "7200000"},
        {**RUN, "run_id": "r-3", "duration_seconds": "9000"},
        {**RUN, "run_id": "r-4", "duration_seconds": "6800.5"},
        {**RUN, "run_id": "r-5", "ended_at": "2026-10-18T01:00:00Z"},
        {**RUN, "run_id": "r-6", "gpu_count": "-1"},
        {**RUN, "run_id": "r-7", "retries": "1.5"},
        {**RUN, "run_id": "r-8", "status": "fine"},
        # Times as numbers: seconds and milliseconds since 1970 are told apart by their size.
        {**RUN, "run_id": "r-9", "started_at": "1792371600", "ended_at": "1792378800000"},
        {**RUN, "run_id": "r-10", "started_at": "20261019"},
    ]
    result = land_files(home, write_csv(tmp_path / "runs.csv", rows))
    assert (result.rows, result.rejected) == ({TABLE: 3}, 7)
    refused = {
        json.loads(raw)["run_id"]: (column, reason, remedy)
        for column, reason, remedy, raw in query(
            home, "landing__rejected", "select column_name, reason, remedy, raw_row from rows"
        )
    }
    assert refused["r-2"] == (
        "duration_seconds",
        "a duration of 7200000 seconds, and 7200 seconds from start to end",
        "It looks like milliseconds: divide it by 1000, or leave the column out",
    )
    assert refused["r-3"][2] == "Write seconds, or leave the column out: start and end are enough"
    assert {run_id: column for run_id, (column, _, _) in refused.items()} == {
        "r-2": "duration_seconds", "r-3": "duration_seconds", "r-5": "ended_at", "r-6": "gpu_count", "r-7": "retries",
        "r-8": "status", "r-10": "started_at",
    }  # fmt: skip
    same = query(home, TABLE, "select started_at, ended_at, stage, status from rows where run_id in ('r-1', 'r-9')")
    assert len(set(same)) == 1
    assert same[0][2:] == ("fine_tuning", "finished")


@pytest.mark.ids("ING-7", "ING-10")
def test_one_run_twice_in_a_file_is_told_and_broken_lines_are_kept(tmp_path: Path) -> None:
    home, file = Home(tmp_path / "home"), tmp_path / "runs.jsonl"
    newer = {**RUN, "updated_at": "2026-10-19T09:00:00Z", "retries": 3}
    older = {**RUN, "updated_at": "2026-10-19T04:00:00Z"}
    file.write_text(f"{json.dumps(newer)}\n{json.dumps(older)}\n{json.dumps(RUN)[:40]}\n")
    assert land_files(home, file).rejected == 2
    assert query(home, TABLE, "select retries from rows") == [(3,)]
    reasons = query(home, "landing__rejected", "select x_row, reason from rows order by x_row")
    assert reasons[0] == (2, "run r-1 is there again in row 1, which counts")
    assert reasons[1][1].startswith("the line is no JSON")
    # The file is corrected: what it had before does not count any more.
    file.write_text(json.dumps({**RUN, "retries": 4}) + "\n")
    assert land_files(home, file).rows == {TABLE: 1}


@pytest.mark.ids("ING-7")
def test_own_names_of_columns(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    renamed = {{"run_id": "job uuid", "gpu_count": "GPUs"}.get(name, name): value for name, value in RUN.items()}
    file = write_csv(tmp_path / "runs.csv", [renamed])
    land_files(home, file, columns={"run_id": "job uuid", "gpu_count": "GPUs"})
    assert query(home, TABLE, "select run_id, gpu_count from rows") == [("r-1", "4")]
