"""Does the Retail Prices API answer?

Here: one page of one request without sign-in, or the listing of a folder.
Not here: landing.
"""

from __future__ import annotations

from collections.abc import Iterator

from finops.config.bill_sources import AzureRetailPricesSource
from ingestion.errors import LandingError
from ingestion.probe import Finding, ProbeContext
from ingestion.sources.azure_retail_prices.client import ask, is_http, list_answers


def probe(source: AzureRetailPricesSource, context: ProbeContext) -> Iterator[Finding]:
    """Reachable where a page has items, or a folder has files."""
    try:
        if is_http(source.url):
            count = len(next(ask(source.url, source.filter, source.currency)))
            what, remedy = f"{source.url} lists {count} prices on its first page", "Correct the source's filter"
        else:
            count = len(list_answers(source.url, context.environ))
            what, remedy = f"{count} files of answers", "Save the API's answers into this folder"
    except LandingError as error:
        yield Finding("reachable", "failed", str(error), "Check the url and the network")
        return
    if count == 0:
        yield Finding("reachable", "warning", what, remedy)
        return
    yield Finding("reachable", "ok", what)
    yield Finding("permitted", "ok", "the list is public: nobody signs in")
