"""The star that Power BI opens: which columns of which marts, made columns, keys, relationships.

Here: one definition per table.
Not here: how rows are written as Power Query and SQL (``rows``), measures over them (``measures``), how files are found
(``queries``), types and descriptions (the contracts).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reports.powerbi.expressions import dax_column, dax_table, quoted, sql_text
from reports.powerbi.rows import CalculatedRows, CustomRows, Made, MartRows

NO_APP = "(no app)"
"""Stands for rows of no app. A row that leads to no member of App would vanish for whoever sees only some apps."""


TEAM_OF_SCOPE = Made(
    "team",
    "varchar",
    "The team that the row is about, or whose app it is about; empty for rows about anything else.",
    'each if [scope_type] = "team" then [scope_value] else '
    'if [scope_type] = "app" then Record.FieldOrDefault(TeamOfApp, [scope_value], null) else null',
    "CASE WHEN scope_type = 'team' THEN scope_value WHEN scope_type = 'app' THEN "
    '(SELECT a.team FROM "dim_app" AS a WHERE a.app = scope_value) END',
)
APP_OF_SCOPE = Made(
    "app",
    "varchar",
    f"The app that the row is about; {NO_APP} for rows about anything else.",
    f'each if [scope_type] = "app" then [scope_value] else "{NO_APP}"',
    f"CASE WHEN scope_type = 'app' THEN scope_value ELSE '{NO_APP}' END",
)
MODEL_OF_SCOPE = Made(
    "model",
    "varchar",
    "The model that the row is about; empty for rows about anything else.",
    'each if [scope_type] = "model" then [scope_value] else null',
    "CASE WHEN scope_type = 'model' THEN scope_value END",
)
DAY_OF_USAGE = Made(
    "usage_date",
    "date",
    "Day of the usage, UTC.",
    "each DateTime.Date([usage_hour])",
    "CAST(usage_hour AS DATE)",
    ("usage_hour",),
)
_NAMED_APP = (("app", NO_APP),)


@dataclass(frozen=True)
class Table:
    """``key``: the column that facts point to. ``links``: column → dimension. ``hidden``: columns, or the table."""

    name: str
    rows: MartRows | CustomRows | CalculatedRows
    description: str = ""
    key: str | None = None
    links: tuple[tuple[str, str], ...] = ()
    hidden: tuple[str, ...] = ()
    is_hidden: bool = False
    sort_by: tuple[tuple[str, str], ...] = ()

    @property
    def is_fact(self) -> bool:
        return bool(self.links)

    @property
    def time_column(self) -> str | None:
        """What the service cuts the table by; None where it is read whole."""
        return self.rows.time_column if isinstance(self.rows, MartRows) else None


@dataclass(frozen=True)
class Relationship:
    """Many rows of ``table`` have one of ``dimension``; filters go from the dimension to the table only."""

    table: str
    column: str
    dimension: str
    key: str


_CURRENCY_COLUMNS = (
    Made("currency", "varchar", "ISO 4217 currency of the bill.", "", ""),
    Made("position", "bigint", "1 for the currency with the largest bill; the order of the list.", "", ""),
    Made("billed_from", "date", "First day that the bill in this currency covers.", "", ""),
    Made("billed_through", "date", "Last day that the bill in this currency covers.", "", ""),
    Made("newest_rate", "double", "Units of the reporting currency for one, on the newest billed day.", "", ""),
    Made("reporting_currency", "varchar", "The currency that amounts are converted to.", "", ""),
)
_CURRENCY_M = """let
    Rates = Mart("fct_exchange_rate_daily",
        {"billing_currency", "usage_date", "exchange_rate", "reporting_currency", "reporting_billed_cost"}),
    Judged = Mart("fct_budget_status", {"currency", "billed_through"}),
    CurrenciesOf = (mart as text) as list => List.Distinct(Mart(mart, {"currency"})[currency]),
    Others = List.Combine({Judged[currency], CurrenciesOf("fct_incident"), CurrenciesOf("fct_forecast_total"),
        CurrenciesOf("fct_usage_cost_hourly"), CurrenciesOf("fct_unit_economics_daily"),
        CurrenciesOf("fct_unit_cost_daily")}),
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
    UNION SELECT currency FROM "fct_unit_cost_daily"
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

_BUDGET_MONTH_COLUMNS = (
    Made("team", "varchar", TEAM_OF_SCOPE.description, "", ""),
    Made("usage_month", "date", "First day of the month.", "", ""),
    Made("budget_id", "varchar", "Budget of budgets.yml.", "", ""),
    Made("scope_type", "varchar", "What kind of thing the budget is about, such as company or team.", "", ""),
    Made("scope_value", "varchar", "Which one; 'all' for the company.", "", ""),
    Made("currency", "varchar", "ISO 4217 code that the row's money is in.", "", ""),
    Made("budget_amount", "decimal(38,12)", "What might be spent in the month, as last known.", "", ""),
    Made("known_from", "timestamp", "Moment, UTC, from which that was the newest known.", "", ""),
)
_BUDGET_MONTH_M = """let
    Read = Mart("fct_guardrail_fact_history",
        {"kind", "unit", "budget_id", "scope_type", "scope_value", "period", "currency", "reference", "known_from"}),
    Budgets = Table.SelectRows(Read, each [kind] = "budget" and [unit] = "currency" and Text.Length([period]) = 7
        and Text.At([period], 4) = "-" and Text.Length(Text.Select([period], {"0".."9"})) = 6),
    Newest = Table.Group(Budgets, {"budget_id", "scope_type", "scope_value", "period", "currency"}, {
        {"budget_amount", each Table.Max(_, "known_from")[reference], type number},
        {"known_from", each List.Max([known_from]), type datetime}}),
    With_team = Table.AddColumn(Newest, "team", each if [scope_type] = "team" then [scope_value] else
        if [scope_type] = "app" then Record.FieldOrDefault(TeamOfApp, [scope_value], null) else null, type text),
    With_month = Table.AddColumn(With_team, "usage_month", each Date.FromText([period] & "-01", "en-US"), type date),
    Chosen = Table.SelectColumns(With_month,
        {"team", "usage_month", "budget_id", "scope_type", "scope_value", "currency", "budget_amount", "known_from"}),
    Typed = Table.TransformColumnTypes(Chosen, {{"team", type text}, {"usage_month", type date},
        {"budget_id", type text}, {"scope_type", type text}, {"scope_value", type text}, {"currency", type text},
        {"budget_amount", type number}, {"known_from", type datetime}})
in
    Typed"""
_BUDGET_MONTH_SQL = f"""
SELECT {TEAM_OF_SCOPE.sql} AS team, usage_month, budget_id, scope_type, scope_value, currency, budget_amount, known_from
FROM (
    SELECT CAST(period || '-01' AS DATE) AS usage_month, budget_id, scope_type, scope_value, currency,
        arg_max(reference, known_from) AS budget_amount, max(known_from) AS known_from
    FROM "fct_guardrail_fact_history"
    WHERE kind = 'budget' AND unit = 'currency' AND regexp_full_match(period, '[0-9]{{4}}-[0-9]{{2}}')
    GROUP BY ALL
)"""

MEMBERS_COLUMNS = (
    Made("team", "varchar", "Team whose figures the person may see.", "", ""),
    Made("user_principal_name", "varchar", "The person, as they sign in to Power BI.", "", ""),
)


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_NAMING_BOTH = ("Cost", "Usage", "Own unit", "Incident")
"""Facts whose rows name a team and an app, each by itself: the app may be another team's."""


def _pairs_of(facts: tuple[str, ...]) -> CalculatedRows:
    pairs = [f"SUMMARIZE({dax_table(fact)}, {dax_column(fact, 'team')}, {dax_column(fact, 'app')})" for fact in facts]
    own = f'SELECTCOLUMNS(\'App\', "team", {dax_column("App", "team")}, "app", {dax_column("App", "app")})'
    lines = ",\n".join(f"    {text}" for text in (own, *pairs))
    return CalculatedRows(
        (
            Made("team", "varchar", "Team.", "", ""),
            Made("app", "varchar", "App that the team has rows of.", "", ""),
        ),
        f"DISTINCT(UNION(\n{lines}))",
        " UNION ".join(f"SELECT team, app FROM {quoted(name)}" for name in ("App", *facts)),
    )


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
                "fct_unit_economics_daily fct_unit_cost_daily"
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
    Table(
        "App",
        MartRows("dim_app", _names("app team is_configured"), member=NO_APP),
        key="app",
        hidden=("team",),
    ),
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
        "Cost",
        MartRows(
            "fct_ai_cost_daily",
            _names(
                "usage_date billing_currency provider_name sub_account_name service_category service_name "
                "region_id resource_name charge_category is_ai ai_category model team app project environment "
                "business_unit cost_center attribution_method idle_kind billed_cost effective_cost list_cost "
                "reporting_currency reporting_billed_cost reporting_effective_cost"
            ),
            time_column="usage_date",
            nameless=_NAMED_APP,
        ),
        links=(
            ("usage_date", "Date"),
            ("billing_currency", "Currency"),
            ("team", "Team"),
            ("app", "App"),
            ("model", "Model"),
        ),
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
            time_column="usage_hour",
            sums=("tokens", "request_count", "error_count", "estimated_cost"),
            nameless=_NAMED_APP,
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
            time_column="usage_date",
        ),
        links=(("usage_date", "Date"), ("currency", "Currency"), ("team", "Team"), ("app", "App"), ("model", "Model")),
    ),
    Table(
        "Own unit",
        MartRows(
            "fct_unit_cost_daily",
            _names(
                "usage_date unit_id unit_name cost_basis measure grain team app project feature model environment "
                "currency effective_cost estimated_cost total_cost quantity target_amount is_complete "
                "trailing_28d_unit_cost trailing_28d_unit_cost_with_training"
            ),
            time_column="usage_date",
            nameless=_NAMED_APP,
        ),
        links=(("usage_date", "Date"), ("currency", "Currency"), ("team", "Team"), ("app", "App"), ("model", "Model")),
    ),
    Table(
        "Forecast month",
        MartRows(
            "fct_forecast_variance_monthly",
            _names(
                "usage_month scope_type scope_value currency made_at is_backcast first_day last_day is_complete "
                "forecast_cost actual_cost variance_cost variance_ratio maturity"
            ),
            (TEAM_OF_SCOPE, APP_OF_SCOPE),
        ),
        links=(("usage_month", "Date"), ("currency", "Currency"), ("team", "Team"), ("app", "App")),
    ),
    Table(
        "Budget month",
        CustomRows(
            _names("fct_guardrail_fact_history dim_app"), _BUDGET_MONTH_COLUMNS, _BUDGET_MONTH_M, _BUDGET_MONTH_SQL
        ),
        "Monthly budgets as they were last known of each month: of a past one, as it ended. Grain: budget and month.",
        links=(("usage_month", "Date"), ("currency", "Currency"), ("team", "Team")),
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
            nameless=_NAMED_APP,
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
    Table(
        "Team app",
        _pairs_of(_NAMING_BOTH),
        "Which apps a team has rows of, its own and those of others that it uses; for the role Eng. Grain: team × app.",
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
