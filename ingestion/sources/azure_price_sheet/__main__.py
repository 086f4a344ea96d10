"""``python -m ingestion.sources.azure_price_sheet``: land this source alone."""

import sys

from finops.config.bill_sources import AzurePriceSheetSource
from ingestion.command import main

if __name__ == "__main__":
    sys.exit(main(AzurePriceSheetSource))
