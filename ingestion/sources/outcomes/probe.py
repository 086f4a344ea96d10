"""Asking where the outcomes are kept."""

from __future__ import annotations

from collections.abc import Iterator

from finops.config.usage_sources import OutcomesSource
from ingestion.probe import Finding, ProbeContext
from ingestion.table_probe import probe_records


def probe(source: OutcomesSource, context: ProbeContext) -> Iterator[Finding]:
    """Reachable and permitted."""
    yield from probe_records(source, context, (".csv",), what="outcomes")
