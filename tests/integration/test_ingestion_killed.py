"""Landing by several at once, and after older crashes, ends with the same lake."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import ingestion
from finops.config.bill_sources import AzureExportsSource, FocusFilesSource
from finops.config.usage_sources import OtelSpansSource
from finops.paths import Home
from tests.support.landed import AS_OF, HEADER, charges, csv_bytes, query, readable, write_run

RUNS = 12
SCRIPT = """
import sys
from datetime import datetime
from pathlib import Path
import ingestion, dlt
from finops.config.bill_sources import AzureExportsSource, FocusFilesSource
from finops.config.usage_sources import OtelSpansSource
from finops.paths import Home
from ingestion.dlt_filesystem import lake_filesystem
folder, home, as_of = sys.argv[1:]
def say(line):
    print(line, flush=True)
say("ready")
for source in (
    AzureExportsSource(id="azure-exports", type="azure_exports", url=f"{folder}/exports"),
    FocusFilesSource(id="bills", type="focus_files", url=f"{folder}/bills"),
):
    ingestion.land(source, Home(Path(home)), as_of=datetime.fromisoformat(as_of), environ={}, progress=say)
"""

pytestmark = pytest.mark.ids("ING-10", "OPS-1")


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deliveries")
    for number in range(RUNS):
        rows = charges("2026-10-01", [f"{number}.{i:04d}" for i in range(500)])
        write_run(folder / "exports", f"r{number:02d}", rows, submitted=f"2026-10-{number + 2:02d}T04:30:00Z", parts=2)
    (folder / "bills").mkdir()
    for number in range(4):
        (folder / "bills" / f"{number}.csv").write_bytes(csv_bytes(HEADER, charges("2026-10-01", [str(number)] * 300)))
    return folder


def _start(deliveries: Path, home: Home) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(deliveries), str(home.path), AS_OF.isoformat()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _finish(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors


@pytest.mark.long
def test_two_at_once_land_everything_once(deliveries: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "both")
    processes = [_start(deliveries, home) for _ in range(2)]
    for process in processes:
        _finish(process)
    snapshots = query(home, "landing__snapshot", "select count(*), count(distinct (source_id, snapshot_id)) from rows")
    assert snapshots == [(RUNS + 4, RUNS + 4)]
    assert readable(home)["focus__cost_and_usage"].total() == RUNS * 500 + 4 * 300


def test_a_half_written_package_of_an_older_crash_does_no_harm(deliveries: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    source = FocusFilesSource(id="bills", type="focus_files", url=str(deliveries / "bills"))
    ingestion.land(source, home, as_of=AS_OF, environ={})
    expected = readable(home)
    for folder in home.pipelines.iterdir():
        if folder.is_dir():
            package = folder / "load" / "normalized" / "1.5"
            (package / "new_jobs").mkdir(parents=True)
            (package / "new_jobs" / "focus__cost_and_usage.x.0.parquet").write_bytes(b"PAR1")
            (folder / "state.json").write_text("{")
    assert ingestion.land(source, home, as_of=AS_OF, environ={}).skipped == 4
    assert readable(home) == expected


def test_sources_do_not_share_their_state(tmp_path: Path, deliveries: Path) -> None:
    home = Home(tmp_path / "home")
    for name in ("a-b", "a_b", "a.b"):
        source = AzureExportsSource(id=name, type="azure_exports", url=str(deliveries / "exports"))
        assert ingestion.land(source, home, as_of=AS_OF, environ={}).snapshots == RUNS
    spans = OtelSpansSource(id="empty", type="otel_spans", url=str(deliveries / "bills"))
    assert ingestion.land(spans, home, as_of=AS_OF, environ={}).snapshots == 0
    assert query(home, "landing__snapshot", "select count(*) from rows group by source_id") == [(RUNS,)] * 3
