"""Exports at their destinations: a folder, Blob Storage (Azurite), S3 (moto's server)."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import duckdb
import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer
from typer.testing import CliRunner

from cli.main import app
from finops.config.exports import Destination
from ingestion.files import Location, open_location
from orchestration.export_delivery import ExportDeliveryError, deliver_exports
from reports import export_marts
from reports.dictionary import Dictionary, DictionaryColumn, DictionaryMart
from tests.support.azurite import UnavailableError, azurite

pytestmark = [pytest.mark.ids("BI-2"), pytest.mark.xdist_group("export-delivery")]

KNOWN_AT = datetime(2026, 10, 20, 6, tzinfo=UTC)
MARTS = ("fct_ai_cost_daily", "dim_team")


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[str, dict[str, str]]]]:
    """By kind: address of an empty place, and the environment that it takes."""
    found: dict[str, tuple[str, dict[str, str]]] = {"folder": (str(tmp_path_factory.mktemp("share")), {})}
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "eu-central-1",
        }.items():
            patch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="marts", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        client.close()
        found["s3"] = ("s3://marts/finops", {})
        try:
            with azurite(tmp_path_factory.mktemp("azurite")) as blobs:
                fsspec.filesystem("az", connection_string=blobs.connection_string).mkdir("marts")
                found["azure"] = ("az://marts/finops", blobs.environ)
                yield found
        except UnavailableError:
            yield found
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    server.stop()


@pytest.fixture(params=["folder", "s3", "azure"])
def store(
    request: pytest.FixtureRequest, stores: dict[str, tuple[str, dict[str, str]]]
) -> tuple[Destination, dict[str, str]]:
    if request.param not in stores:
        pytest.skip("Azurite is not installed (`make azurite`)")
    url, environ = stores[request.param]
    destination = Destination(id="power-bi", url=f"{url}/{request.node.originalname}", keep_versions=2)
    return destination, environ


def export(folder: Path, amount: str, known_at: datetime = KNOWN_AT) -> Path:
    """What a run exports: two marts, the cost of one team."""
    published = folder / "published"
    published.mkdir(parents=True, exist_ok=True)
    tables = {
        "fct_ai_cost_daily": pa.table({"billed_cost": pa.array([Decimal(amount)] * 3, pa.decimal128(38, 12))}),
        "dim_team": pa.table({"team": ["search", "=cmd"]}),
    }
    for name, table in tables.items():
        pq.write_table(table, published / f"{name}.parquet")
    described = [
        DictionaryMart(
            name, f"one {name}", "What it is.", tuple(DictionaryColumn(c, "text", "A column.") for c in t.column_names)
        )
        for name, t in tables.items()
    ]
    export_marts(published, folder / "exports", Dictionary(tuple(described)), known_at=known_at)
    return folder / "exports"


def read(place: Location) -> dict[str, Any]:
    """What a reader does: the manifest, then the files that it names, which must be as it says."""
    manifest = json.loads(place.filesystem.cat_file(place.join("manifest.json")))
    for file in manifest["files"]:
        content = place.filesystem.cat_file(place.join(manifest["folder"], file["path"]))
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])
    return manifest


def cost(place: Location, kind: str = "parquet") -> Decimal:
    manifest = read(place)
    [file] = [f for f in manifest["files"] if f["mart"] == "fct_ai_cost_daily" and f["format"] == kind]
    content = io.BytesIO(place.filesystem.cat_file(place.join(manifest["folder"], file["path"])))
    if kind == "parquet":
        return sum(pq.read_table(content)["billed_cost"].to_pylist(), Decimal(0))
    return sum((Decimal(text) for text in pd.read_csv(content, dtype=str)["billed_cost"]), Decimal(0))


def versions(place: Location) -> list[str]:
    names = [path.rstrip("/").rpartition("/")[2] for path in place.filesystem.ls(place.root, detail=False)]
    return sorted(name for name in names if name != "manifest.json")


def test_a_reader_finds_one_whole_version_and_corrections_replace_it(
    store: tuple[Destination, dict[str, str]], tmp_path: Path
) -> None:
    destination, environ = store
    place = open_location(destination.url, environ)
    first = deliver_exports(export(tmp_path, "10.000000000001"), destination, environ)
    assert first.file_count == 7  # two marts twice, README, the dictionary twice
    manifest = read(place)
    assert manifest["known_at"] == "2026-10-20T06:00:00Z"
    assert {mart["name"] for mart in manifest["marts"]} == set(MARTS)
    assert cost(place) == cost(place, "csv") == Decimal("30.000000000003")

    assert deliver_exports(tmp_path / "exports", destination, environ).file_count == 0, "it is there already"

    deliver_exports(export(tmp_path, "9"), destination, environ)
    assert cost(place) == cost(place, "csv") == 27, "a correction of the same moment replaces what was there"
    for day in (1, 2, 3):
        deliver_exports(export(tmp_path, str(day), KNOWN_AT + timedelta(days=day)), destination, environ)
    assert cost(place) == 9
    assert len(versions(place)) == 2, "what somebody may be reading, and the current one"


def test_only_the_wanted_formats_go_there(store: tuple[Destination, dict[str, str]], tmp_path: Path) -> None:
    destination, environ = store
    only = destination.model_copy(update={"formats": ["parquet"]})
    deliver_exports(export(tmp_path, "1"), only, environ)
    place = open_location(only.url, environ)
    manifest = read(place)
    assert {file["format"] for file in manifest["files"] if file["mart"]} == {"parquet"}
    assert not place.filesystem.exists(place.join(manifest["folder"], "csv"))


def test_months_and_workbooks_go_where_they_are_wanted(tmp_path: Path) -> None:
    exports = export(tmp_path, "1")
    manifest = json.loads((exports / "manifest.json").read_text(encoding="utf-8"))
    for path, mart, kind in (
        ("parquet_by_month/fct_ai_cost_daily/2026-10.parquet", "fct_ai_cost_daily", "parquet_by_month"),
        ("xlsx/statements_2026-09.xlsx", None, "xlsx"),
    ):
        file = exports / path
        file.parent.mkdir(parents=True)
        file.write_bytes(b"x")
        digest = hashlib.sha256(b"x").hexdigest()
        manifest["files"].append({"path": path, "mart": mart, "format": kind, "rows": 1, "bytes": 1, "sha256": digest})
    (exports / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    went = {}
    for name, formats in (("usual", {}), ("all", {"formats": ["parquet", "parquet_by_month", "xlsx"]})):
        destination = Destination.model_validate({"id": name, "url": str(tmp_path / name), **formats})
        deliver_exports(exports, destination, {})
        went[name] = {file["format"] for file in read(open_location(destination.url, {}))["files"] if file["rows"]}
    assert went == {"usual": {"csv", "parquet"}, "all": {"parquet", "parquet_by_month", "xlsx"}}


def test_a_delivery_that_was_cut_short_is_never_seen_and_done_again(
    store: tuple[Destination, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    destination, environ = store
    place = open_location(destination.url, environ)
    deliver_exports(export(tmp_path, "1"), destination, environ)
    exports = export(tmp_path, "2", KNOWN_AT + timedelta(days=1))
    put, count = place.filesystem.put_file, iter(range(100))

    def cut(*arguments: Any, **more: Any) -> Any:
        if next(count) == 3:
            raise ConnectionResetError("the line went dead")
        return put(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(place.filesystem, "put_file", cut)
        with pytest.raises(ExportDeliveryError, match=r"power-bi: .* the line went dead.* still whole"):
            deliver_exports(exports, destination, environ)
    assert cost(place) == 3, "readers have what they had"
    deliver_exports(exports, destination, environ)
    assert cost(place) == 6


def test_an_unreadable_manifest_is_replaced(tmp_path: Path) -> None:
    share = tmp_path / "share"
    share.mkdir()
    (share / "manifest.json").write_text("{", encoding="utf-8")
    destination = Destination(id="share", url=str(share))
    assert deliver_exports(export(tmp_path, "1"), destination, {}).file_count == 7
    assert cost(open_location(str(share), {})) == 3


def test_the_command_says_where_it_went_and_duckdb_reads_it(tmp_path: Path) -> None:
    export(tmp_path / "home", "5")
    runner, share = CliRunner(), tmp_path / "share"
    done = runner.invoke(app, ["export", "marts", "--home", str(tmp_path / "home"), "--to", str(share)])
    assert done.exit_code == 0, done.output
    assert f"✓ {share}: 7 files" in done.output
    folder = json.loads((share / "manifest.json").read_text(encoding="utf-8"))["folder"]
    assert duckdb.read_csv(str(share / folder / "csv" / "dim_team.csv")).fetchall() == [("search",), ("'=cmd",)]
    again = runner.invoke(app, ["export", "marts", "--home", str(tmp_path / "home"), "--to", str(share)])
    assert "has it already" in again.output
    shutil.rmtree(tmp_path / "home" / "exports")
    missing = runner.invoke(app, ["export", "marts", "--home", str(tmp_path / "home"), "--to", str(share)])
    assert (missing.exit_code, "run the pipeline first" in missing.output) == (1, True)
    wrong = runner.invoke(app, ["export", "marts", "--to", str(share), "--format", "xls"])
    assert (wrong.exit_code, "parquet_by_month or xlsx" in wrong.output) == (1, True)


def test_a_destination_that_does_not_exist_is_told_with_what_to_do(
    stores: dict[str, tuple[str, dict[str, str]]], tmp_path: Path
) -> None:
    with pytest.raises(ExportDeliveryError, match="this machine's identity may write there"):
        deliver_exports(export(tmp_path, "1"), Destination(id="lost", url="s3://no-such-bucket/x"), {})
