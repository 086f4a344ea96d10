"""``python -m ingestion.sources.mlflow``: land this source alone."""

import sys

from finops.config.usage_sources import MlflowSource
from ingestion.command import main

if __name__ == "__main__":
    sys.exit(main(MlflowSource))
