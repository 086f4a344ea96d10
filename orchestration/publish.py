"""Publishing the public marts as Parquet, all at once.

Here: which marts are public (dbt's manifest says), and the swap.
Not here: exports for people (reports).

Outside readers never open the warehouse file: DuckDB refuses them while a run writes it, and they would see half a run.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

KEPT_VERSIONS = 2


@dataclass(frozen=True)
class PublicMart:
    name: str
    schema: str
    unique_id: str


def public_marts(manifest_path: Path) -> list[PublicMart]:
    """Every model that the dbt project tags ``public``."""
    manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    return sorted(
        (
            PublicMart(node["name"], node["schema"], unique_id)
            for unique_id, node in manifest["nodes"].items()
            if node["resource_type"] == "model" and "public" in node["tags"]
        ),
        key=lambda mart: mart.name,
    )


def publish(warehouse: Path, marts: list[PublicMart], published: Path, version: str) -> dict[str, int]:
    """Write ``<published>/<mart>.parquet`` for every mart and return their row counts.

    ``published`` is a link to a folder with one version of all marts; the link is replaced in one step, so a reader
    sees all of one run or all of the run before.
    """
    versions = published.parent / ".published"
    target = versions / version
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    counts = {}
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        for mart in marts:
            file = target / f"{mart.name}.parquet"
            connection.table(f"{mart.schema}.{mart.name}").write_parquet(str(file), compression="zstd")
            counts[mart.name] = pq.read_metadata(file).num_rows
    link = published.parent / f".published-{version}.link"
    link.unlink(missing_ok=True)
    link.symlink_to(target.relative_to(published.parent), target_is_directory=True)
    link.replace(published)
    for old in sorted(versions.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)[KEPT_VERSIONS:]:
        if old != target:
            shutil.rmtree(old, ignore_errors=True)
    return counts
