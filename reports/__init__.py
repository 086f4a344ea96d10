"""What people look at: the summary, the page, exports and messages, all made from published marts.

Here: reading marts, the figures of merit in them, figures, the HTML page, CSV/Parquet exports, Teams cards.
Not here: any statistic, decision or allocation (they are in the marts already), and sending (guardrails).
"""
