"""Where files of runs are.

Here: which files count.
Not here: what is in them (``ingestion.training``), tables of a database (``ingestion.sql_tables``).
"""

from __future__ import annotations

SUFFIXES = (".csv", ".jsonl")
