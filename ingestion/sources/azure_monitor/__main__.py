"""``python -m ingestion.sources.azure_monitor``: land this source alone."""

import sys

from finops.config.usage_sources import AzureMonitorSource
from ingestion.command import main

if __name__ == "__main__":
    sys.exit(main(AzureMonitorSource))
