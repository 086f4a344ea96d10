"""Pages as documents: the weekly digest and the monthly pack as HTML, PDF and e-mail, and their editions.

Here: weeks, the looks on paper and in a mailbox, keeping what was sent.
Not here: what a document says (``reports.dashboards.pages``), when it is due (finops.digests), sending (guardrails).
"""
