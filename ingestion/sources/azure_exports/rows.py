"""What an export's manifest says.

Here: parsing ``manifest.json`` and finding the files that it names.
Not here: reading files.
Source of the format: Cost Management's export manifest (manifestVersion 2024-04-01), as its documentation and
``FinOps toolkit`` describe it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from finops.azure_cost import DATASETS
from finops.periods import BillingPeriod
from ingestion.errors import LandingError
from ingestion.lake import naive_utc

FOCUS = "FocusCost"
_TYPES = {name.lower(): name for name in (FOCUS, *DATASETS)}


@dataclass(frozen=True)
class Blob:
    """One part of a run; counts are None where the manifest does not say them."""

    name: str
    byte_count: int | None
    row_count: int | None


@dataclass(frozen=True)
class ExportRun:
    """One run of one export. ``submitted_at`` is naive UTC."""

    manifest_path: str
    run_id: str
    scope: str
    export_type: str
    data_version: str
    start: date
    end: date
    submitted_at: datetime
    blobs: tuple[Blob, ...]
    manifest: Mapping[str, Any]

    @property
    def period(self) -> BillingPeriod | None:
        """The billing month that it restates, or None where it covers something else."""
        if self.start.day != 1:
            return None
        period = BillingPeriod(self.start)
        return period if self.end <= period.end else None

    @property
    def dataset(self) -> str | None:
        """``FocusCost``, ``ActualCost`` or ``AmortizedCost``; None for exports of anything else."""
        return _TYPES.get(self.export_type.lower())

    @property
    def announced_rows(self) -> int | None:
        """Rows of all blobs together, where the manifest says it."""
        return _count(self.manifest.get("dataRowCount"))


def parse_manifest(document: Any, path: str) -> ExportRun:
    """Read one manifest.

    Raises:
        LandingError: something that identifies the run is missing.
    """
    try:
        run, config = document["runInfo"], document["exportConfig"]
        resource = str(config.get("resourceId") or "").strip().rstrip("/").lower()
        name = str(config["exportName"]).lower()
        return ExportRun(
            manifest_path=path,
            run_id=str(run["runId"]),
            scope=resource if resource.endswith(f"/exports/{name}") else f"{resource}/{name}",
            export_type=str(config["type"]),
            data_version=str(config.get("dataVersion") or ""),
            start=_moment(run["startDate"]).date(),
            end=_moment(run["endDate"]).date(),
            submitted_at=_moment(run["submittedTime"]),
            blobs=tuple(
                Blob(str(blob["blobName"]), _count(blob.get("byteCount")), _count(blob.get("dataRowCount")))
                for blob in document.get("blobs") or []
            ),
            manifest=document,
        )
    except KeyError as error:
        raise LandingError(
            f"{path} is no export manifest: {error} is missing. Recreate the export, or move the file away"
        ) from None
    except (TypeError, ValueError, AttributeError) as error:
        raise LandingError(
            f"{path} is no export manifest: {error}. Recreate the export, or move the file away"
        ) from None


def _moment(text: Any) -> datetime:
    """ISO 8601; Azure writes seven digits after the second and, in older manifests, no zone (UTC is meant)."""
    moment = datetime.fromisoformat(str(text))
    return naive_utc(moment) if moment.tzinfo else moment


def _count(value: Any) -> int | None:
    return None if value is None else int(value)


def find_blob(blob: Blob, manifest_path: str, paths: Collection[str]) -> str | None:
    """The listed path of a blob, or None.

    Manifests name blobs relative to their container. The listing may start there, below it, or in a copy of a part of
    it, so the longest match of whole path elements counts; a blob beside its manifest comes before others. The bare
    file name is no match: every run has a ``part_1_0001.csv.gz``.
    """
    name = blob.name.strip("/")
    folder = manifest_path.rsplit("/", 1)[0]
    elements = name.split("/")
    beside = f"{folder}/{elements[-1]}"
    if beside in paths:
        return beside
    for skipped in range(max(len(elements) - 1, 1)):
        suffix = "/" + "/".join(elements[skipped:])
        found = [path for path in paths if path.endswith(suffix)]
        if len(found) == 1:
            return found[0]
        if found:
            return None  # several files could be meant
    return None
