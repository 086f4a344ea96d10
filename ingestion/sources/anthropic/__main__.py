"""``python -m ingestion.sources.anthropic``: land this source alone."""

import sys

from finops.config.usage_sources import AnthropicSource
from ingestion.command import main

if __name__ == "__main__":
    sys.exit(main(AnthropicSource))
