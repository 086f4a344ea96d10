"""What the marts say, as typed values: one module per subject, each a pure function of marts.

Here: choosing the rows that count, exact sums, comparisons.
Not here: wording and layout (terminal, page, messages).
"""
