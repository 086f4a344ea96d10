"""``python -m ingestion.sources.litellm``: land this source alone."""

import sys

from finops.config.usage_sources import LitellmSource
from ingestion.command import main

if __name__ == "__main__":
    sys.exit(main(LitellmSource))
