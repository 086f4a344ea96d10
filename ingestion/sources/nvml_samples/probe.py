"""Asking where collectors write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from finops.config.usage_sources import NvmlSamplesSource
from ingestion.probe import Finding, ProbeContext
from ingestion.probing import probe_files
from ingestion.record_landing import list_record_files
from ingestion.sources.nvml_samples.client import SUFFIXES

_SILENCE = timedelta(hours=1)


def probe(source: NvmlSamplesSource, context: ProbeContext) -> Iterator[Finding]:
    """Reachable, permitted, and whether a collector still writes."""
    list_them = partial(list_record_files, suffixes=SUFFIXES)
    findings = list(probe_files(source.url, context.environ, list_them, "samples"))
    yield from findings
    if any(finding.status != "ok" for finding in findings):
        return
    newest = max(file.modified_at for file in list_them(source.url, context.environ))
    if context.as_of - newest > _SILENCE:
        message = f"the newest file is of {newest:%Y-%m-%d %H:%M} UTC"
        yield Finding("fresh", "warning", message, "Check that `aifinops collect nvml` runs on the GPU hosts")
    else:
        yield Finding("fresh", "ok", f"the newest file is of {newest:%Y-%m-%d %H:%M} UTC")
