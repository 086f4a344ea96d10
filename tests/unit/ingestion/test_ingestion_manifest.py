"""Manifests of Azure exports."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path

import pytest

from ingestion.errors import LandingError
from ingestion.sources.azure_exports.rows import Blob, find_blob, parse_manifest
from tests.support.landed import EXPORT_RESOURCE, charges, write_run

pytestmark = pytest.mark.ids("ING-1")


def _document(folder: Path) -> dict[str, object]:
    document: dict[str, object] = json.loads((folder / "manifest.json").read_text())
    return document


def test_run_is_identified_by_export_month_and_submission(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "r1", charges("2026-10-01", ["1"]), submitted="2026-10-02T04:30:00.1234567Z")
    run = parse_manifest(_document(folder), "m")
    assert run.scope == EXPORT_RESOURCE.lower()
    assert run.period is not None
    assert run.period.start == date(2026, 10, 1)
    assert run.submitted_at == datetime(2026, 10, 2, 4, 30, 0, 123456)  # noqa: DTZ001
    assert [(blob.row_count, blob.byte_count is not None) for blob in run.blobs] == [(1, True)]


def test_scope_names_the_export_where_its_resource_does_not(tmp_path: Path) -> None:
    config = {"resourceId": "/providers/Microsoft.Billing/billingAccounts/42/"}
    folder = write_run(tmp_path, "r1", [], submitted="2026-10-02T04:30:00Z", config=config)
    assert parse_manifest(_document(folder), "m").scope == "/providers/microsoft.billing/billingaccounts/42/daily-focus"


@pytest.mark.parametrize(
    "period", [("2026-10-05", "2026-10-11"), ("2026-09-01", "2026-10-31"), ("2026-10-02", "2026-10-31")]
)
def test_what_is_no_single_month_replaces_none(tmp_path: Path, period: tuple[str, str]) -> None:
    folder = write_run(tmp_path, "r1", [], submitted="2026-10-12T04:30:00Z", period=period)
    assert parse_manifest(_document(folder), "m").period is None


@pytest.mark.parametrize("broken", [{"runInfo": {}}, {"exportConfig": None}, {"runInfo": {"runId": 1}}])
def test_other_json_is_named_as_no_manifest(tmp_path: Path, broken: dict[str, object]) -> None:
    folder = write_run(tmp_path, "r1", [], submitted="2026-10-12T04:30:00Z")
    with pytest.raises(LandingError, match=r"exports/manifest\.json is no export manifest"):
        parse_manifest(_document(folder) | broken, "exports/manifest.json")


@pytest.mark.parametrize(
    "name",
    [
        "finops/daily/20261001/r1/part_0.csv",  # relative to the container
        "daily/20261001/r1/part_0.csv",  # relative to the folder of the exports
        "/container/finops/daily/20261001/r1/part_0.csv",
        "part_0.csv",
    ],
)
def test_blob_names_are_found_whatever_they_are_relative_to(name: str) -> None:
    folder = "lake/finops/daily/20261001"
    paths = [f"{folder}/r1/part_0.csv", f"{folder}/r1/manifest.json", f"{folder}/r2/part_0.csv"]
    assert find_blob(Blob(name, 1, 1), f"{folder}/r1/manifest.json", paths) == f"{folder}/r1/part_0.csv"


def test_a_blob_of_another_run_is_never_taken() -> None:
    paths = ["x/r2/part_0.csv", "x/r3/part_0.csv", "x/r1/manifest.json"]
    assert find_blob(Blob("x/r1/part_0.csv", 1, 1), "x/r1/manifest.json", paths) is None
