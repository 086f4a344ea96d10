"""Who is billed: the group in USD, and two subsidiaries each in the currency of its country.

Here: billing profiles of Microsoft Customer Agreements, their exports, subscriptions and exchange rates.
Not here: what is charged to them (``simulator.bill``, ``simulator.subsidiaries``), files (``simulator.exports``).

Prices are in USD. A profile in another currency is billed at Microsoft's rate of the month, which every row of its
export repeats (x_BillingExchangeRate).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from finops.periods import BillingPeriod
from simulator import organisation as org
from simulator.randomness import stable_int

PRICING_CURRENCY = "USD"


@dataclass(frozen=True)
class BillingAccount:
    """A billing profile and the one export of its cost. ``usual_rate``: units of ``currency`` for one USD, about."""

    key: str
    name: str
    account: str
    profile: str
    currency: str
    export_name: str
    subscriptions: dict[str, str]
    region: str = org.REGION
    region_name: str = org.REGION_NAME
    invoice_section: str = "AI01"
    usual_rate: Decimal = Decimal(1)
    daily_runs: int = 35
    """Newest days with a run of the export each; months before have one."""

    @property
    def account_id(self) -> str:
        return f"/providers/Microsoft.Billing/billingAccounts/{self.account}"

    @property
    def profile_id(self) -> str:
        return f"{self.account_id}/billingProfiles/{self.profile}"

    @property
    def export_id(self) -> str:
        return f"{self.profile_id}/providers/Microsoft.CostManagement/exports/{self.export_name}"

    def exchange_rate(self, period: BillingPeriod) -> Decimal:
        """Units of the billing currency for one USD, fixed for a billing period, with 4 digits after the point."""
        if self.currency == PRICING_CURRENCY:
            return Decimal(1)
        return self.usual_rate + Decimal(stable_int(200, "exchange rate", self.currency, period.start)).scaleb(-4)


GROUP = BillingAccount(
    "group", "Contoso Retail Group",
    "7e2c1f6a-54b0-4b8f-9a57-3d1e0c9b8a41:5c0d9e7f-2a64-4e13-8f0b-6b7d8c9e0f12_2019-05-31",
    "NWPA-KBGH-BG7-PGB", "USD", "ai-focus-cost", org.SUBSCRIPTIONS,
)  # fmt: skip
GERMANY_SUBSCRIPTION = "44444444-4444-4444-8444-444444444444"
GERMANY = BillingAccount(
    "germany", "Contoso Retail Deutschland GmbH",
    "b41d0a52-6c1e-4f0d-8a3b-91c2d7e4f605:2f7a9c10-3b5d-4e68-9a1c-0d4e6f8b2a37_2019-05-31",
    "Q2LD-7RXE-BG7-PGB", "EUR", "de-focus-cost", {GERMANY_SUBSCRIPTION: "ai-deutschland"},
    "germanywestcentral", "Germany West Central", "DE01", Decimal("0.8500"), 3,
)  # fmt: skip
BRITAIN_SUBSCRIPTION = "55555555-5555-4555-8555-555555555555"
BRITAIN = BillingAccount(
    "britain", "Contoso Retail UK Limited",
    "c93e5f17-0d2b-4a76-b8e4-5a6f1c3d9e20:8e1b4d63-7c9f-4205-a3d8-6b0c2e4f9a15_2019-05-31",
    "V8HN-3TKW-BG7-PGB", "GBP", "uk-focus-cost", {BRITAIN_SUBSCRIPTION: "ai-united-kingdom"},
    "uksouth", "UK South", "UK01", Decimal("0.7400"), 3,
)  # fmt: skip
SUBSIDIARIES = (GERMANY, BRITAIN)
