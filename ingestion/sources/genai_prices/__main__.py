"""``python -m ingestion.sources.genai_prices``: land this source alone."""

import sys

from finops.config.bill_sources import GenaiPricesSource
from ingestion.command import main

if __name__ == "__main__":
    sys.exit(main(GenaiPricesSource))
