"""The storage that exports are delivered to.

Here: listing, manifests, which runs are all there.
Not here: what the manifests mean (``rows``) and landing (``source``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingestion.errors import LandingError
from ingestion.files import Location, StoredFile, list_files, open_location
from ingestion.sources.azure_exports.rows import Blob, ExportRun, find_blob, parse_manifest


@dataclass(frozen=True)
class Delivery:
    """Everything below the export folder, listed once."""

    location: Location
    files: dict[str, StoredFile]

    @property
    def manifest_paths(self) -> list[str]:
        return [path for path in self.files if path.lower().endswith("manifest.json")]


def list_delivery(url: str, environ: Mapping[str, str]) -> Delivery:
    """List the folder, folder names unread: they differ by agreement and setting, manifests do not.

    Raises:
        LandingError: the folder does not exist.
    """
    location = open_location(url, environ)
    return Delivery(location, {file.path: file for file in list_files(location)})


def read_runs(delivery: Delivery) -> tuple[list[ExportRun], list[str]]:
    """All runs in the order they were submitted, and what is wrong with manifests that could not be read."""
    paths = delivery.manifest_paths
    contents: dict[str, Any] = delivery.location.filesystem.cat(paths, on_error="return") if paths else {}
    runs, problems = [], []
    for path in paths:
        address = delivery.location.address(path)
        content = contents[path]
        if isinstance(content, Exception):
            problems.append(f"{address}: cannot be read yet ({content})")
            continue
        try:
            runs.append(parse_manifest(json.loads(content), path))
        except ValueError:
            problems.append(f"{address}: not whole JSON yet")
        except LandingError as error:
            problems.append(str(error))
    return sorted(runs, key=lambda run: (run.submitted_at, run.run_id)), problems


def locate_blobs(delivery: Delivery, run: ExportRun) -> tuple[list[tuple[Blob, StoredFile]], list[str]]:
    """The run's files, and what is missing of them. Azure promises no order of writing, so sizes are compared too."""
    found, missing = [], []
    announced = run.manifest.get("blobCount")
    if announced is not None and announced != len(run.blobs):
        missing.append(f"the manifest names {len(run.blobs)} of {announced} files")
    for blob in run.blobs:
        path = find_blob(blob, run.manifest_path, delivery.files.keys())
        if path is None:
            missing.append(f"{blob.name} is missing")
            continue
        file = delivery.files[path]
        if blob.byte_count is not None and file.size != blob.byte_count:
            missing.append(f"{blob.name} has {file.size} of {blob.byte_count} bytes")
            continue
        found.append((blob, file))
    return found, missing
