"""Asking sources of records how they are.

Here: probes of sources whose settings are a ``FilesOrTableSource``.
Not here: what a probe is (``ingestion.probe``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from finops.config.source_base import FilesOrTableSource
from ingestion.errors import LandingError
from ingestion.probe import Finding, ProbeContext
from ingestion.probing import probe_files
from ingestion.record_landing import list_record_files
from ingestion.sql_tables import may_write, read_table


def probe_records(
    source: FilesOrTableSource, context: ProbeContext, suffixes: Sequence[str], *, what: str
) -> Iterator[Finding]:
    """Reachable: the folder or table is there. Permitted: it can be read, and a table not be written."""
    if source.connection_env is not None:
        yield from _probe_table(source, context)
    else:
        list_them = partial(list_record_files, suffixes=suffixes)
        yield from probe_files(source.url or "", context.environ, list_them, what)


def _probe_table(source: FilesOrTableSource, context: ProbeContext) -> Iterator[Finding]:
    variable, table = source.connection_env or "", source.table or ""
    try:
        count = len(read_table(variable, context.environ, table, source.columns))
        writable = may_write(variable, context.environ, table)
    except LandingError as error:
        yield Finding("reachable", "failed", str(error), "Correct it, then ask again")
        return
    yield Finding("reachable", "ok", f"{table} has {count} rows")
    if writable:
        remedy = f"Use a user that may only read: grant select on {table} to it, and nothing else"
        yield Finding("permitted", "warning", f"the user may also change {table}", remedy)
    elif writable is None:
        remedy = "Make sure that the user of the address may only read"
        yield Finding("permitted", "unknown", "this kind of database does not say what the user may do", remedy)
    else:
        yield Finding("permitted", "ok", "the user may read the table, and not change it")
