"""Sources and lakes that are no local folder, through an fsspec file system in memory."""

from __future__ import annotations

import gzip
import io
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pyarrow.parquet as pq
import pytest
from dlt.common.schema import Schema

import ingestion
from finops.config.bill_sources import AzureExportsSource, FocusFilesSource
from finops.config.usage_sources import OtelSpansSource, UsageFilesSource
from finops.paths import Home
from ingestion import LandingError
from ingestion.files import open_location
from ingestion.lake import Lake
from tests.support.landed import AS_OF, HEADER, charges, csv_bytes, query, write_run

pytestmark = pytest.mark.ids("ING-1", "OPS-2")


@pytest.fixture
def bucket() -> Iterator[str]:
    name = f"container-{uuid.uuid4().hex}"
    yield f"memory://{name}"
    fsspec.filesystem("memory").rm(f"/{name}", recursive=True)


def upload(folder: Path, url: str) -> None:
    memory = fsspec.filesystem("memory")
    for path in folder.rglob("*"):
        if path.is_file():
            memory.pipe_file(f"{url.removeprefix('memory:/')}/{path.relative_to(folder)}", path.read_bytes())


def test_exports_land_from_a_bucket_once(bucket: str, tmp_path: Path) -> None:
    write_run(
        tmp_path / "up" / "finops", "r1", charges("2026-10-01", ["1", "2"]), submitted="2026-10-03T04:30:00Z", parts=2
    )
    upload(tmp_path / "up", bucket)
    home = Home(tmp_path / "home")
    source = AzureExportsSource(id="exports", type="azure_exports", url=f"{bucket}/finops")
    assert ingestion.land(source, home, as_of=AS_OF, environ={}).rows == {"focus__cost_and_usage": 2}
    assert ingestion.land(source, home, as_of=AS_OF, environ={}).skipped == 1
    files = query(home, "focus__cost_and_usage", "select distinct x_file from rows order by 1")
    assert f"{bucket.removeprefix('memory:/')}/finops/focus/daily/" in files[0][0]


def test_every_format_lands_from_a_bucket(bucket: str, tmp_path: Path) -> None:
    up = tmp_path / "up"
    for name in ("bills", "usage", "spans"):
        (up / name).mkdir(parents=True)
    (up / "bills" / "a.csv.gz").write_bytes(gzip.compress(csv_bytes(HEADER, charges("2026-10-01", ["1"]))))
    (up / "usage" / "a.jsonl").write_text('{"at": "2026-10-01", "in": 5}\n{"at": "2026-10-01", "in": "x"}\n')
    (up / "spans" / "a.jsonl").write_text("{}\n")
    upload(up, bucket)
    mapping = tmp_path / "mapping.yml"
    mapping.write_text("columns: {usage_at: at, input_tokens: in}\nconstants: {provider_name: p, model: m}\n")
    home = Home(tmp_path / "home")
    sources = (
        FocusFilesSource(id="bills", type="focus_files", url=f"{bucket}/bills"),
        UsageFilesSource(id="usage", type="usage_files", url=f"{bucket}/usage", mapping=str(mapping)),
        OtelSpansSource(id="spans", type="otel_spans", url=f"{bucket}/spans"),
    )
    results = [ingestion.land(source, home, as_of=AS_OF, environ={}) for source in sources]
    assert [(result.snapshots, sum(result.rows.values()), result.rejected) for result in results] == [
        (1, 1, 0),
        (1, 1, 1),
        (1, 0, 1),
    ]


def test_the_lake_may_be_a_bucket(bucket: str, tmp_path: Path) -> None:
    bill = tmp_path / "bill.csv"
    bill.write_bytes(csv_bytes(HEADER, charges("2026-10-01", ["1", "2"])))
    home = Home(tmp_path / "home")
    source = FocusFilesSource(id="bills", type="focus_files", url=str(bill))
    url = f"{bucket}/lake"
    ingestion.prepare_lake(home, url)
    assert ingestion.land(source, home, as_of=AS_OF, environ={}, lake_url=url).snapshots == 1
    assert ingestion.land(source, home, as_of=AS_OF, environ={}, lake_url=url).skipped == 1
    assert not home.lake.exists()
    lake = Lake(home, url, {})
    assert len(lake.complete_loads()) == 2, "the load and the placeholder"
    memory = fsspec.filesystem("memory")
    folder = f"{url.removeprefix('memory:/')}/raw/focus__cost_and_usage"
    files = [path for path in memory.ls(folder, detail=False) if not path.endswith("/schema.parquet")]
    costs = [value for path in files for value in pq.read_table(io.BytesIO(memory.cat(path)))["BilledCost"].to_pylist()]
    assert costs == ["1", "2"]


def test_a_storage_account_must_be_named() -> None:
    with pytest.raises(LandingError, match="Set AZURE_STORAGE_ACCOUNT_NAME"):
        open_location("az://exports/finops", {})


@pytest.mark.parametrize(
    ("url", "environ"),
    [
        ("az://lake/finops", {"AZURE_STORAGE_ACCOUNT_NAME": "stfinops"}),
        ("az://lake@stfinops.dfs.core.windows.net/finops", {}),
    ],
)
def test_dlt_and_listings_name_the_same_place_in_azure(tmp_path: Path, url: str, environ: dict[str, str]) -> None:
    location = open_location(url, environ)
    destination = Lake(Home(tmp_path), url, environ).destination()
    client = destination.client(Schema("azure_exports"), destination.spec()._bind_dataset_name("raw", None))
    assert client.bucket_path == location.root == "lake/finops"
    assert client.fs_client.account_name == location.filesystem.account_name == "stfinops"
