"""Landing: what providers deliver becomes append-only Parquet in the lake, through dlt, and nothing else.

Here: ``land``, ``prepare_lake``, what the lake holds and how sources are: the only names that other packages use;
``ingestion.azure`` beside them prepares a subscription.
Not here: cleaning, pricing, joining (dbt), schedules (orchestration). Values land as delivered; what cannot be landed
is kept with its reason in ``landing__rejected``.
"""

from __future__ import annotations

from ingestion.checkup import SourceCheck, check_sources
from ingestion.errors import LandingError
from ingestion.health import source_health
from ingestion.landing import LandingResult, land, prepare_lake
from ingestion.state import TableState, describe_table, newest_moment

__all__ = [
    "LandingError",
    "LandingResult",
    "SourceCheck",
    "TableState",
    "check_sources",
    "describe_table",
    "land",
    "newest_moment",
    "prepare_lake",
    "source_health",
]
