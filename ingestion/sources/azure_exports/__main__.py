"""``python -m ingestion.sources.azure_exports``: land this source alone."""

import sys

from finops.config.bill_sources import AzureExportsSource
from ingestion.command import main

if __name__ == "__main__":
    sys.exit(main(AzureExportsSource))
