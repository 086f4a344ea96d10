"""The star that Power BI opens: which columns of which marts, made columns, keys, relationships.

Here: one definition per table, its rows as Power Query (M) and the same rows as SQL.
Not here: measures over them (``measures``), how files are found (``queries``), types and descriptions (the contracts).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from reports.powerbi.expressions import quoted, sql_text


class Rows(Protocol):
    """Where a table's rows come from. ``marts``: the marts that are read."""

    @property
    def marts(self) -> tuple[str, ...]: ...

    def m(self, types: Mapping[str, str]) -> str: ...

    def sql(self) -> str: ...


@dataclass(frozen=True)
class Made:
    """A column made from others of the mart: the same in M (a function of the row) and in SQL."""

    name: str
    data_type: str
    description: str
    m: str
    sql: str


def part_of_scope(scope_type: str) -> Made:
    """The scope's value where the row is about such a scope; otherwise empty."""
    return Made(
        scope_type,
        "varchar",
        f"The {scope_type} that the row is about; empty for rows about anything else.",
        f'each if [scope_type] = "{scope_type}" then [scope_value] else null',
        f"CASE WHEN scope_type = '{scope_type}' THEN scope_value END",
    )


TEAM_OF_SCOPE = Made(
    "team",
    "varchar",
    "The team that the row is about, or whose app it is about; empty for rows about anything else.",
    'each if [scope_type] = "team" then [scope_value] else '
    'if [scope_type] = "app" then Record.FieldOrDefault(TeamOfApp, [scope_value], null) else null',
    "CASE WHEN scope_type = 'team' THEN scope_value WHEN scope_type = 'app' THEN "
    '(SELECT a.team FROM "dim_app" AS a WHERE a.app = scope_value) END',
)
APP_OF_SCOPE, MODEL_OF_SCOPE = part_of_scope("app"), part_of_scope("model")
DAY_OF_USAGE = Made(
    "usage_date", "date", "Day of the usage, UTC.", "each DateTime.Date([usage_hour])", "CAST(usage_hour AS DATE)"
)
SUB_ACCOUNT_KEY = Made(
    "sub_account_key",
    "varchar",
    "Provider and sub account, because two providers may name theirs alike.",
    'each if [sub_account_id] = null then null else Text.Combine({[provider_name], [sub_account_id]}, "|")',
    "CASE WHEN sub_account_id IS NOT NULL THEN concat_ws('|', provider_name, sub_account_id) END",
)


@dataclass(frozen=True)
class MartRows:
    """Columns of one mart. ``time_column``: what a partition of an incremental refresh is cut by.

    ``sums``, ``least``, ``greatest``: if any is given, rows that are equal in all other columns become one.
    """

    mart: str
    columns: tuple[str, ...]
    made: tuple[Made, ...] = ()
    time_column: str | None = None
    sums: tuple[str, ...] = ()
    least: tuple[str, ...] = ()
    greatest: tuple[str, ...] = ()

    @property
    def marts(self) -> tuple[str, ...]:
        return (self.mart,)

    @property
    def names(self) -> tuple[str, ...]:
        return (*(made.name for made in self.made), *self.columns)

    @property
    def _aggregated(self) -> dict[str, str]:
        """Column → aggregate, as both languages call it but for the case."""
        pairs = (("Sum", self.sums), ("Min", self.least), ("Max", self.greatest))
        return {column: function for function, columns in pairs for column in columns}

    @property
    def _grouped_by(self) -> list[str]:
        return [name for name in self.names if name not in self._aggregated]

    def m(self, types: Mapping[str, str]) -> str:
        steps = [("Read", f'Mart("{self.mart}")')]

        def step(name: str, text: str) -> None:
            steps.append((name, text.replace("@", steps[-1][0])))

        if self.time_column:
            moment = f"DateTime.From([{self.time_column}])"
            step("InRange", f"Table.SelectRows(@, each {moment} >= RangeStart and {moment} < RangeEnd)")
        for made in self.made:
            kind = _M_TYPES[made.data_type]
            step(f"With_{made.name}", f'Table.AddColumn(@, "{made.name}", {made.m}, {kind})')
        if self._aggregated:
            aggregates = ", ".join(
                f'{{"{name}", each List.{function}([{name}]), {m_type(types[name])}}}'
                for name, function in self._aggregated.items()
            )
            step("Grouped", f"Table.Group(@, {m_list(self._grouped_by)}, {{{aggregates}}})")
        step("Chosen", f"Table.SelectColumns(@, {m_list(self.names)})")
        typed = ", ".join(f'{{"{name}", {m_type(types[name])}}}' for name in self.names)
        step("Typed", f"Table.TransformColumnTypes(@, {{{typed}}})")
        lines = ",\n".join(f"    {name} = {text}" for name, text in steps)
        return f"let\n{lines}\nin\n    {steps[-1][0]}"

    def sql(self) -> str:
        made = [f"{column.sql} AS {quoted(column.name)}" for column in self.made]
        everything = f"SELECT {', '.join([*made, *map(quoted, self.columns)])} FROM {quoted(self.mart)}"
        if not self._aggregated:
            return f"SELECT {', '.join(map(quoted, self.names))} FROM ({everything})"
        chosen = [*map(quoted, self._grouped_by)]
        chosen += [
            f"{function.lower()}({quoted(name)}) AS {quoted(name)}" for name, function in self._aggregated.items()
        ]
        return f"SELECT {', '.join(chosen)} FROM ({everything}) GROUP BY {', '.join(map(quoted, self._grouped_by))}"


@dataclass(frozen=True)
class CustomRows:
    """Rows that are no mart's: written out in M and SQL."""

    marts: tuple[str, ...]
    columns: tuple[Made, ...]
    m_text: str
    sql_text: str

    def m(self, types: Mapping[str, str]) -> str:
        return self.m_text

    def sql(self) -> str:
        return self.sql_text


@dataclass(frozen=True)
class Table:
    """``key``: the column that facts point to. ``links``: column → dimension. ``hidden``: columns, or the table."""

    name: str
    rows: MartRows | CustomRows
    description: str = ""
    key: str | None = None
    links: tuple[tuple[str, str], ...] = ()
    hidden: tuple[str, ...] = ()
    is_hidden: bool = False
    sort_by: tuple[tuple[str, str], ...] = ()

    @property
    def is_fact(self) -> bool:
        return bool(self.links)


@dataclass(frozen=True)
class Relationship:
    """Many rows of ``table`` have one of ``dimension``; filters go from the dimension to the table only."""

    table: str
    column: str
    dimension: str
    key: str


_M_TYPES = {
    "varchar": "type text",
    "date": "type date",
    "timestamp": "type datetime",
    "boolean": "type logical",
    "bigint": "Int64.Type",
    "double": "type number",
}


def m_type(data_type: str) -> str:
    """A contract's data type in Power Query. Decimals become ``number``: see docs/power-bi.md."""
    return "type number" if data_type.startswith("decimal") else _M_TYPES[data_type]


def m_list(names: tuple[str, ...] | list[str]) -> str:
    return "{" + ", ".join(f'"{name}"' for name in names) + "}"


_CURRENCY_COLUMNS = (
    Made("currency", "varchar", "ISO 4217 currency of the bill.", "", ""),
    Made("position", "bigint", "1 for the currency with the largest bill; the order of the list.", "", ""),
    Made("billed_from", "date", "First day that the bill in this currency covers.", "", ""),
    Made("billed_through", "date", "Last day that the bill in this currency covers.", "", ""),
    Made("newest_rate", "double", "Units of the reporting currency for one, on the newest billed day.", "", ""),
    Made("reporting_currency", "varchar", "The currency that amounts are converted to.", "", ""),
)
_CURRENCY_M = """let
    Rates = Table.SelectColumns(Mart("fct_exchange_rate_daily"),
        {"billing_currency", "usage_date", "exchange_rate", "reporting_currency", "reporting_billed_cost"}),
    Judged = Table.SelectColumns(Mart("fct_budget_status"), {"currency", "billed_through"}),
    Others = List.Combine({Mart("fct_incident")[currency], Mart("fct_forecast_total")[currency], Judged[currency],
        List.Distinct(Mart("fct_usage_cost_hourly")[currency]), Mart("fct_unit_economics_daily")[currency]}),
    Names = List.Distinct(List.RemoveNulls(List.Combine({Rates[billing_currency], Others}))),
    Row = (name as text) as record =>
        let
            Own = Table.SelectRows(Rates, each [billing_currency] = name),
            Known = Table.SelectRows(Own, each [exchange_rate] <> null),
            Newest = if Table.IsEmpty(Known) then null else Table.Max(Known, "usage_date"),
            Through = List.Max(List.RemoveNulls(Table.SelectRows(Judged, each [currency] = name)[billed_through])),
            Size = List.Sum(Own[reporting_billed_cost])
        in
            [currency = name, size = if Size = null then 0 else Size, billed_from = List.Min(Own[usage_date]),
             billed_through = if Through = null then List.Max(Own[usage_date]) else Through,
             newest_rate = if Newest = null then null else Newest[exchange_rate],
             reporting_currency = if Newest = null then null else Newest[reporting_currency]],
    Listed = Table.FromRecords(List.Transform(Names, Row),
        type table [currency = text, size = number, billed_from = nullable date, billed_through = nullable date,
            newest_rate = nullable number, reporting_currency = nullable text]),
    Sorted = Table.Sort(Listed, {{"size", Order.Descending}, {"currency", Order.Ascending}}),
    Numbered = Table.AddIndexColumn(Sorted, "position", 1, 1, Int64.Type),
    Chosen = Table.SelectColumns(Numbered,
        {"currency", "position", "billed_from", "billed_through", "newest_rate", "reporting_currency"}),
    Typed = Table.TransformColumnTypes(Chosen, {{"currency", type text}, {"position", Int64.Type},
        {"billed_from", type date}, {"billed_through", type date}, {"newest_rate", type number},
        {"reporting_currency", type text}})
in
    Typed"""
_CURRENCY_SQL = """
SELECT n.currency, row_number() OVER (ORDER BY coalesce(b.size, 0) DESC, n.currency) AS position, b.billed_from,
    coalesce(j.billed_through, b.last_day) AS billed_through, b.newest_rate, b.reporting_currency
FROM (
    SELECT billing_currency AS currency FROM "fct_exchange_rate_daily" UNION SELECT currency FROM "fct_incident"
    UNION SELECT currency FROM "fct_forecast_total" UNION SELECT currency FROM "fct_budget_status"
    UNION SELECT currency FROM "fct_usage_cost_hourly" UNION SELECT currency FROM "fct_unit_economics_daily"
) AS n
LEFT JOIN (
    SELECT billing_currency, min(usage_date) AS billed_from, max(usage_date) AS last_day,
        CAST(arg_max(exchange_rate, usage_date) FILTER (WHERE exchange_rate IS NOT NULL) AS DOUBLE) AS newest_rate,
        arg_max(reporting_currency, usage_date) FILTER (WHERE exchange_rate IS NOT NULL) AS reporting_currency,
        sum(reporting_billed_cost) AS size
    FROM "fct_exchange_rate_daily" GROUP BY billing_currency
) AS b ON b.billing_currency = n.currency
LEFT JOIN (
    SELECT currency, max(billed_through) AS billed_through FROM "fct_budget_status" GROUP BY currency
) AS j ON j.currency = n.currency
WHERE n.currency IS NOT NULL"""

MEMBERS_COLUMNS = (
    Made("team", "varchar", "Team whose figures the person may see.", "", ""),
    Made("user_principal_name", "varchar", "The person, as they sign in to Power BI.", "", ""),
)


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


STAR: tuple[Table, ...] = (
    Table(
        "Date",
        MartRows(
            "dim_date",
            _names(
                "date_day year_month month_start year_number month_number fiscal_year fiscal_quarter "
                "fiscal_month iso_weekday is_weekend is_past"
            ),
        ),
        key="date_day",
        hidden=("month_start", "month_number", "fiscal_month", "iso_weekday"),
    ),
    Table(
        "Currency",
        CustomRows(
            _names(
                "fct_exchange_rate_daily fct_budget_status fct_incident fct_forecast_total fct_usage_cost_hourly "
                "fct_unit_economics_daily"
            ),
            _CURRENCY_COLUMNS,
            _CURRENCY_M,
            _CURRENCY_SQL,
        ),
        "Currencies of the bill, the largest first. Grain: currency.",
        key="currency",
        hidden=("position",),
        sort_by=(("currency", "position"),),
    ),
    Table("Team", MartRows("dim_team", _names("team business_unit cost_center is_configured")), key="team"),
    Table("App", MartRows("dim_app", _names("app team is_configured")), key="app", hidden=("team",)),
    Table(
        "Model",
        MartRows(
            "dim_model",
            _names("model first_used_on last_used_on"),
            least=("first_used_on",),
            greatest=("last_used_on",),
        ),
        "Models, whoever offers them. Grain: model.",
        key="model",
    ),
    Table(
        "Sub account",
        MartRows(
            "dim_sub_account",
            _names("provider_name sub_account_id sub_account_name first_charged_on last_charged_on"),
            (SUB_ACCOUNT_KEY,),
        ),
        key="sub_account_key",
        hidden=("sub_account_key",),
    ),
    Table(
        "Cost",
        MartRows(
            "fct_ai_cost_daily",
            _names(
                "usage_date billing_currency provider_name sub_account_id service_category service_name "
                "region_id resource_name charge_category is_ai ai_category model team app project environment "
                "business_unit cost_center attribution_method idle_kind billed_cost effective_cost list_cost "
                "reporting_currency reporting_billed_cost reporting_effective_cost"
            ),
            (SUB_ACCOUNT_KEY,),
            "usage_date",
        ),
        links=(
            ("usage_date", "Date"),
            ("billing_currency", "Currency"),
            ("team", "Team"),
            ("app", "App"),
            ("model", "Model"),
            ("sub_account_key", "Sub account"),
        ),
        hidden=("sub_account_id",),
    ),
    Table(
        "Usage",
        MartRows(
            "fct_usage_cost_hourly",
            _names(
                "source provider_name model team app token_class currency price_status is_attributable tokens "
                "request_count error_count estimated_cost"
            ),
            (DAY_OF_USAGE,),
            "usage_hour",
            sums=("tokens", "request_count", "error_count", "estimated_cost"),
        ),
        "Model usage by day at the price of its day; estimates, not the bill. Hours are summed to days. "
        "Grain: day × all columns that are not sums.",
        links=(("usage_date", "Date"), ("currency", "Currency"), ("team", "Team"), ("app", "App"), ("model", "Model")),
    ),
    Table(
        "Budget",
        MartRows(
            "fct_budget_status",
            _names(
                "as_of_date budget_id scope_type scope_value period period_start period_end currency tier "
                "budget_amount billed_to_date billed_through committed_cost estimated_since_billed "
                "projected_cost projected_lower projected_upper exceed_probability remaining_amount used_ratio "
                "projected_ratio burn_rate_ratio exhaustion_date status"
            ),
            (TEAM_OF_SCOPE, APP_OF_SCOPE),
        ),
        links=(("period_start", "Date"), ("currency", "Currency"), ("team", "Team"), ("app", "App")),
    ),
    Table(
        "Forecast",
        MartRows(
            "fct_forecast_daily",
            _names(
                "forecast_date scope_type scope_value currency expected_cost lower_cost upper_cost lower_95_cost "
                "upper_95_cost model_name is_future actual_cost"
            ),
            (TEAM_OF_SCOPE, APP_OF_SCOPE, MODEL_OF_SCOPE),
        ),
        links=(
            ("forecast_date", "Date"),
            ("currency", "Currency"),
            ("team", "Team"),
            ("app", "App"),
            ("model", "Model"),
        ),
    ),
    Table(
        "Forecast total",
        MartRows(
            "fct_forecast_total",
            _names(
                "period period_start period_end scope_type scope_value currency billed_cost expected_cost "
                "lower_cost upper_cost lower_95_cost upper_95_cost forecast_through is_extended"
            ),
            (TEAM_OF_SCOPE, APP_OF_SCOPE, MODEL_OF_SCOPE),
        ),
        links=(("currency", "Currency"), ("team", "Team"), ("app", "App"), ("model", "Model")),
    ),
    Table(
        "Unit cost",
        MartRows(
            "fct_unit_economics_daily",
            _names("usage_date unit scope_type scope_value currency cost quantity unit_cost cost_basis"),
            (TEAM_OF_SCOPE, APP_OF_SCOPE, MODEL_OF_SCOPE),
            "usage_date",
        ),
        links=(("usage_date", "Date"), ("currency", "Currency"), ("team", "Team"), ("app", "App"), ("model", "Model")),
    ),
    Table(
        "Coverage",
        MartRows(
            "fct_allocation_coverage_monthly",
            _names(
                "billing_period_start scope_type scope_value currency ai_cost attributed_cost unallocated_cost "
                "coverage_ratio target_ratio tagged_cost named_cost allocated_cost"
            ),
            (TEAM_OF_SCOPE,),
        ),
        links=(("billing_period_start", "Date"), ("currency", "Currency"), ("team", "Team")),
    ),
    Table(
        "Incident",
        MartRows(
            "fct_incident",
            _names(
                "incident_id scope_type scope_value team app currency direction status severity explanation "
                "first_seen last_seen opened_at closed_at day_count impact daily_impact projected_impact "
                "suppressed_because verdict"
            ),
        ),
        links=(("first_seen", "Date"), ("currency", "Currency"), ("team", "Team"), ("app", "App")),
    ),
    Table(
        "Statement",
        MartRows(
            "fct_statement_line_monthly",
            _names(
                "billing_period_start provider_name billing_currency team business_unit cost_center section "
                "service_name model charge_category billed_cost effective_cost"
            ),
        ),
        links=(
            ("billing_period_start", "Date"),
            ("billing_currency", "Currency"),
            ("team", "Team"),
            ("model", "Model"),
        ),
    ),
    Table(
        "Team member",
        CustomRows((), MEMBERS_COLUMNS, "TeamMembersTable", "SELECT '' AS team, '' AS user_principal_name LIMIT 0"),
        "Who belongs to which team, for the role Eng; from the parameter TeamMembers. Grain: team × person.",
        is_hidden=True,
    ),
)


def tables() -> dict[str, Table]:
    return {table.name: table for table in STAR}


def relationships() -> list[Relationship]:
    known = tables()
    return [
        Relationship(table.name, column, dimension, known[dimension].key or "")
        for table in STAR
        for column, dimension in table.links
    ]


def links() -> dict[str, dict[str, tuple[str, str]]]:
    """Of every table, the column that leads to each dimension and that dimension's key."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for one in relationships():
        found.setdefault(one.table, {})[one.dimension] = (one.column, one.key)
    return found


def marts() -> list[str]:
    """All marts that the star reads."""
    return sorted({mart for table in STAR for mart in table.rows.marts})


def mart_view(mart: str, path: str, columns: Mapping[str, str]) -> str:
    """SQL that shows a mart's Parquet file as Power BI holds it: decimals as doubles."""
    fields = ", ".join(
        f"CAST({quoted(name)} AS DOUBLE) AS {quoted(name)}" if kind.startswith("decimal") else quoted(name)
        for name, kind in columns.items()
    )
    return f"CREATE VIEW {quoted(mart)} AS SELECT {fields} FROM read_parquet({sql_text(path)})"
