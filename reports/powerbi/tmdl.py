"""The semantic model as TMDL, Microsoft's text form of tabular models.

Here: files of database, model, tables, relationships, expressions and roles.
Not here: what is in the model (``star``, ``measures``, ``queries``, ``roles``).
https://learn.microsoft.com/analysis-services/tmdl/tmdl-overview
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from reports.dictionary import Dictionary, DictionaryMart
from reports.powerbi.measure import Measure
from reports.powerbi.names import identity
from reports.powerbi.queries import SharedExpression
from reports.powerbi.roles import Role
from reports.powerbi.rows import CalculatedRows, Made, MartRows
from reports.powerbi.star import Relationship, Table

COMPATIBILITY_LEVEL = 1600
CULTURE = "en-US"
KEPT_YEARS, REREAD_MONTHS = 5, 13
"""Of an incremental refresh. Bills and rules correct past days: a month is read again until it is a year old."""
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DATA_TYPES = {
    "varchar": "string",
    "date": "dateTime",
    "timestamp": "dateTime",
    "boolean": "boolean",
    "bigint": "int64",
    "double": "double",
}


class ContractError(ValueError):
    """The contracts lack something that the semantic model shows."""


def data_type(contract_type: str) -> str:
    """A contract's data type in the model. ``decimal(38,12)`` is a double: Power BI's own decimal has four places."""
    if contract_type.startswith("decimal"):
        return "double"
    try:
        return _DATA_TYPES[contract_type]
    except KeyError:
        raise ContractError(f"the data type {contract_type!r} has no equal in Power BI") from None


def table_columns(table: Table, dictionary: Dictionary) -> list[Made]:
    """Name, contract's type and description of every column.

    Raises:
        ContractError: a mart or column that the table shows is in no contract.
    """
    if not isinstance(table.rows, MartRows):
        return list(table.rows.columns)
    described = {column.name: column for column in _contract(table.rows, dictionary).columns}
    missing = [name for name in table.rows.reads if name not in described]
    if missing:
        raise ContractError(
            f"{table.rows.mart} has no column {', '.join(missing)} in its contract, but the table {table.name} of the "
            "Power BI model shows it: run `dbt parse`, or change reports/powerbi/star.py"
        )
    return [
        *table.rows.made,
        *(
            Made(name, described[name].data_type, one_line(described[name].description), "", "")
            for name in table.rows.columns
        ),
    ]


def table_file(table: Table, dictionary: Dictionary, measures: Iterable[Measure]) -> str:
    columns = table_columns(table, dictionary)
    description = table.description
    if isinstance(table.rows, MartRows) and not description:
        contract = _contract(table.rows, dictionary)
        grain = f" Grain: {one_line(contract.grain)}." if contract.grain else ""
        description = f"{one_line(contract.description)}{grain}"
    keys = {column for column, _ in table.links}
    lines = [*_described(description, 0), f"table {name(table.name)}"]
    if table.is_hidden:
        lines.append("\tisHidden")
    lines.append(f"\tlineageTag: {identity('table', table.name)}")
    if table.name == "Date":
        lines.append("\tdataCategory: Time")
    lines.append("")
    if isinstance(table.rows, CalculatedRows):
        kind, text = "calculated", table.rows.dax_text
    else:
        kind, text = "m", table.rows.m({column.name: column.data_type for column in columns})
    if table.time_column:
        lines += [*_refresh_policy(text), ""]
    for measure in measures:
        lines += _measure(measure)
    for column in columns:
        lines += _column(table, column, column.name in keys)
    lines += [
        f"\tpartition {name(table.name)} = {kind}",
        "\t\tmode: import",
        "\t\tsource =",
        *_indented(text, 4),
        "",
    ]
    if kind == "m":
        lines += ["\tannotation PBI_ResultType = Table", ""]
    return "\n".join(lines)


def _refresh_policy(text: str) -> list[str]:
    """Which months the service keeps and which it reads anew. It cuts a table into partitions by giving ``RangeStart``
    and ``RangeEnd`` of ``text`` other values for each.
    https://learn.microsoft.com/openspecs/sql_server_protocols/ms-ssas-t/e11ae511-5064-470b-8abc-e2a4dd3999e6
    """
    return [
        "\trefreshPolicy",
        "\t\tpolicyType: basic",
        "\t\trollingWindowGranularity: year",
        f"\t\trollingWindowPeriods: {KEPT_YEARS}",
        "\t\tincrementalGranularity: month",
        f"\t\tincrementalPeriods: {REREAD_MONTHS}",
        "\t\tsourceExpression =",
        *_indented(text, 4),
    ]


def _measure(measure: Measure) -> list[str]:
    text = measure.meaning.dax()
    head = f"\tmeasure {name(measure.name)} ="
    lines = [*_described(measure.description, 1)]
    lines += [f"{head} {text}"] if "\n" not in text else [head, *_indented(text, 3)]
    lines.append(f"\t\tformatString: {measure.format}")
    if measure.is_hidden:
        lines.append("\t\tisHidden")
    return [
        *lines,
        f"\t\tdisplayFolder: {measure.folder}",
        f"\t\tlineageTag: {identity('measure', measure.name)}",
        "",
    ]


def _column(table: Table, column: Made, is_foreign_key: bool) -> list[str]:
    kind = data_type(column.data_type)
    lines = [
        *_described(column.description, 1),
        f"\tcolumn {name(column.name)}",
        f"\t\tdataType: {kind}",
    ]
    is_key = column.name == table.key
    if is_key:
        lines.append("\t\tisKey")
    if is_foreign_key or column.name in table.hidden:
        lines.append("\t\tisHidden")
    pattern = _format(column, kind)
    if pattern:
        lines.append(f"\t\tformatString: {pattern}")
    lines += [
        f"\t\tlineageTag: {identity('column', table.name, column.name)}",
        "\t\tsummarizeBy: none",
    ]
    if isinstance(table.rows, CalculatedRows):
        lines += ["\t\tisNameInferred", f"\t\tsourceColumn: [{column.name}]"]
    else:
        lines.append(f"\t\tsourceColumn: {column.name}")
    sort_by = dict(table.sort_by).get(column.name)
    if sort_by:
        lines.append(f"\t\tsortByColumn: {name(sort_by)}")
    lines += ["", "\t\tannotation SummarizationSetBy = User", ""]
    if column.data_type == "date":
        lines += ["\t\tannotation UnderlyingDateTimeDataType = Date", ""]
    return lines


def _format(column: Made, kind: str) -> str | None:
    if column.data_type == "date":
        return "yyyy-mm-dd"
    if column.data_type == "timestamp":
        return "yyyy-mm-dd hh:nn"
    if kind == "int64":
        return "0" if column.name.endswith(("_year", "_number", "_quarter", "_month", "_weekday")) else "#,##0"
    if kind == "double":
        return "0.0%" if column.name.endswith(("_ratio", "_probability")) else "#,##0.00"
    return None


def database_file() -> str:
    return f"database\n\tcompatibilityLevel: {COMPATIBILITY_LEVEL}\n"


def model_file(tables: Iterable[Table], expressions: Iterable[SharedExpression], roles: Iterable[Role]) -> str:
    tables, roles = list(tables), list(roles)
    queried = [table.name for table in tables if not isinstance(table.rows, CalculatedRows)]
    order = [*(expression.name for expression in expressions), *queried]
    lines = [
        "model Model",
        f"\tculture: {CULTURE}",
        "\tdefaultPowerBIDataSourceVersion: powerBI_V3",
        "\tdiscourageImplicitMeasures",
        f"\tsourceQueryCulture: {CULTURE}",
        "\tdataAccessOptions",
        "\t\tlegacyRedirects",
        "\t\treturnErrorValuesAsNull",
        "",
        "annotation __PBI_TimeIntelligenceEnabled = 0",
        "",
        f"annotation PBI_QueryOrder = {json.dumps(order, ensure_ascii=False)}",
        "",
        *(f"ref table {name(table.name)}" for table in tables),
        "",
        *(f"ref role {name(role.name)}" for role in roles),
        "",
    ]
    return "\n".join(lines)


def relationships_file(relationships: Iterable[Relationship]) -> str:
    blocks = []
    for one in relationships:
        lines = [
            f"relationship {identity('relationship', one.table, one.column, one.dimension)}",
            "\tcrossFilteringBehavior: oneDirection",
            f"\tfromColumn: {name(one.table)}.{name(one.column)}",
            f"\ttoColumn: {name(one.dimension)}.{name(one.key)}",
        ]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def expressions_file(expressions: Iterable[SharedExpression]) -> str:
    lines: list[str] = []
    for one in expressions:
        lines += _described(one.description, 0)
        if "\n" in one.text:
            lines += [f"expression {name(one.name)} =", *_indented(one.text, 2)]
        else:
            lines.append(f"expression {name(one.name)} = {one.text}")
        lines += [
            f"\tlineageTag: {identity('expression', one.name)}",
            "",
            f"\tannotation PBI_ResultType = {one.result}",
            "",
        ]
    return "\n".join(lines)


def role_file(role: Role) -> str:
    lines = [*_described(role.description, 0), f"role {name(role.name)}", "\tmodelPermission: read", ""]
    for one in role.filters:
        lines += [f"\ttablePermission {name(one.table)} =", *_indented(one.dax, 3), ""]
    return "\n".join(lines)


def name(text: str) -> str:
    """A name as TMDL writes it: quoted unless it is a plain word."""
    if _PLAIN_NAME.fullmatch(text):
        return text
    return "'" + text.replace("'", "''") + "'"


def one_line(text: str) -> str:
    return " ".join(text.split())


def _described(text: str, depth: int) -> list[str]:
    return [f"{chr(9) * depth}/// {one_line(text)}"] if text else []


def _indented(text: str, depth: int) -> list[str]:
    return [f"{chr(9) * depth}{line}".rstrip() for line in text.splitlines()]


def _contract(rows: MartRows, dictionary: Dictionary) -> DictionaryMart:
    mart = dictionary.mart(rows.mart)
    if mart is None:
        raise ContractError(f"{rows.mart} is no public mart: run `dbt parse`, or change reports/powerbi/star.py")
    return mart


def contract_types(mart: str, dictionary: Dictionary) -> Mapping[str, str]:
    """Column → contract's data type.

    Raises:
        ContractError: no such public mart.
    """
    found = dictionary.mart(mart)
    if found is None:
        raise ContractError(f"{mart} is no public mart: run `dbt parse`")
    return {column.name: column.data_type for column in found.columns}
