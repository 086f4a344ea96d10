"""How FOCUS files are: reachable, and readable and no more.

Here: naming what to list.
Not here: how files are asked (``ingestion.probing``).
"""

from __future__ import annotations

from collections.abc import Iterator

from finops.config.bill_sources import FocusFilesSource
from ingestion.probe import Finding, ProbeContext
from ingestion.probing import probe_files
from ingestion.sources.focus_files.client import list_focus_files


def probe(source: FocusFilesSource, context: ProbeContext) -> Iterator[Finding]:
    """One listing."""
    yield from probe_files(source.url, context.environ, list_focus_files, "FOCUS files")
