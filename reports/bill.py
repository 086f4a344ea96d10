"""The bill as it came and as the marts hold it, per provider and currency, to the last decimal.

Here: a rich table for the terminal.
Not here: the comparison itself (dbt: ``fct_reconciliation_daily``).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pandas as pd
from rich.table import Table


def render_bill(marts: Mapping[str, pd.DataFrame]) -> Table | None:
    """One row per provider and currency, or None where no bill has arrived."""
    days = marts["fct_reconciliation_daily"]
    if days.empty:
        return None
    table = Table(title="The bill, to the last decimal", title_justify="left", box=None, pad_edge=False)
    table.add_column("Provider", overflow="fold")
    table.add_column("Currency")
    for name in ("Delivered", "In the marts", "Difference"):
        table.add_column(name, justify="right", no_wrap=True)
    for (provider, currency), group in days.groupby(["provider_name", "billing_currency"], sort=True, dropna=False):
        amounts = (sum(group[name], Decimal(0)) for name in ("lake_billed_cost", "mart_billed_cost", "difference"))
        table.add_row(str(provider), str(currency), *(f"{_plain(amount):,f}" for amount in amounts))
    return table


def _plain(amount: Decimal) -> Decimal:
    """Without trailing zeros, and never in exponent form."""
    trimmed = amount.normalize()
    return trimmed.quantize(Decimal(1)) if trimmed.as_tuple().exponent > 0 else trimmed  # type: ignore[operator]
