"""Money that need not be spent, as the marts know it: found, brought to a month, and never counted twice.

Here: what an opportunity is and which of two counts (``model``), amounts of a month (``pace``), one finder per kind
(``gpus``, ``calls``, ``training``, ``unused``), all of them together (``find``).
Not here: how they are shown (``parts.savings``, ``reports.documents.savings``), carrying them out.

Amounts are of 30 days at the pace of the period. Two opportunities of the same ``group`` are about the same tokens or
machines: using one takes away from the other, so only the larger counts in totals. What is only *possible* (nobody
measured that it can be done) counts in none.
"""
