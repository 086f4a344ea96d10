"""Monthly chargeback statements: what each team and cost centre is charged, locked once it is issued.

Here: making statements from the published marts and from what was issued before (``build``), keeping them (``store``),
and their files (``files``, ``workbook``, ``page``).
Not here: who owns a charge (dbt), the audit trail that vouches for issued statements (orchestration, guardrails).
"""
