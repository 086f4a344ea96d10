"""Landing: what providers deliver becomes append-only Parquet in the lake, through dlt, and nothing else.

Here: ``land``, ``prepare_lake`` and what the lake holds: the only names that other packages use.
Not here: cleaning, pricing, joining (dbt), schedules (orchestration). Values land as delivered; what cannot be landed
is kept with its reason in ``landing__rejected``.
"""

from __future__ import annotations

from ingestion.errors import LandingError
from ingestion.landing import LandingResult, land, prepare_lake
from ingestion.state import TableState, describe_table, newest_moment

__all__ = [
    "LandingError",
    "LandingResult",
    "TableState",
    "describe_table",
    "land",
    "newest_moment",
    "prepare_lake",
]
