"""SaaS subscriptions: one file, or one state of a table, is one snapshot.

Here: landing them.
Not here: what a record means (``rows``), amortising (dbt).
"""

from __future__ import annotations

from finops.config.bill_sources import SaasSubscriptionsSource
from ingestion.landing import LandingContext, LandingResult
from ingestion.record_landing import land_records
from ingestion.sources.saas_subscriptions.client import SUFFIXES
from ingestion.sources.saas_subscriptions.rows import TABLE, parse


def land(source: SaasSubscriptionsSource, context: LandingContext, result: LandingResult) -> None:
    """Land what is new. A file that cannot be read stops none of the others.

    Raises:
        LandingError: after landing the rest, with everything that could not be landed.
    """
    land_records(source, context, result, table=TABLE, parse=parse, suffixes=SUFFIXES)
