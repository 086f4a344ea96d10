"""Why an amount is whose it is, and what would give an owner to what has none.

Here: reading what dbt decided, and saying it in words.
Not here: the decisions themselves (dbt), and printing (the command line).
"""

from __future__ import annotations

from reports.explain.amounts import Amount, AmountError, Listing, find_amount, largest_amounts, parts_of_charge
from reports.explain.bill_row import BillRow, BillRowError, read_bill_row
from reports.explain.tag_gaps import Gap, GapError, Remedy, read_gaps, remedy_of, write_gaps
from reports.explain.tag_trials import (
    ResourceError,
    ResourceExplanation,
    Trial,
    explain_resource,
)
from reports.explain.words import Story, tell

__all__ = [
    "Amount",
    "AmountError",
    "BillRow",
    "BillRowError",
    "Gap",
    "GapError",
    "Listing",
    "Remedy",
    "ResourceError",
    "ResourceExplanation",
    "Story",
    "Trial",
    "explain_resource",
    "find_amount",
    "largest_amounts",
    "parts_of_charge",
    "read_bill_row",
    "read_gaps",
    "remedy_of",
    "tell",
    "write_gaps",
]
