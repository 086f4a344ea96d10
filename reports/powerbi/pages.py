"""The report's pages: what is shown where.

Here: executive, finance and team page on 1280 × 720, each visual with title, words for screen readers, fields.
Not here: the JSON that Power BI reads (``visuals``) and what measures mean (``measures``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

WIDTH, HEIGHT = 1280, 720
_MARGIN, _GAP = 16, 12
_COLUMNS = 12
_COLUMN = (WIDTH - 2 * _MARGIN - (_COLUMNS - 1) * _GAP) / _COLUMNS
_ROWS = {"head": (16, 60), "cards": (88, 92), "upper": (192, 252), "lower": (456, 248)}


@dataclass(frozen=True)
class Field:
    """A measure, or a column of a table. ``label``: what the visual calls it, if not its name."""

    name: str
    table: str | None = None
    label: str | None = None


@dataclass(frozen=True)
class Visual:
    """``roles``: Power BI's data role → fields. ``dashed``: measures drawn dashed, because they are expected."""

    name: str
    kind: str
    title: str
    alt_text: str
    x: float
    y: float
    width: float
    height: float
    roles: dict[str, tuple[Field, ...]] = field(default_factory=dict)
    text: str | None = None
    dashed: tuple[str, ...] = ()
    single_choice: bool = False
    sort_by: Field | None = None
    descending: bool = True


@dataclass(frozen=True)
class Page:
    """``unaffected``: slicer and visual, by name, where the slicer's choice leaves the visual as it is."""

    name: str
    title: str
    visuals: tuple[Visual, ...]
    unaffected: tuple[tuple[str, str], ...] = ()


def _place(row: str, first: int, columns: int) -> tuple[float, float, float, float]:
    """x, y, width, height of whole pixels; ``first`` counts from 0."""
    y, height = _ROWS[row]
    x = _MARGIN + first * (_COLUMN + _GAP)
    width = columns * _COLUMN + (columns - 1) * _GAP
    return round(x), y, int(width), height


def _heading(title: str, note: str) -> Visual:
    return Visual("heading", "textbox", title, f"{title}. {note}", *_place("head", 0, 5), text=f"{title}\n{note}")


def _slicer(name: str, title: str, column: Field, first: int, columns: int, *, single: bool = False) -> Visual:
    return Visual(
        f"choose-{name}",
        "slicer",
        title,
        f"Chooses the {title.lower()} that all visuals of the page show",
        *_place("head", first, columns),
        {"Values": (column,)},
        single_choice=single,
    )


def _cards(*cards: tuple[str, str]) -> list[Visual]:
    width = _COLUMNS // len(cards)
    return [
        Visual(
            f"card-{measure.lower().replace(' ', '-')}",
            "card",
            title,
            f"{title}: one number",
            *_place("cards", number * width, width),
            {"Values": (Field(measure),)},
        )
        for number, (measure, title) in enumerate(cards)
    ]


_MONTH, _CURRENCY = Field("year_month", "Date"), Field("currency", "Currency")
_TEAM, _APP = Field("team", "Team"), Field("app", "App")
_DAY = Field("date_day", "Date")
_NOTE = "Amounts are of one currency. Blue is billed, orange estimated, dashed violet expected, green budget."


_BUDGET_COLUMNS = (
    "budget_id",
    "scope_type",
    "scope_value",
    "period",
    "budget_amount",
    "billed_to_date",
    "projected_cost",
    "remaining_amount",
    "used_ratio",
    "status",
)


_INCIDENT_COLUMNS = ("first_seen", "severity", "status", "scope_type", "scope_value", "impact", "explanation")


def _incident_table(row: str, first: int, columns: int, shown: tuple[str, ...] = _INCIDENT_COLUMNS) -> Visual:
    why = ", and why" if "explanation" in shown else ""
    return Visual(
        "incidents",
        "tableEx",
        "Incidents",
        f"Table of incidents: since when, how severe, where, what they cost beyond what was expected{why}",
        *_place(row, first, columns),
        {"Values": tuple(Field(name, "Incident") for name in shown)},
        sort_by=Field("impact", "Incident"),
    )


def _columns_chart(
    name: str, title: str, alt: str, place: tuple[float, float, float, float], by: Field, *measures: str, kind: str
) -> Visual:
    return Visual(
        name,
        kind,
        title,
        alt,
        *place,
        {"Category": (by,), "Y": tuple(Field(measure) for measure in measures)},
        sort_by=by if by.table == "Date" else Field(measures[0]),
        descending=by.table != "Date",
    )


def _executive() -> Page:
    return Page(
        "executive",
        "Executive",
        (
            _heading("What AI costs", _NOTE),
            _slicer("month", "Month", _MONTH, 6, 3),
            _slicer("currency", "Currency", _CURRENCY, 9, 3, single=True),
            *_cards(
                ("AI spend month to date", "Billed this month"),
                ("AI spend change", "Against the same days before"),
                ("Company projected", "Expected at month's end"),
                ("Company budget", "Budget"),
                ("Allocation coverage", "Spend with an owner"),
                ("Cost per 1M tokens", "Cost per 1M tokens, 30 days"),
            ),
            Visual(
                "spend-by-day",
                "lineChart",
                "Billed and expected, day by day",
                "Line chart by day: billed AI spend solid, the forecast dashed, with the ends of its 80% interval",
                *_place("upper", 0, 8),
                {
                    "Category": (_DAY,),
                    "Y": tuple(Field(name) for name in ("AI spend", "Forecast", "Forecast low", "Forecast high")),
                },
                dashed=("Forecast", "Forecast low", "Forecast high"),
                sort_by=_DAY,
                descending=False,
            ),
            _columns_chart(
                "spend-by-team",
                "Month to date by team",
                "Bar chart: billed AI spend of the month by team, largest first",
                _place("upper", 8, 4),
                _TEAM,
                "AI spend month to date",
                kind="clusteredBarChart",
            ),
            Visual(
                "all-currencies",
                "tableEx",
                "All currencies together",
                "Table: month to date, expected end and budget of all currencies in the reporting currency",
                *_place("lower", 0, 4),
                {
                    "Values": (
                        Field("currency", "Currency"),
                        Field("AI spend month to date", label="Billed"),
                        Field("AI spend converted month to date", label="Converted"),
                        Field("Company projected converted", label="Expected"),
                        Field("Company budget converted", label="Budget"),
                    )
                },
            ),
            _incident_table("lower", 4, 8),
        ),
        (("choose-currency", "all-currencies"),),
    )


def _finance() -> Page:
    return Page(
        "finance",
        "Finance",
        (
            _heading("Bill, budgets, statements", _NOTE),
            _slicer("month", "Month", _MONTH, 5, 2),
            _slicer("currency", "Currency", _CURRENCY, 7, 2, single=True),
            _slicer("team", "Team", _TEAM, 9, 3),
            *_cards(
                ("AI billed month to date", "Invoiced this month"),
                ("AI spend month to date", "Effective cost this month"),
                ("Whole bill month to date", "Whole bill this month"),
                ("AI share of bill", "AI's share of the bill"),
                ("Company variance", "Expected less budget"),
                ("Chance over budget", "Chance over budget"),
            ),
            Visual(
                "budgets",
                "tableEx",
                "Budgets",
                "Table of budgets: amount, billed, expected end, what remains, share used, status",
                *_place("upper", 0, 7),
                {"Values": tuple(Field(column, "Budget") for column in _BUDGET_COLUMNS)},
            ),
            _columns_chart(
                "months",
                "Month by month",
                "Column chart by month: effective and invoiced cost of AI, the budget, and what was forecast",
                _place("upper", 7, 5),
                _MONTH,
                "AI spend",
                "AI billed",
                "Company month budget",
                "Company month forecast",
                kind="clusteredColumnChart",
            ),
            Visual(
                "statements",
                "pivotTable",
                "What teams are charged",
                "Matrix: teams in rows, sections of the statement in columns, invoiced cost in the cells",
                *_place("lower", 0, 8),
                {
                    "Rows": (_TEAM,),
                    "Columns": (Field("section", "Statement"),),
                    "Values": (Field("Charged cost"),),
                },
            ),
            _columns_chart(
                "services",
                "AI spend by service",
                "Bar chart: billed AI spend by service, largest first",
                _place("lower", 8, 4),
                Field("service_name", "Cost"),
                "AI spend",
                kind="clusteredBarChart",
            ),
        ),
    )


def _team() -> Page:
    return Page(
        "team",
        "Team",
        (
            _heading("One team, its apps and models", _NOTE),
            _slicer("month", "Month", _MONTH, 5, 1),
            _slicer("currency", "Currency", _CURRENCY, 6, 2, single=True),
            _slicer("team", "Team", _TEAM, 8, 2),
            _slicer("app", "App", _APP, 10, 2),
            *_cards(
                ("AI spend month to date", "Billed this month"),
                ("Estimated since billed", "Estimated since then"),
                ("Team projected", "Expected at month's end"),
                ("Team budget", "Budget"),
                ("Idle GPU cost month to date", "Idle GPU time"),
                ("Open incidents", "Open incidents"),
            ),
            Visual(
                "apps-by-day",
                "lineChart",
                "Billed and estimated, day by day",
                "Line chart by day: billed AI spend and, as an estimate, usage at the price of its day",
                *_place("upper", 0, 8),
                {"Category": (_DAY,), "Y": (Field("AI spend"), Field("Estimated cost"))},
                sort_by=_DAY,
                descending=False,
            ),
            _columns_chart(
                "apps",
                "Month to date by app",
                "Bar chart: billed AI spend of the month by app, largest first",
                _place("upper", 8, 4),
                _APP,
                "AI spend month to date",
                kind="clusteredBarChart",
            ),
            Visual(
                "models",
                "tableEx",
                "Models",
                "Table of models: tokens, requests, estimated cost and billed spend",
                *_place("lower", 0, 4),
                {
                    "Values": (
                        Field("model", "Model"),
                        Field("Tokens used", label="Tokens"),
                        Field("Requests"),
                        Field("Estimated cost", label="Estimated"),
                        Field("AI spend", label="Billed"),
                    )
                },
            ),
            Visual(
                "units",
                "tableEx",
                "What one unit costs",
                "Table of the units of units.yml: cost of one over the newest 28 days, and its target",
                *_place("lower", 4, 4),
                {
                    "Values": (
                        Field("unit_name", "Own unit"),
                        Field("app", "App"),
                        Field("model", "Model"),
                        Field("Cost per own unit, 28 days", label="Each"),
                        Field("Own unit target", label="Target"),
                    )
                },
            ),
            _incident_table("lower", 8, 4, ("first_seen", "severity", "scope_value", "impact")),
        ),
    )


PAGES: tuple[Page, ...] = (_executive(), _finance(), _team())
