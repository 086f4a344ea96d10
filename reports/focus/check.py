"""Checking a FOCUS file, row by row.

Here: reading the file, running the checks of its dataset and version, and what they found.
Not here: the checks (``rules``).

The file is read once into columns of text; every check of single rows runs in one pass over them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from finops import focus
from finops.focus import rules as facts
from reports.focus.rules import ERROR, WARNING, Check, GroupCheck, group_checks, literal, quoted, row_checks

EXAMPLES = 3
_ROW = "x_focus_check_row"
_CSV_SUFFIXES = (".csv", ".csv.gz")


class FocusCheckError(ValueError):
    """A file that cannot be checked at all."""


@dataclass(frozen=True)
class Finding:
    """One kind of fault in one column. ``rows`` are the first data rows that have it, from 1; none for the file."""

    severity: str
    column: str
    message: str
    remedy: str
    count: int = 1
    rows: tuple[int, ...] = ()
    examples: tuple[str | None, ...] = ()

    def text(self, file: str) -> str:
        """The finding as people read it: file, rows, column, what is wrong, what to do."""
        place = file
        if self.rows:
            shown = ", ".join(map(str, self.rows)) + (", …" if self.count > len(self.rows) else "")
            place += f", row {shown}" if self.count == 1 else f", {self.count:,} rows ({shown})"
        value = f" ({self.examples[0]})" if self.examples and self.examples[0] not in (None, "") else ""
        return f"{place}: {self.column} {self.message}{value}. {self.remedy}"


@dataclass(frozen=True)
class FocusReport:
    file: Path
    dataset: str
    version: str
    row_count: int
    check_count: int
    findings: tuple[Finding, ...] = field(default=())

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == WARNING)


def check_focus(file: Path, *, version: str | None = None, dataset: str | None = None) -> FocusReport:
    """Check a CSV, CSV.gz or Parquet file against FOCUS.

    Args:
        version: 1.0 to 1.4; guessed from the columns where absent.
        dataset: CostAndUsage, BillingPeriod or ContractCommitment; told by the columns where absent.

    Raises:
        FocusCheckError: the file cannot be read, or has no column of FOCUS.
    """
    if not file.is_file():
        raise FocusCheckError(f"{file} does not exist")
    with tempfile.TemporaryDirectory(prefix="aifinops-focus-") as folder, duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"set temp_directory = {literal(folder)}")
        headers, findings = _load(connection, file, Path(folder))
        dataset = dataset or _dataset_of(headers)
        if dataset is None:
            raise FocusCheckError(
                f"{file} has no columns of a FOCUS dataset. Its header must be FOCUS's, such as BilledCost"
            )
        version = version or _version_of(dataset, headers)
        findings += _of_header(dataset, version, headers)
        names = [name for name in headers if name in {c.name for c in facts.columns_of(dataset, version)}]
        checks = [check for check in row_checks(dataset, version) if set(check.needs) <= set(names)]
        _type_columns(connection, dataset, version, names)
        row_count = _value(connection, "select count(*) from rows")
        findings += _run_rows(connection, checks)
        groups = [check for check in group_checks(dataset) if {*check.key, check.column} <= set(names)]
        for group in groups:
            findings += _run_group(connection, group)
        findings += _duplicates(connection, dataset, headers)
        if dataset == facts.COST_AND_USAGE:
            findings += _commitments(connection, names)
    order = {ERROR: 0, WARNING: 1}
    findings.sort(key=lambda finding: (order[finding.severity], -finding.count, finding.column))
    return FocusReport(file, dataset, version, row_count, len(checks) + len(groups) + 3, tuple(findings))


def _value(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _load(connection: duckdb.DuckDBPyConnection, file: Path, folder: Path) -> tuple[list[str], list[Finding]]:
    """Make ``raw``: the file's columns as text and its row numbers. Returns the header and what is wrong with lines."""
    name = file.name.lower()
    if name.endswith(_CSV_SUFFIXES):
        return _load_csv(connection, file, folder)
    if name.endswith(".parquet"):
        return _load_parquet(connection, file)
    raise FocusCheckError(f"{file} is neither CSV nor Parquet. Name a .csv, .csv.gz or .parquet file")


def _load_csv(connection: duckdb.DuckDBPyConnection, file: Path, folder: Path) -> tuple[list[str], list[Finding]]:
    scan = (
        f"read_csv({literal(str(file))}, header = true, all_varchar = true, delim = ',', quote = '\"', escape = '\"', "
        "nullstr = '', strict_mode = true, null_padding = false, store_rejects = true, max_line_size = 67108864)"
    )
    # Columns once, as Parquet: a check reads the few that it needs instead of parsing the file again.
    text = folder / "rows.parquet"
    try:
        described = connection.execute(f"describe select * from {scan}").fetchall()
        connection.execute(
            f"copy (select *, row_number() over () as {_ROW} from {scan}) to {literal(str(text))} "
            "(format parquet, compression lz4)"
        )
    except duckdb.Error as error:
        raise FocusCheckError(f"{file} cannot be read: {str(error).splitlines()[0]}") from error
    connection.execute(f"create view raw as select * from read_parquet({literal(str(text))})")
    broken = connection.execute(
        "select line - 1, list(error_type order by byte_position)[1] from reject_errors group by line order by line"
    ).fetchall()
    findings = []
    if broken:
        findings.append(
            Finding(
                ERROR,
                "line",
                f"cannot be read as a row: {str(broken[0][1]).lower()}",
                "Quote values that contain commas, quotes or line breaks, and keep every field",
                len(broken),
                tuple(int(line) for line, _ in broken[:EXAMPLES]),
            )
        )
    return [str(row[0]) for row in described], findings


def _load_parquet(connection: duckdb.DuckDBPyConnection, file: Path) -> tuple[list[str], list[Finding]]:
    scan = f"read_parquet({literal(str(file))}, file_row_number = true)"
    try:
        described = connection.execute(f"describe select * from {scan}").fetchall()
    except duckdb.Error as error:
        raise FocusCheckError(f"{file} cannot be read: {str(error).splitlines()[0]}") from error
    findings = []
    fields = []
    headers = []
    for name, kind, *_ in described:
        if name == "file_row_number":
            continue
        headers.append(str(name))
        fields.append(f"{_as_text(str(name), str(kind))} as {quoted(str(name))}")
        if str(kind) in ("DOUBLE", "FLOAT") and (focus.canonical_header(str(name)) or "").endswith(("Cost", "Price")):
            findings.append(
                Finding(WARNING, str(name), "is a binary fraction", "Write amounts as decimals: 0.1 has no binary form")
            )
    connection.execute(f"create view raw as select {', '.join(fields)}, file_row_number + 1 as {_ROW} from {scan}")
    return headers, findings


def _as_text(name: str, kind: str) -> str:
    column = quoted(name)
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"strftime({column} at time zone 'UTC', '%Y-%m-%dT%H:%M:%SZ')"
    if kind.startswith("TIMESTAMP"):
        return f"strftime({column}::timestamp, '%Y-%m-%dT%H:%M:%SZ')"
    if kind == "DATE":
        return f"strftime({column}, '%Y-%m-%dT00:00:00Z')"
    if kind.startswith(("MAP", "STRUCT")) or kind.endswith("[]"):
        return f"to_json({column})::varchar"
    return f"{column}::varchar"


def _dataset_of(headers: Iterable[str]) -> str | None:
    known = {focus.canonical_header(header) or header for header in headers}
    if "BilledCost" in known and {"ChargePeriodStart", "ChargeCategory"} & known:
        return facts.COST_AND_USAGE
    if "ContractCommitmentId" in known:
        return facts.CONTRACT_COMMITMENT
    return facts.BILLING_PERIOD if "BillingPeriodStatus" in known else None


def _version_of(dataset: str, headers: Sequence[str]) -> str:
    if dataset != facts.COST_AND_USAGE:
        return "1.4"
    if "ServiceProviderName" in headers and "ProviderName" not in headers:
        return "1.4"
    return focus.guess_version(headers, declared=focus.REQUIRED) or "1.2"


def _of_header(dataset: str, version: str, headers: Sequence[str]) -> Iterator[Finding]:
    defined = {column.name: column for column in facts.columns_of(dataset, version)}
    folded = {name.lower(): name for name in defined}
    present = {name.lower() for name in headers}
    for name, column in defined.items():
        if column.level == "mandatory" and name.lower() not in present:
            yield Finding(ERROR, name, f"is missing, and FOCUS {version} wants it", "Add the column")
    for header in headers:
        if header in defined:
            continue
        meant = folded.get(header.strip().lower())
        if meant:
            yield Finding(ERROR, header, "is not spelled as FOCUS spells it", f"Call it {meant}")
        elif not header.startswith("x_"):
            known = focus.canonical_header(header) in {c.name for c in focus.columns()}
            remedy = (
                "Leave it out, or name it by the version"
                if known
                else f"Call it x_{header}: the prefix marks own columns"
            )
            yield Finding(ERROR, header, f"is no column of FOCUS {version}", remedy)


def _type_columns(connection: duckdb.DuckDBPyConnection, dataset: str, version: str, names: Sequence[str]) -> None:
    """Make ``rows``: the text columns, and beside them amounts as ``name#`` and moments as ``name@``."""
    kinds = {column.name: column.type for column in facts.columns_of(dataset, version)}
    typed = []
    for name in names:
        if kinds[name] == "Decimal":
            typed.append(f'try_cast({quoted(name)} as double) as "{name}#"')
        elif kinds[name] == "Date/Time":
            typed.append(f'try_cast({quoted(name)} as timestamp) as "{name}@"')
    connection.execute(f"create view rows as select *{''.join(', ' + column for column in typed)} from raw")


def _run_rows(connection: duckdb.DuckDBPyConnection, checks: Sequence[Check]) -> Iterator[Finding]:
    if not checks:
        return
    counts = ", ".join(f"count(*) filter (where {check.fails})" for check in checks)
    found = connection.execute(f"select {counts} from rows").fetchone() or ()
    for check, count in zip(checks, found, strict=True):
        if count:
            first = connection.execute(
                f"select {_ROW}, {quoted(check.column)} from rows where {check.fails} order by {_ROW} limit {EXAMPLES}"
            ).fetchall()
            yield Finding(
                check.severity,
                check.column,
                check.message,
                check.remedy,
                int(count),
                tuple(int(row) for row, _ in first),
                tuple(None if value is None else str(value)[:80] for _, value in first),
            )


def _run_group(connection: duckdb.DuckDBPyConnection, check: GroupCheck) -> Iterator[Finding]:
    keys = ", ".join(map(quoted, check.key))
    given = " and ".join(f"{quoted(key)} is not null" for key in check.key)
    column = quoted(check.column)
    found = connection.execute(
        f"""with pairs as (
                select {keys}, {column} as other, min({_ROW}) as first_row
                from rows where {given} and {column} is not null group by all
            )
            select concat_ws(' / ', {keys}), max(first_row), list(other order by first_row)[1:2]
            from pairs group by {keys} having count(*) > 1 order by 2"""
    ).fetchall()
    if found:
        yield Finding(
            check.severity,
            check.column,
            f"differs within one {' and '.join(check.key)}: it {check.message}",
            check.remedy,
            len(found),
            tuple(int(row) for _, row, _ in found[:EXAMPLES]),
            tuple(f"{key}: {' and '.join(others)}" for key, _, others in found[:EXAMPLES]),
        )


def _duplicates(connection: duckdb.DuckDBPyConnection, dataset: str, headers: Sequence[str]) -> Iterator[Finding]:
    """Rows that are the same in every column. Two calls may cost the same; two rows of one id are one charge."""
    hashed = ", ".join(map(quoted, headers))
    found = connection.execute(
        f"""select max({_ROW}), count(*) - 1 from (select {_ROW}, hash({hashed}) as h from rows)
            group by h having count(*) > 1 order by 1"""
    ).fetchall()
    if not found:
        return
    has_ids = dataset != facts.COST_AND_USAGE or any(name.lower() in ("x_chargeid", "x_row") for name in headers)
    yield Finding(
        ERROR if has_ids else WARNING,
        "row",
        "repeats an earlier row in every column",
        "Remove it"
        if has_ids
        else "Remove it, unless two charges are really the same; a column such as x_ChargeId would tell",
        sum(int(count) for _, count in found),
        tuple(int(row) for row, _ in found[:EXAMPLES]),
    )


_COMMITMENT_COLUMNS = (
    "CommitmentDiscountId", "CommitmentDiscountStatus", "ChargeCategory", "BilledCost", "EffectiveCost",
    "BillingCurrency", "ChargePeriodStart", "ChargePeriodEnd",
)  # fmt: skip


def _commitments(connection: duckdb.DuckDBPyConnection, names: Sequence[str]) -> Iterator[Finding]:
    """Within the periods of a commitment's purchases, all that is billed for it is all that is effective of it."""
    if not set(_COMMITMENT_COLUMNS) <= set(names):
        return
    found = connection.execute(
        f"""with covering as (
                select "CommitmentDiscountId" as id, "BillingCurrency" as currency, min({_ROW}) as first_row,
                    min("ChargePeriodStart@") as starts, max("ChargePeriodEnd@") as ends,
                    sum("BilledCost#") as billed, sum("EffectiveCost#") as effective
                from rows where "ChargeCategory" = 'Purchase' and "CommitmentDiscountId" is not null group by all
            ), covered as (
                select covering.id, covering.currency, sum("BilledCost#") as billed, sum("EffectiveCost#") as effective
                from rows inner join covering
                    on "CommitmentDiscountId" = id and "BillingCurrency" = currency
                    and "ChargePeriodStart@" >= starts and "ChargePeriodStart@" < ends
                where "CommitmentDiscountStatus" in ('Used', 'Unused') group by all
            )
            select first_row, id, covering.billed + coalesce(covered.billed, 0) as billed,
                covering.effective + coalesce(covered.effective, 0) as effective
            from covering left join covered using (id, currency)
            where abs(
                covering.billed + coalesce(covered.billed, 0) - covering.effective - coalesce(covered.effective, 0)
            )
                > greatest(1e-6, abs(covering.billed) * 1e-6)
            order by first_row"""
    ).fetchall()
    if found:
        yield Finding(
            WARNING,
            "EffectiveCost",
            "and BilledCost of a commitment and what it covers do not sum to the same",
            "Check that the file has the commitment's whole term and all that it covers",
            len(found),
            tuple(int(row[0]) for row in found[:EXAMPLES]),
            tuple(f"{row[1]}: billed {row[2]:.6f}, effective {row[3]:.6f}" for row in found[:EXAMPLES]),
        )
