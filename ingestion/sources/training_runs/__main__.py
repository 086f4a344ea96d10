"""``python -m ingestion.sources.training_runs``: land this source alone."""

import sys

from finops.config.usage_sources import TrainingRunsSource
from ingestion.command import main

if __name__ == "__main__":
    sys.exit(main(TrainingRunsSource))
