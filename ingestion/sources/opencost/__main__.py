"""``python -m ingestion.sources.opencost``: land this source alone."""

import sys

from finops.config.usage_sources import OpencostSource
from ingestion.command import main

if __name__ == "__main__":
    sys.exit(main(OpencostSource))
