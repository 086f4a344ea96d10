"""``python -m ingestion.sources.otel_spans``: land this source alone."""

import sys

from finops.config.usage_sources import OtelSpansSource
from ingestion.command import main

if __name__ == "__main__":
    sys.exit(main(OtelSpansSource))
