"""How files of spans are: reachable, and readable and no more.

Here: naming what to list.
Not here: how files are asked (``ingestion.probing``).
"""

from __future__ import annotations

from collections.abc import Iterator

from finops.config.usage_sources import OtelSpansSource
from ingestion.probe import Finding, ProbeContext
from ingestion.probing import probe_files
from ingestion.sources.otel_spans.client import list_span_files


def probe(source: OtelSpansSource, context: ProbeContext) -> Iterator[Finding]:
    """One listing."""
    yield from probe_files(source.url, context.environ, list_span_files, "span files")
