"""How tables of model usage are: reachable, readable and no more, and their mapping is valid.

Here: the mapping, and naming what to list.
Not here: how files are asked (``ingestion.probing``).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from finops.config.load import ConfigError, load_mapping
from finops.config.usage_sources import UsageFilesSource
from ingestion.probe import Finding, ProbeContext
from ingestion.probing import probe_files
from ingestion.sources.usage_files.client import list_usage_files


def probe(source: UsageFilesSource, context: ProbeContext) -> Iterator[Finding]:
    """The mapping file, then one listing."""
    try:
        load_mapping(Path(source.mapping))
    except ConfigError as error:
        first = error.problems[0]
        yield Finding("reachable", "failed", f"{first.file}:{first.line}: {first.message}", first.remedy)
        return
    yield from probe_files(source.url, context.environ, list_usage_files, "usage files")
