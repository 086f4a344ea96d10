"""FOCUS files in S3 and Google Cloud Storage: real HTTP, the clouds' own clients, their standard variables.

S3 is moto's server. Google's storage has no emulator that installs without a download, so a small server answers the
four requests of its JSON API that listing and reading files take.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import boto3
import fsspec
import pytest
from moto.server import ThreadedMotoServer

import ingestion
from finops.config.bill_sources import FocusFilesSource
from finops.paths import Home
from ingestion import LandingError
from tests.support.answering import Answer, Request, answering
from tests.support.landed import AS_OF, HEADER, charges, csv_bytes, query

pytestmark = [pytest.mark.ids("ING-4"), pytest.mark.xdist_group("clouds")]
BUCKET = "bills"
FILES = {
    "aws/2026-10/part-0.csv.gz": gzip.compress(csv_bytes(HEADER, charges("2026-10-01", ["1", "2"])), mtime=0),
    "aws/2026-10/part-1.csv": csv_bytes(HEADER, charges("2026-10-02", ["4"])),
    "aws/2026-10/_manifest.json": b"{}",
    "other/ignored.csv": csv_bytes(HEADER, charges("2026-10-02", ["1000"])),
}


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        for key, content in FILES.items():
            client.put_object(Bucket=BUCKET, Key=key, Body=content)
        client.close()
        yield f"s3://{BUCKET}"
    # An instance keeps its connection, which is to this server.
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    server.stop()


def _gcs(request: Request, url: str) -> Answer:
    """Objects of one bucket: list, look at, read, and read a range of."""
    name = request.place.partition(f"/b/{BUCKET}/o/")[2]
    if request.place.endswith(f"/b/{BUCKET}/o"):
        prefix = request.query.get("prefix", "")
        return Answer.of({"items": [_about(key, url) for key in FILES if key.startswith(prefix)]})
    if name not in FILES:
        return Answer.of({"error": {"code": 404, "message": "not found"}}, 404)
    if not request.place.startswith("/download/") and request.query.get("alt") != "media":
        return Answer.of(_about(name, url))
    content, wanted = FILES[name], request.headers.get("range")
    if wanted is None:
        return Answer(200, content)
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    return Answer(206, content[int(first) : int(last) + 1 if last else None])


def _about(key: str, url: str) -> dict[str, str]:
    return {
        "kind": "storage#object",
        "name": key,
        "bucket": BUCKET,
        "size": str(len(FILES[key])),
        "updated": "2026-10-03T04:30:00.000Z",
        "timeCreated": "2026-10-03T04:30:00.000Z",
        "etag": f"e-{len(FILES[key])}",
        "generation": "1",
        "mediaLink": f"{url}/download/storage/v1/b/{BUCKET}/o/{key.replace('/', '%2F')}?alt=media",
    }


@pytest.fixture
def gcs(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with answering(_gcs) as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        fsspec.get_filesystem_class("gs").clear_instance_cache()
        yield f"gs://{BUCKET}"
        fsspec.get_filesystem_class("gs").clear_instance_cache()


def _lands_once(url: str, home: Home) -> None:
    source = FocusFilesSource(id="cloud", type="focus_files", url=f"{url}/aws")
    first = ingestion.land(source, home, as_of=AS_OF, environ={})
    assert first.rows == {"focus__cost_and_usage": 3}
    assert first.snapshots == 2
    again = ingestion.land(source, home, as_of=AS_OF, environ={})
    assert (again.rows, again.skipped) == ({}, 2)
    rows = query(home, "focus__cost_and_usage", "select x_file, BilledCost from rows order by 1, 2")
    assert rows == [
        (f"{url}/aws/2026-10/part-0.csv.gz", "1"),
        (f"{url}/aws/2026-10/part-0.csv.gz", "2"),
        (f"{url}/aws/2026-10/part-1.csv", "4"),
    ]


def test_a_folder_in_s3_lands_once(s3: str, tmp_path: Path) -> None:
    _lands_once(s3, Home(tmp_path))


def test_a_folder_in_google_cloud_storage_lands_once(gcs: str, tmp_path: Path) -> None:
    _lands_once(gcs, Home(tmp_path))


def test_a_bucket_that_does_not_exist_is_named(s3: str, tmp_path: Path) -> None:
    source = FocusFilesSource(id="cloud", type="focus_files", url="s3://nobody-has-this/aws")
    with pytest.raises(LandingError, match="s3://nobody-has-this/aws does not exist"):
        ingestion.land(source, Home(tmp_path), as_of=AS_OF, environ={})
