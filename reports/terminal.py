"""The summary in a terminal.

Here: rich renderables, for wide and narrow terminals. Nothing is told by colour alone, and rich leaves colours out
where ``NO_COLOR`` is set or the output is no terminal.
Not here: what is said (``summary``).
"""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from reports import formatting as f
from reports.measures.budgets import BudgetLine, Projection
from reports.measures.conversion import AllCurrencies
from reports.measures.coverage import Coverage
from reports.measures.gpu import GpuUse
from reports.measures.health import EstimatedUsage
from reports.measures.missing import Missing
from reports.measures.units import UnitCost
from reports.summary import CurrencySummary, Summary

WIDE = 100
ROWS = 10
MARKS = {"bad": ("✗", "red"), "warn": ("!", "yellow"), "good": ("✓", "green")}
STATUS_STYLES = {"over": "red", "at_risk": "yellow", "on_track": "green"}
SEVERITY_STYLES = {"critical": "red bold", "high": "red", "medium": "yellow", "low": "dim"}
GPU_HOUR_WORDS = {"gpu_hour_billed": "billed", "gpu_hour_allocated": "allocated", "gpu_hour_busy": "busy"}


def render_terminal(summary: Summary) -> RenderableType:
    """The whole summary; it adapts to the width of the console that prints it."""
    return _Screen(summary)


class _Screen:
    def __init__(self, summary: Summary) -> None:
        self.summary = summary

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wide = options.max_width >= WIDE
        if self.summary.is_empty:
            yield Text("No bill and no usage have arrived yet. Connect a source in config/sources.yml and run again.")
            return
        several = len(self.summary.currencies) > 1
        if self.summary.together is not None:
            yield from _together(self.summary.together)
        for item in self.summary.currencies:
            if several:
                yield Rule(f"In {item.currency}", align="left")
            yield from _currency(item, self.summary, wide)
        yield from _health(self.summary)


def _together(together: AllCurrencies | Missing) -> list[RenderableType]:
    if isinstance(together, Missing):
        return [_unknown(together), Text()]
    grid = _grid()
    code = together.currency
    spend = Text(f.whole_money(together.ai_spend, code), style="bold")
    spend.append(
        f" of AI spend in {f.month(together.month.start)} of a bill of {f.whole_money(together.total_bill, code)}",
        style="not bold",
    )
    grid.add_row("All together", spend)
    if together.projected is not None:
        end = Text(f.whole_money(together.projected, code), style="bold")
        end.append(" projected", style="not bold")
        if together.budget is not None:
            end.append(f"; budgets {f.whole_money(together.budget, code)}", style="not bold")
        grid.add_row("Month end", end)
    grid.add_row("Converted from", Text(together.rate_words))
    return [grid, Text()]


def _currency(item: CurrencySummary, summary: Summary, wide: bool) -> list[RenderableType]:
    parts: list[RenderableType] = [_figures(item, summary), Text()]
    for line in item.headlines:
        mark, style = MARKS[line.tone]
        parts.append(_marked(Text(mark, style=style), Text(line.text)))
    if item.headlines:
        parts.append(Text())
    if item.teams:
        parts += [_teams(item, wide), Text()]
    scoped = tuple(line for line in item.budgets if line.scope_type not in ("company", "team"))
    if scoped:
        parts += [_budgets(scoped, item.currency, wide), Text()]
    if item.incidents.open:
        parts += [_incidents(item, wide), Text()]
    return parts


def _marked(mark: Text, text: Text) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=1)
    grid.add_column(overflow="fold")
    grid.add_row(mark, text)
    return grid


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _figures(item: CurrencySummary, summary: Summary) -> Table:
    grid = _grid()
    # What prices and GPUs say is said once, in the currency that most is spent in.
    is_first = item is summary.currencies[0]
    for name, text, is_known in (
        ("AI spend", _spend(item), True),
        ("Month end", _month_end(item), True),
        ("Since the bill", _estimated(item), isinstance(item.estimated, EstimatedUsage) and item.estimated.cost > 0),
        ("With an owner", _coverage(item), True),
        ("1M tokens", _unit(item.cost_per_1m_tokens, item.currency), isinstance(item.cost_per_1m_tokens, UnitCost)),
        ("GPU-hour", _gpu_hour(item, summary), bool(item.gpu_hour_costs)),
    ):
        if is_first or is_known:
            grid.add_row(name, text)
    for line in item.outcomes[:3]:
        grid.add_row(f.humanise(line.unit), _unit(line, item.currency))
    return grid


def _unknown(missing: Missing) -> Text:
    return Text(missing.reason, style="dim")


def _spend(item: CurrencySummary) -> Text:
    month = item.month
    if isinstance(month, Missing):
        return _unknown(month)
    text = Text(f.whole_money(month.ai_spend, item.currency), style="bold")
    text.append(f" in {f.month(month.month.start)}, billed through {f.day(month.billed_through)}", style="not bold")
    if month.change_ratio is not None:
        text.append(f"; {f.signed_percent(month.change_ratio)} against the same days last month", style="not bold")
    if month.ai_share is not None:
        text.append(
            f"; {f.percent(month.ai_share)} of a bill of {f.whole_money(month.total_bill, item.currency)}",
            style="not bold",
        )
    return text


def _month_end(item: CurrencySummary) -> Text:
    projection, budget = item.projection, item.budget
    if isinstance(projection, Missing):
        return _unknown(projection)
    text = Text(f.whole_money(projection.expected, item.currency), style="bold")
    text.append(f" projected{_interval(projection, item.currency)}", style="not bold")
    if isinstance(budget, BudgetLine):
        text.append(f"; budget {f.whole_money(budget.amount, item.currency)}: ", style="not bold")
        text.append(budget.status_words.lower(), style=f"not bold {STATUS_STYLES.get(budget.status, '')}")
    else:
        text.append(f"; {budget.reason}", style="not bold dim")
    return text


def _interval(projection: Projection, currency: str) -> str:
    if projection.lower is None or projection.upper is None:
        return ""
    return f" (80% interval {f.whole_money(projection.lower, currency)} to {f.whole_money(projection.upper, currency)})"


def _estimated(item: CurrencySummary) -> Text:
    estimated = item.estimated
    if not isinstance(estimated, EstimatedUsage):
        return _unknown(estimated)
    text = Text(
        f"{f.money(estimated.cost, item.currency)} of model usage estimated through {f.moment(estimated.through)}"
    )
    if estimated.unpriced_tokens:
        text.append(f"; {f.compact(estimated.unpriced_tokens)} tokens have no price", style="yellow")
    return text


def _coverage(item: CurrencySummary) -> Text:
    covered = item.coverage
    if not isinstance(covered, Coverage):
        return _unknown(covered)
    share = covered.company.coverage_ratio
    text = Text("not known" if share is None else f.percent(share, 1), style="bold")
    text.append(f" of AI spend, target {f.percent(covered.target_ratio)}; ", style="not bold")
    text.append(f"{f.whole_money(covered.company.unallocated_cost, item.currency)} is nobody's", style="not bold")
    return text


def _unit(line: UnitCost | Missing, currency: str) -> Text:
    if isinstance(line, Missing):
        return _unknown(line)
    text = Text(f.unit_money(line.unit_cost, currency), style="bold")
    if line.change_ratio is not None:
        text.append(f" {f.signed_percent(line.change_ratio)} against the 30 days before", style="not bold")
    text.append(f" ({line.cost_basis} cost)", style="not bold dim")
    return text


def _gpu_hour(item: CurrencySummary, summary: Summary) -> Text:
    parts = [
        f"{f.unit_money(line.unit_cost, item.currency)} {GPU_HOUR_WORDS[unit]}"
        for unit, line in item.gpu_hour_costs.items()
    ]
    text = Text(", ".join(parts) or "No GPU cost has been matched with GPU hours yet.", style="" if parts else "dim")
    if isinstance(summary.gpu, GpuUse):
        whole = summary.gpu.whole
        text.append(f"; GPUs {f.percent(whole.duty_cycle)} busy, {f.percent(whole.idle_share)} idle")
    return text


def _table(title: str, columns: list[tuple[str, bool]]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, is_number in columns:
        table.add_column(name, justify="right" if is_number else "left", header_style="dim", overflow="fold")
    return table


def _teams(item: CurrencySummary, wide: bool) -> Table:
    columns = [("Team", False), ("Spend", True), ("Change", True)]
    if wide:
        columns.append(("Projected", True))
    columns += [("Budget used", True), ("Status", False)]
    table = _table("Teams", columns)
    for line in item.teams:
        spend, budget = line.spend, line.budget
        cells = [
            Text(spend.team or "No owner"),
            Text(f.whole_money(spend.ai_spend, item.currency)),
            Text("–" if spend.change_ratio is None else f.signed_percent(spend.change_ratio)),
        ]
        if wide:
            projected = line.projection
            cells.append(
                Text("not known", style="dim")
                if isinstance(projected, Missing)
                else Text(f.whole_money(projected.expected, item.currency))
            )
        cells.append(Text("no budget", style="dim") if budget is None else Text(f.percent(budget.used_ratio)))
        cells.append(Text("") if budget is None else _status(budget))
        table.add_row(*cells)
    return table


def _status(budget: BudgetLine) -> Text:
    return Text(budget.status_words, style=STATUS_STYLES.get(budget.status, ""))


def _budgets(lines: tuple[BudgetLine, ...], currency: str, wide: bool) -> Table:
    columns = [("Budget", False), ("Amount", True), ("Used", True)]
    if wide:
        columns.append(("Projected", True))
    columns.append(("Status", False))
    table = _table("Other budgets", columns)
    for line in lines:
        cells = [
            Text(f"{line.name} ({line.scope_type})"),
            Text(f.whole_money(line.amount, currency)),
            Text(f.percent(line.used_ratio)),
        ]
        if wide:
            cells.append(
                Text("no forecast", style="dim")
                if line.projection is None
                else Text(f.whole_money(line.projection.expected, currency))
            )
        table.add_row(*cells, _status(line))
    return table


def _incidents(item: CurrencySummary, wide: bool) -> RenderableType:
    lines: list[RenderableType] = [Text("Open incidents", style="bold")]
    for incident in item.incidents.open[:ROWS]:
        head = Text(incident.severity, style=SEVERITY_STYLES.get(incident.severity, ""))
        head.append(f"  {f.short_day(incident.first_seen)}  {incident.scope_name}  ", style="not bold default")
        head.append(f.signed_money(incident.impact, item.currency), style="bold default")
        lines.append(head)
        if wide and incident.explanation:
            lines.append(Padding(Text(incident.explanation, style="dim"), (0, 0, 0, 2)))
    if len(item.incidents.open) > ROWS:
        lines.append(Text(f"and {len(item.incidents.open) - ROWS} more", style="dim"))
    return Group(*lines)


def _health(summary: Summary) -> list[RenderableType]:
    late = [line.name for line in summary.freshness if line.is_late and line.through is not None]
    absent = [line.name for line in summary.freshness if line.through is None]
    lines: list[RenderableType] = []
    if late:
        lines.append(Text(f"Late: {', '.join(late)}.", style="yellow"))
    if absent:
        lines.append(Text(f"No data: {', '.join(absent)}.", style="dim"))
    if summary.rejected.count:
        lines.append(
            Text(
                f"{f.count(summary.rejected.count, 'row')} rejected; the report says why and what to do.",
                style="yellow",
            )
        )
    return lines
