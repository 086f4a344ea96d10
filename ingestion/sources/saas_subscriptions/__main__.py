"""``python -m ingestion.sources.saas_subscriptions``: land this source alone."""

import sys

from finops.config.bill_sources import SaasSubscriptionsSource
from ingestion.command import main

if __name__ == "__main__":
    sys.exit(main(SaasSubscriptionsSource))
