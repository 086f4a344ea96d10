"""What doctor finds: sources that hang, gaps in the lake, this machine; and that nothing of it crashes."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from typer.testing import CliRunner

import ingestion
from cli.machine import clock_finding
from cli.main import app
from finops import lake as contract
from finops.config.bill_sources import AzureExportsSource, FocusFilesSource
from finops.config.freshness import limit_hours
from finops.config.sources import Source
from finops.config.usage_sources import (
    AzureMonitorSource,
    OtelSpansSource,
    OutcomesSource,
    PrometheusSource,
    UsageFilesSource,
)
from finops.paths import Home
from ingestion.checkup import check_sources
from ingestion.health import source_health
from ingestion.lake import Lake
from ingestion.probe import Finding, ProbeContext, probe
from ingestion.windows import Window, window_row, window_table
from tests.support.answering import Answer, Request, answering
from tests.support.landed import AS_OF, charges, write_run
from tests.support.small_config import write_small_config

runner = CliRunner()
TABLE = contract.AZURE_MONITOR_METRIC.name


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def findings_of(source: Source, home: Home, as_of: datetime = AS_OF) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in source_health(source, home, as_of=as_of, environ={}):
        found.setdefault(finding.check, []).append(finding)
    return found


def asked(source: Source, context: ProbeContext | None = None) -> list[tuple[str, str, str]]:
    context = context or ProbeContext(AS_OF, {})
    found = list(probe(source, context))
    assert all(finding.remedy for finding in found if finding.status != "ok"), "every problem says what to do"
    return [(finding.check, finding.status, finding.message) for finding in found]


# ── fresh and complete ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("ING-1", "ING-10", "OPS-1")
def test_months_that_are_missing_or_were_never_finished_are_named(tmp_path: Path, home: Home) -> None:
    exports = tmp_path / "exports"
    for month, submitted in (("2026-06", "2026-07-06"), ("2026-08", "2026-08-20"), ("2026-10", "2026-10-20")):
        last = {"2026-06": "30"}.get(month, "31")
        write_run(
            exports,
            f"run-{month}",
            charges(f"{month}-03", ["1.5"]),
            submitted=f"{submitted}T04:30:00Z",
            period=(f"{month}-01", f"{month}-{last}"),
        )
    source = AzureExportsSource(id="bill", type="azure_exports", url=str(exports))
    nothing = findings_of(source, home)
    assert [f.status for checks in nothing.values() for f in checks] == ["unknown", "unknown"]
    ingestion.land(source, home, as_of=AS_OF, environ={})
    found = findings_of(source, home)
    missing, unfinished = found["complete"]
    assert (missing.status, unfinished.status) == ("failed", "warning")
    assert missing.message == "2026-07, 2026-09 missing from daily-focus"
    assert unfinished.message.startswith("2026-08 last delivered before the month ended")
    assert found["fresh"][0].status == "ok"
    assert "90 min" not in found["fresh"][0].message
    later = findings_of(source, home, datetime(2026, 11, 2, 6, tzinfo=UTC))
    assert "2026-11" not in later["complete"][0].message, "a month's first export comes on its third day"


@pytest.mark.ids("ING-2", "ING-10", "OPS-1")
def test_gaps_between_windows_and_accounts_never_asked_are_named(home: Home) -> None:
    accounts = [f"/subscriptions/1/resourceGroups/a/providers/M.C/accounts/{name}" for name in ("one", "two")]
    source = AzureMonitorSource(id="metrics", type="azure_monitor", region="x", resources=accounts)
    day = datetime(2026, 10, 18, tzinfo=UTC)
    lake = Lake(home, None, {})
    lake.prepare()
    rows = [
        window_row(
            Window(start, start + timedelta(hours=6)),
            source_id="metrics",
            table_name=TABLE,
            scope=accounts[0],
            requested_at=AS_OF,
            row_count=5,
        )
        for start in (day, day + timedelta(hours=6), day + timedelta(hours=18), AS_OF - timedelta(hours=6))
    ]
    with lake.writer(source) as writer:
        writer.load({contract.WINDOW.name: [window_table(rows)]})
    gap, left_out = findings_of(source, home)["complete"]
    assert gap.message == "never asked for 2026-10-18 12:00 to 2026-10-18 18:00 of one and 1 more gaps"
    assert left_out.message == "two never asked"
    assert findings_of(source, home)["fresh"][0].status == "ok", "answered up to now"
    assert limit_hours(source.model_copy(update={"freshness_hours": 1})) == 1


@pytest.mark.ids("ING-3", "ING-8", "OPS-1")
def test_files_without_a_promised_rhythm_are_never_late(tmp_path: Path, home: Home) -> None:
    file = tmp_path / "outcomes.csv"
    file.write_text(
        "outcome_date,outcome,team,app,feature,quantity\n2026-10-18,ticket,support,desk,,4\n2026-10-19,t,s,a,,x\n"
    )
    source = OutcomesSource(id="outcomes", type="outcomes", url=str(file))
    ingestion.land(source, home, as_of=AS_OF, environ={})
    found = findings_of(source, home)
    assert found["fresh"][0].message.startswith("newest data 2026-10-19 00:00, 30 h old"), (
        "a day counts when it is over"
    )
    assert found["complete"][0].message == "1 file landed; 1 rows refused (fct_rejected_row)"
    late = findings_of(source.model_copy(update={"freshness_hours": 9}), home)["fresh"][0]
    assert late.status == "failed"
    assert "expected within 9 h" in late.message


# ── probes ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("ING-3", "ING-4", "ING-8", "SEC-2")
def test_file_sources_say_what_is_there_and_what_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    mapping = tmp_path / "mapping.yml"
    mapping.write_text("columns: {usage_at: t}\n")
    sources: list[Source] = [
        OtelSpansSource(id="a", type="otel_spans", url=str(folder)),
        FocusFilesSource(id="b", type="focus_files", url=str(folder)),
        OutcomesSource(id="c", type="outcomes", url=str(folder)),
        AzureExportsSource(id="d", type="azure_exports", url=str(folder)),
    ]
    for source in sources:
        assert [(check, status) for check, status, _ in asked(source)] == [
            ("reachable", "warning"),
            ("permitted", "ok"),
        ]
        gone = source.model_copy(update={"url": str(tmp_path / "gone")})
        [(check, status, message)] = asked(gone)
        assert (check, status) == ("reachable", "failed")
        assert "does not exist" in message
    usage = UsageFilesSource(id="e", type="usage_files", url=str(folder), mapping=str(mapping))
    [(check, status, message)] = asked(usage)
    assert (check, status) == ("reachable", "failed")
    assert "mapping.yml:1" in message
    (folder / "spans.jsonl").write_text("{}\n")
    assert asked(sources[0])[0] == ("reachable", "ok", "1 span files, the newest spans.jsonl")


@pytest.fixture
def prometheus() -> Iterator[tuple[str, dict[str, Any]]]:
    """A server whose answers a test chooses: path → document, or a status."""
    answers: dict[str, Any] = {}

    def answer(request: Request, _url: str) -> Answer:
        given = answers.get(request.place.rpartition("/api/v1/")[2], 404)
        return Answer(given) if isinstance(given, int) else Answer.of(given)

    with answering(answer) as server:
        yield server.url, answers


@pytest.mark.ids("ING-5", "SEC-2")
def test_a_prometheus_that_lets_anybody_delete_is_a_warning(prometheus: tuple[str, dict[str, Any]]) -> None:
    url, answers = prometheus
    source = PrometheusSource(id="gpus", type="prometheus", url=url)
    assert asked(source)[0][:2] == ("reachable", "failed"), "no such path"
    answers["query"] = {"status": "success", "data": {"result": []}}
    answers["status/flags"] = {"status": "success", "data": {"web.enable-admin-api": "true"}}
    (_, status, message), (check, more, said) = asked(source)
    assert (status, "no GPU reports" in message) == ("warning", True)
    assert (check, more) == ("permitted", "warning")
    assert "delete series" in said
    answers["query"] = {"status": "success", "data": {"result": [{"metric": {"UUID": "GPU-1"}}]}}
    del answers["status/flags"]
    assert [status for _, status, _ in asked(source)] == ["ok", "ok"], "not every server shows its flags"
    answers["query"] = 403
    assert asked(source)[0][:2] == ("permitted", "failed")


@pytest.mark.ids("OPS-1")
def test_a_source_that_hangs_or_has_no_probe_hides_no_other(tmp_path: Path, home: Home) -> None:
    (tmp_path / "spans.jsonl").write_text("{}\n")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sources = [
            PrometheusSource(id="hangs", type="prometheus", url=f"http://127.0.0.1:{silent.getsockname()[1]}"),
            OtelSpansSource(id="answers", type="otel_spans", url=str(tmp_path / "spans.jsonl")),
            cast(Source, SimpleNamespace(id="new", type="acme", freshness_hours=None, url="x")),
            cast(Source, SimpleNamespace(id="odd", type="otel_spans", freshness_hours=None)),
        ]
        told: list[str] = []
        checks = check_sources(
            sources, home, as_of=AS_OF, environ={}, limit_seconds=1, done=lambda check: told.append(check.source_id)
        )
    assert [check.source_id for check in checks] == ["hangs", "answers", "new", "odd"]
    assert told[-1] == "hangs"
    first = {check.source_id: check.findings[0] for check in checks}
    assert first["hangs"].message == "no answer within 1 s"
    assert first["answers"].status == "ok"
    assert first["new"].status == "unknown"
    assert first["odd"].message.startswith("asking it failed: AttributeError")
    assert {finding.check for finding in checks[0].findings} == {"reachable", "fresh", "complete"}


# ── the command ───────────────────────────────────────────────────────────────────────────────────────────────────────


def run_doctor(*options: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    done = runner.invoke(app, ["doctor", "--as-of", AS_OF.isoformat(), *options], env={"COLUMNS": "100", **(env or {})})
    return done.exit_code, done.stdout


@pytest.mark.ids("OPS-1", "SEC-2")
def test_the_command_says_what_to_do_first_and_then_everything(tmp_path: Path, home: Home) -> None:
    config = write_small_config(tmp_path / "config")
    (config / "sources.yml").write_text(
        "sources:\n  - {id: spans, type: otel_spans, url: '${SPANS_HERE}'}\n"
        f"  - {{id: bill, type: focus_files, url: '{tmp_path}'}}\n"
        "  - {id: off, type: outcomes, url: x, enabled: false}\n"
    )
    code, output = run_doctor("--home", str(home.path), "--config", str(config))
    assert code == 1
    assert output.index("What to do") < output.index("Sources") < output.index("This machine")
    assert "spans, reachable: the environment variable SPANS_HERE is not set" in output
    assert "not set: AIFINOPS_TEAMS_URL (routing: teams-finops)" in output
    assert "→ Set them" in output
    assert " off" not in output.partition("Sources")[2].partition("This machine")[0]
    assert max(map(len, output.splitlines())) <= 100

    code, output = run_doctor("--home", str(home.path), "--config", str(config), "--json", "--source", "bill")
    document = json.loads(output)
    assert (code, document["status"], document["machine"]) == (0, "warning", [])
    assert {line["type"] for line in document["sources"]} == {"focus_files"}
    code, output = run_doctor("--home", str(home.path), "--config", str(config), "--source", "bull")
    assert code == 1
    assert "no source 'bull'" in output
    (config / "sources.yml").write_text("sources: [{id: a, type: outcome, url: x}]\n")
    code, output = run_doctor("--home", str(home.path), "--config", str(config), "--json")
    assert code == 1
    assert "sources.yml:1" in json.loads(output)["machine"][0]["message"]


@pytest.mark.ids("OPS-1", "SEC-2")
def test_keys_ledger_and_lake_of_a_home_are_checked(tmp_path: Path, home: Home) -> None:
    config = write_small_config(tmp_path / "config")
    (config / "sources.yml").write_text("sources: []\n")
    options = ("--home", str(home.path), "--config", str(config), "--json")

    def machine(env: dict[str, str] | None = None) -> dict[str, tuple[str, str]]:
        document = json.loads(run_doctor(*options, env=env)[1])
        return {line["subject"]: (line["status"], line["message"]) for line in document["machine"]}

    assert machine()["configuration"][0] == "warning"
    assert machine()["hash key"] == ("ok", "none yet; the first landing that needs one makes it")
    assert machine({"AIFINOPS_HASH_KEY": "short"})["hash key"][0] == "failed"
    key = home.path / "hash.key"
    key.write_text("k" * 64)
    key.chmod(0o644)
    assert machine()["hash key"] == ("warning", f"others may read {key}")
    assert machine()["lake"][0] == "ok"
    assert not list(home.lake.glob(".doctor-*")), "the trial file is gone"
    home.ledger.write_bytes(b"no database at all")
    assert machine()["ledger"][0] == "failed"
    (tmp_path / "file").write_text("")
    assert machine({"AIFINOPS_LAKE": str(tmp_path / "file" / "lake")})["lake"][0] == "failed"


@pytest.mark.ids("OPS-1")
def test_a_clock_that_is_wrong_is_found_by_a_servers_date() -> None:
    past = Answer(404, headers={"date": "Tue, 20 Oct 2020 06:00:00 GMT"})
    with answering(lambda _request, _url: past) as server:
        found = clock_finding(["http://127.0.0.1:9", server.url])
    assert found is not None
    assert (found.status, "s away from 127.0.0.1" in found.message) == ("failed", True)
    assert clock_finding([]) is None
