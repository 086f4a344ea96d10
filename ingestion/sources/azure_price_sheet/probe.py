"""Is the price sheet there?

Here: listing, which needs no more than reading.
Not here: landing.
"""

from __future__ import annotations

from collections.abc import Iterator

from finops.config.bill_sources import AzurePriceSheetSource
from ingestion.errors import LandingError
from ingestion.probe import Finding, ProbeContext
from ingestion.sources.azure_price_sheet.client import list_price_sheets


def probe(source: AzurePriceSheetSource, context: ProbeContext) -> Iterator[Finding]:
    """Reachable where at least one sheet is listed."""
    try:
        files = list_price_sheets(source.url, context.environ)
    except LandingError as error:
        yield Finding("reachable", "failed", str(error), "Correct the url, or give this identity read access")
        return
    if not files:
        remedy = "Export the price sheet from Cost Management into this folder, once a month"
        yield Finding("reachable", "warning", f"{source.url} holds no price sheet", remedy)
        return
    yield Finding("reachable", "ok", f"{len(files)} price sheets")
    yield Finding("permitted", "ok", "listing and reading is all that is asked for")
