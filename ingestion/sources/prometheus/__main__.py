"""``python -m ingestion.sources.prometheus``: land this source alone."""

import sys

from finops.config.usage_sources import PrometheusSource
from ingestion.command import main

if __name__ == "__main__":
    sys.exit(main(PrometheusSource))
