"""Homes for tests that land with the real loader and then run dbt.

Here: an empty home with configuration, and files of records.
Not here: lakes written by hand (lake_builder).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import ingestion
from finops.paths import Home
from tests.support.lake_builder import LakeBuilder


def landing_home(path: Path, as_of: datetime) -> Home:
    """A home whose lake is the loader's own, with the small organisation's configuration and empty ``ml`` tables."""
    home = Home(path)
    LakeBuilder(home).configure(as_of)
    ingestion.prepare_lake(home)
    return home


def write_csv(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """A CSV file with the columns of all rows."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return path
