"""Asking where the runs are kept."""

from __future__ import annotations

from collections.abc import Iterator

from finops.config.usage_sources import TrainingRunsSource
from ingestion.probe import Finding, ProbeContext
from ingestion.sources.training_runs.client import SUFFIXES
from ingestion.table_probe import probe_records


def probe(source: TrainingRunsSource, context: ProbeContext) -> Iterator[Finding]:
    """Reachable and permitted."""
    yield from probe_records(source, context, SUFFIXES, what="runs")
