"""``python -m ingestion.sources.bill_files``: land this source alone."""

import sys

from finops.config.bill_sources import BillFilesSource
from ingestion.command import main

if __name__ == "__main__":
    sys.exit(main(BillFilesSource))
