"""What-ifs on the command line: ``aifinops whatif …``."""

from __future__ import annotations

import csv
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli.inputs import configuration_of, fail, home_of
from cli.options import ConfigOption, HomeOption
from finops.paths import Home
from reports import formatting as f

if TYPE_CHECKING:
    from finops.config.scenarios import Scenario
    from models import WhatIf
    from models.whatif.result import Months

whatif_app = typer.Typer(no_args_is_help=True, help="Ask what other traffic, models, prices or capacity would cost.")

FileOption = Annotated[
    Path | None, typer.Option("--file", help="Another file of scenarios, in the form of config/scenarios.yml")
]
HtmlOption = Annotated[Path | None, typer.Option("--html", help="Also write a page that opens offline")]
_BAR = 24


@whatif_app.command("list")
def list_all(home: HomeOption = None, config: ConfigOption = None, file: FileOption = None) -> None:
    """List the scenarios of config/scenarios.yml, and what was answered."""
    scenarios = _scenarios(config, file)
    answers = {found.scenario_id: found for found in _saved(home_of(home))}
    table = Table("Scenario", "What if", "Asked", box=None, header_style="bold", pad_edge=False)
    table.add_column("Difference", justify="right")
    for scenario in scenarios:
        found = answers.pop(scenario.id, None)
        table.add_row(scenario.id, scenario.name, *_answered(found))
    for found in answers.values():
        table.add_row(found.scenario_id, found.name, *_answered(found))
    if not table.row_count:
        Console().print("No scenario yet: config/scenarios.yml is where they go, docs/whatif.md says how.")
        return
    Console().print(table)


@whatif_app.command()
def run(
    scenario: Annotated[str, typer.Argument(help="Its id in config/scenarios.yml")],
    home: HomeOption = None,
    config: ConfigOption = None,
    file: FileOption = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Also write the months as CSV")] = None,
    html_file: HtmlOption = None,
) -> None:
    """Answer a scenario against the newest forecast, show it and keep it."""
    from cli.whatif_base import read_base
    from models import WhatIfError, what_if
    from orchestration.published import NotPublishedError

    asked = _named(_scenarios(config, file), scenario)
    place = home_of(home)
    try:
        with Console(stderr=True).status("Reading the last four weeks and drawing from the forecast …"):
            answer = what_if(asked, read_base(place, asked))
    except (NotPublishedError, WhatIfError) as error:
        fail(str(error))
    path = _keep(place, answer)
    _show(answer, Console())
    if csv_file:
        _write_csv(answer, csv_file)
    if html_file:
        _write_page(answer, html_file)
    Console().print(f"\nKept as {path}", highlight=False, soft_wrap=True)


@whatif_app.command()
def show(
    scenario: Annotated[str, typer.Argument(help="Id of an answered scenario")],
    home: HomeOption = None,
    html_file: HtmlOption = None,
) -> None:
    """Show the newest answer to a scenario again."""
    answer = _answer(home_of(home), scenario)
    _show(answer, Console())
    if html_file:
        _write_page(answer, html_file)


@whatif_app.command()
def compare(
    scenarios: Annotated[list[str], typer.Argument(help="Ids of answered scenarios")], home: HomeOption = None
) -> None:
    """Set the newest answers to several scenarios side by side, the cheapest first."""
    answers = [_answer(home_of(home), name) for name in dict.fromkeys(scenarios)]
    if len({answer.currency for answer in answers}) > 1:
        fail("these answers are in different currencies: run them with one currency:")
    bases = {(answer.total.first_day, answer.total.last_day, answer.as_of) for answer in answers}
    console = Console()
    table = Table("Scenario", box=None, header_style="bold", pad_edge=False)
    for heading in ("Days", "Expected", "Difference", "80 of 100 cases", "Saves in"):
        table.add_column(heading, justify="right")
    currency = answers[0].currency
    for answer in sorted(answers, key=lambda answer: answer.total.difference.expected):
        gap = answer.total.difference
        days = (answer.total.last_day - answer.total.first_day).days + 1
        table.add_row(
            answer.scenario_id,
            f"{days}",
            f.whole_money(answer.total.with_changes.expected, currency),
            f"{gap.expected:+,.0f}",
            f"{gap.lo80:+,.0f} to {gap.hi80:+,.0f}",
            f.percent(answer.share_of_draws_that_save),
        )
    console.print(table)
    if len(bases) > 1:
        console.print(
            "\n[yellow]![/] They are not of the same days or the same forecast: run them again with equal "
            "starts_on and ends_on to compare them.",
            soft_wrap=True,
        )


def _answered(found: WhatIf | None) -> tuple[str, str]:
    if found is None:
        return "not yet", "–"
    return f"as of {found.as_of}", f"{found.currency} {found.total.difference.expected:+,.0f}"


def _show(answer: WhatIf, console: Console) -> None:
    currency, total = answer.currency, answer.total
    console.print(f"\n[bold]{answer.name}[/]", highlight=False)
    console.print(
        f"{f.day(total.first_day)} to {f.day(total.last_day)} in {currency}, as of {f.day(answer.as_of)}; usage and "
        f"prices are those of {f.day(answer.window[0])} to {f.day(answer.window[1])}\n",
        highlight=False,
    )
    table = Table("", box=None, header_style="bold", pad_edge=False)
    for heading in ("Without", "With", "Difference", "80 of 100 cases", "95 of 100"):
        table.add_column(heading, justify="right")
    for name, months in (*((_month(one), one) for one in answer.months), ("Total", total)):
        gap = months.difference
        table.add_row(
            name,
            f"{months.without.expected:,.0f}",
            f"{months.with_changes.expected:,.0f}",
            f"{gap.expected:+,.0f}",
            f"{gap.lo80:+,.0f} to {gap.hi80:+,.0f}",
            f"{gap.lo95:+,.0f} to {gap.hi95:+,.0f}",
            style="bold" if name == "Total" else None,
        )
    console.print(table)
    console.print(f"\nIt saves money in {f.percent(answer.share_of_draws_that_save)} of {answer.draws:,} draws.")
    console.print("\n[bold]What each change does[/]")
    for effect in answer.effects:
        console.print(f"{effect.effect:>+14,.0f}  {effect.change}", highlight=False, soft_wrap=True)
    console.print("\n[bold]What the difference hangs on[/]")
    console.print(_tornado(answer))
    if any(swing.is_assumed for swing in answer.swings):
        console.print("* one value is given; 10% to either side of it is assumed", style="dim")
    console.print("\n[bold]Whose money[/]")
    for part in answer.parts[:10]:
        owner = " · ".join(name for name in (part.team, part.app) if name) or "no owner"
        console.print(f"{part.without:>14,.0f} → {part.with_changes:,.0f}  {owner}", highlight=False)
    for note in answer.notes:
        console.print(f"[yellow]![/] {note}", highlight=False, soft_wrap=True)


def _month(months: Months) -> str:
    """Its name, and its days where it is not whole."""
    next_day = months.last_day + timedelta(days=1)
    if months.first_day.day == 1 and next_day.day == 1:
        return f.month(months.first_day)
    return f"{months.first_day.day}–{f.short_day(months.last_day)}"


def _tornado(answer: WhatIf) -> Table:
    """A bar for each number: how far it moves the difference, the widest first."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right")
    widest = max((swing.width for swing in answer.swings), default=Decimal(0))
    for swing in answer.swings:
        length = int(_BAR * swing.width / widest) if widest else 0
        given = (
            "10th to 90th path"
            if swing.what == "the forecast itself"
            else f"{_plain(swing.low)} to {_plain(swing.high)}"
        )
        table.add_row(
            "█" * max(length, 1),
            f"{swing.what} ({given}){'*' if swing.is_assumed else ''}",
            f"{swing.difference_at_low:+,.0f}",
            f"{swing.difference_at_high:+,.0f}",
        )
    return table


def _plain(value: Decimal) -> str:
    return f"{value.normalize():,f}"


def _write_csv(answer: WhatIf, file: Path) -> None:
    levels = ("expected", "lo80", "hi80", "lo95", "hi95")
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(
            ["scenario", "currency", "first_day", "last_day"]
            + [f"{what}_{level}" for what in ("without", "with", "difference") for level in levels]
        )
        for months in answer.months:
            spreads = (months.without, months.with_changes, months.difference)
            amounts = [format(getattr(spread, level), "f") for spread in spreads for level in levels]
            writer.writerow([answer.scenario_id, answer.currency, months.first_day, months.last_day, *amounts])


def _write_page(answer: WhatIf, file: Path) -> None:
    from reports import render_what_if, write_page

    try:
        write_page(render_what_if(asdict(answer)), file)
    except OSError as error:
        fail(f"{file} cannot be written ({error.strerror}): name another file")
    Console().print(f"\nPage written to {file}", highlight=False, soft_wrap=True)


# ── answers that are kept ─────────────────────────────────────────────────────────────────────────────────────────────


def _keep(home: Home, answer: WhatIf) -> Path:
    """One file for each scenario and day: asked again on the same day, the answer takes the old one's place."""
    home.whatif.mkdir(parents=True, exist_ok=True)
    path = home.whatif / f"{answer.scenario_id}.{answer.as_of}.json"
    part = path.with_suffix(".part")
    part.write_text(answer.to_json(), encoding="utf-8")
    part.replace(path)
    return path


def _saved(home: Home) -> list[WhatIf]:
    """Oldest first."""
    from models import WhatIf

    found = []
    for path in home.whatif.glob("*.json"):
        try:
            found.append(WhatIf.from_json(path.read_text(encoding="utf-8")))
        except (ValueError, KeyError) as error:
            fail(f"{path} cannot be read ({error}): remove it and run the scenario again")
    return sorted(found, key=lambda answer: (answer.as_of, answer.scenario_id))


def _answer(home: Home, scenario: str) -> WhatIf:
    of_scenario = [answer for answer in _saved(home) if answer.scenario_id == scenario]
    if not of_scenario:
        fail(f"scenario {scenario!r} was not answered yet: `aifinops whatif run {scenario}`")
    return of_scenario[-1]


def _scenarios(config: Path | None, file: Path | None) -> list[Scenario]:
    from finops.config import ConfigError, load_scenarios

    if file is None:
        return configuration_of(config).scenarios.scenarios
    try:
        return load_scenarios(file)
    except ConfigError as error:
        fail(str(error))


def _named(scenarios: list[Scenario], name: str) -> Scenario:
    for scenario in scenarios:
        if scenario.id == name:
            return scenario
    known = ", ".join(scenario.id for scenario in scenarios) or "none"
    return fail(f"no scenario {name!r}. Known: {known}")
