"""Reading what the simulator wrote, without the project's own readers."""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import simulator


@dataclass(frozen=True)
class Generated:
    """A generated folder and readers of its files."""

    summary: simulator.Organisation

    @property
    def directory(self) -> Path:
        return self.summary.directory

    def manifests(self) -> list[dict[str, Any]]:
        """Every manifest, oldest run first."""
        found = [json.loads(path.read_text()) for path in self.summary.exports.rglob("manifest.json")]
        return sorted(found, key=lambda m: (m["runInfo"]["submittedTime"], m["runInfo"]["startDate"]))

    def rows(self, manifest: dict[str, Any]) -> list[dict[str, str]]:
        """The rows of one run."""
        out: list[dict[str, str]] = []
        for blob in manifest["blobs"]:
            with gzip.open(self.summary.exports / blob["blobName"], "rt", encoding="utf-8", newline="") as file:
                out += csv.DictReader(file)
        return out

    def current_rows(self) -> list[dict[str, str]]:
        """The newest run of every month."""
        newest = {manifest["runInfo"]["startDate"]: manifest for manifest in self.manifests()}
        return [row for manifest in newest.values() for row in self.rows(manifest)]

    def span_lines(self) -> list[tuple[Path, str]]:
        return [
            (path, line)
            for path in sorted(self.summary.spans_folder.glob("*.jsonl.gz"))
            for line in gzip.open(path, "rt", encoding="utf-8").read().splitlines()
        ]

    def truth(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.directory / "truth.json").read_text())
        return document

    def truths(self) -> dict[str, dict[str, Any]]:
        return {truth["id"]: truth for truth in self.truth()["truths"]}
