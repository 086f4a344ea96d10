"""``python -m ingestion.sources.openai``: land this source alone."""

import sys

from finops.config.usage_sources import OpenAiSource
from ingestion.command import main

if __name__ == "__main__":
    sys.exit(main(OpenAiSource))
