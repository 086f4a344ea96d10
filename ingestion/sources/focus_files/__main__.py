"""``python -m ingestion.sources.focus_files``: land this source alone."""

import sys

from finops.config.bill_sources import FocusFilesSource
from ingestion.command import main

if __name__ == "__main__":
    sys.exit(main(FocusFilesSource))
