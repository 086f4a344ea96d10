"""Where subscription files are.

Here: which files count.
Not here: what is in them (``rows``), tables of a database (``ingestion.sql_tables``).
"""

from __future__ import annotations

SUFFIXES = (".csv", ".yml", ".yaml", ".jsonl")
