"""Training and pipeline runs: one file, or one state of a table, is one snapshot.

Here: landing them.
Not here: what a run is (``ingestion.training``).
"""

from __future__ import annotations

from functools import partial

from finops.config.usage_sources import TrainingRunsSource
from finops.periods import utc_now
from ingestion.landing import LandingContext, LandingResult
from ingestion.record_landing import land_records
from ingestion.sources.training_runs.client import SUFFIXES
from ingestion.training import TABLE, parse_runs


def land(source: TrainingRunsSource, context: LandingContext, result: LandingResult) -> None:
    """Land what is new. A file that cannot be read stops none of the others.

    Raises:
        LandingError: after landing the rest, with everything that could not be landed.
    """
    parse = partial(parse_runs, requested_at=utc_now())
    land_records(source, context, result, table=TABLE, parse=parse, suffixes=SUFFIXES)
