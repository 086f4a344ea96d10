"""``python -m ingestion.sources.azure_retail_prices``: land this source alone."""

import sys

from finops.config.bill_sources import AzureRetailPricesSource
from ingestion.command import main

if __name__ == "__main__":
    sys.exit(main(AzureRetailPricesSource))
