"""``python -m ingestion.sources.nvml_samples``: land this source alone."""

import sys

from finops.config.usage_sources import NvmlSamplesSource
from ingestion.command import main

if __name__ == "__main__":
    sys.exit(main(NvmlSamplesSource))
