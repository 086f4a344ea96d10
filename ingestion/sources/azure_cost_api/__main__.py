"""``python -m ingestion.sources.azure_cost_api``: land this source alone."""

import sys

from finops.config.bill_sources import AzureCostApiSource
from ingestion.command import main

if __name__ == "__main__":
    sys.exit(main(AzureCostApiSource))
