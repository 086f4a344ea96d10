"""``python -m ingestion.sources.outcomes``: land this source alone."""

import sys

from finops.config.usage_sources import OutcomesSource
from ingestion.command import main

if __name__ == "__main__":
    sys.exit(main(OutcomesSource))
