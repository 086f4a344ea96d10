"""Is the package genai-prices installed?

Here: its version.
Not here: landing.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError

from finops.config.bill_sources import GenaiPricesSource
from ingestion.probe import Finding, ProbeContext
from ingestion.sources.genai_prices.client import list_version


def probe(source: GenaiPricesSource, context: ProbeContext) -> Iterator[Finding]:
    """Reachable where the package is there; it asks for no permission."""
    try:
        yield Finding("reachable", "ok", f"genai-prices {list_version()} is installed")
    except PackageNotFoundError:
        yield Finding("reachable", "failed", "the package genai-prices is not installed", "Run make setup")
        return
    yield Finding("permitted", "ok", "it reads a package on this machine")
