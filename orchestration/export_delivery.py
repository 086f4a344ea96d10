"""Bringing the exported marts to where others read them: a folder, Blob Storage or ADLS, S3, Google Cloud Storage.

Here: one whole version beside the others, then the manifest that says which is current.
Not here: writing the files (reports), and opening locations (ingestion).

A reader takes ``manifest.json`` first and then the files that it names. Those lie in a folder of their own version and
never change, so nobody sees half an export, on stores too that cannot rename a folder. A delivery that was cut short
leaves files that no manifest names; the next one removes them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finops.config.exports import Destination
from ingestion import LandingError
from ingestion.files import Location, open_location
from reports import MANIFEST, WORKBOOKS

_VERSION = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{12}")


class ExportDeliveryError(RuntimeError):
    """An export cannot be brought to its destination; the message says why and what to do."""


@dataclass(frozen=True)
class Delivered:
    """``file_count`` is 0 where the destination had this version already."""

    destination_id: str
    url: str
    version: str
    file_count: int
    byte_count: int
    removed: tuple[str, ...]
    """Older versions that were removed."""

    @property
    def sentence(self) -> str:
        if not self.file_count:
            return f"{self.destination_id} has this version already ({self.version})"
        return f"{self.destination_id}: {self.file_count} files, {self.byte_count / 1e6:,.1f} MB ({self.version})"


def deliver_exports(folder: Path, destination: Destination, environ: Mapping[str, str]) -> Delivered:
    """Bring the exports of ``folder`` to a destination, unless they are there already.

    Args:
        folder: what ``reports.export_marts`` has written.

    Raises:
        ExportDeliveryError: nothing was exported yet, or the destination cannot be written.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ExportDeliveryError(f"{folder} has no {MANIFEST}: run the pipeline first") from None
    wanted = _for_formats(manifest, destination.formats)
    try:
        place = open_location(destination.url, environ)
        return _deliver(folder, destination, place, wanted)
    except LandingError as error:
        raise ExportDeliveryError(str(error)) from error
    except Exception as error:  # every store's client has errors of its own
        why = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise ExportDeliveryError(
            f"{destination.id}: {destination.url} cannot be written: {why[0]}. Check that it exists and that this "
            "machine's identity may write there (Azure: Storage Blob Data Contributor on the container); "
            "what was there before is still whole"
        ) from error


def _deliver(folder: Path, destination: Destination, place: Location, wanted: dict[str, Any]) -> Delivered:
    store, version = place.filesystem, wanted["version"]
    current = _current(place)
    files = wanted["files"]
    is_new = current != version
    if is_new:
        for file in files:
            target = place.join(version, file["path"])
            store.makedirs(target.rpartition("/")[0], exist_ok=True)
            store.put_file(str(folder / file["path"]), target)
            if store.size(target) != file["bytes"]:
                raise OSError(f"{file['path']} did not arrive whole")
        _write(place, MANIFEST, json.dumps(wanted, indent=2, ensure_ascii=False).encode() + b"\n")
    removed = _remove_old(place, {version, *([current] if current else [])}, destination.keep_versions)
    return Delivered(
        destination.id,
        destination.url,
        version,
        len(files) if is_new else 0,
        sum(file["bytes"] for file in files) if is_new else 0,
        tuple(removed),
    )


def _for_formats(manifest: dict[str, Any], formats: Sequence[str]) -> dict[str, Any]:
    """The manifest with paths as a reader at the destination finds them, of the wanted formats only."""
    files = [file for file in manifest["files"] if _is_documentation(file) or file["format"] in formats]
    return manifest | {"folder": manifest["version"], "files": files}


def _is_documentation(file: dict[str, Any]) -> bool:
    return file["mart"] is None and file["format"] != WORKBOOKS


def _current(place: Location) -> str | None:
    """The version that the destination's manifest names; None where there is none that can be read."""
    path = place.join(MANIFEST)
    if not place.filesystem.exists(path):
        return None
    try:
        document = json.loads(place.filesystem.cat_file(path))
        return str(document["version"])
    except (ValueError, KeyError, TypeError):
        return None


def _write(place: Location, name: str, content: bytes) -> None:
    """In one step: stores swap an object whole, a local file is renamed."""
    path = place.join(name)
    if not place.is_local:
        place.filesystem.pipe_file(path, content)
        return
    part = Path(place.join(f".{name}.{os.getpid()}.part"))
    part.write_bytes(content)
    part.replace(path)


def _remove_old(place: Location, needed: set[str], keep: int) -> list[str]:
    """All versions but the newest, and those that somebody may be reading."""
    names = [path.rstrip("/").rpartition("/")[2] for path in place.filesystem.ls(place.root, detail=False)]
    versions = sorted((name for name in names if _VERSION.fullmatch(name)), reverse=True)
    kept = needed | set([name for name in versions if name not in needed][: max(keep - len(needed), 0)])
    old = [name for name in versions if name not in kept]
    for name in old:
        place.filesystem.rm(place.join(name), recursive=True)
    return old
