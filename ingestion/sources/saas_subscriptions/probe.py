"""Asking where the subscriptions are kept."""

from __future__ import annotations

from collections.abc import Iterator

from finops.config.bill_sources import SaasSubscriptionsSource
from ingestion.probe import Finding, ProbeContext
from ingestion.sources.saas_subscriptions.client import SUFFIXES
from ingestion.table_probe import probe_records


def probe(source: SaasSubscriptionsSource, context: ProbeContext) -> Iterator[Finding]:
    """Reachable and permitted."""
    yield from probe_records(source, context, SUFFIXES, what="subscriptions")
