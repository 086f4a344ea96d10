"""``python -m ingestion.sources.usage_files``: land this source alone."""

import sys

from finops.config.usage_sources import UsageFilesSource
from ingestion.command import main

if __name__ == "__main__":
    sys.exit(main(UsageFilesSource))
