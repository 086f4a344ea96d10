"""Digests and packs say what the bill says, the same on paper, in HTML and in a mail; nothing is drawn by half."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from pypdf import PdfReader

from finops.periods import BillingPeriod, IsoWeek
from reports import formatting as f
from reports.dashboards.access import Published, Role, Viewer
from reports.dashboards.model import Cell, Column, Page, Row, Section, Table, Tile, Tiles
from reports.dashboards.pages import digest, pack
from reports.dashboards.view import Operations, View
from reports.documents.editions import changes_since, figures_of, with_changes, write_edition
from reports.documents.email import Attached, document_email, document_message
from reports.documents.html import render_html
from reports.documents.kept import newest_edition, slug
from reports.documents.pdf import Letterhead, render_pdf
from reports.documents.periods import NothingBilledError, view_of, week_period
from reports.documents.plot import UndrawnError, picture
from reports.figures.traces import Figure, bar, figure, scatter
from reports.messages import MAX_EMAIL_BYTES, preview_message, teams_card
from reports.page.chart import Chart
from tests.support import mart_factory
from tests.support.mart_factory import AS_OF

pytestmark = [pytest.mark.ids("BI-1", "NOTIF-1"), pytest.mark.xdist_group("dashboards")]

WEEK, MONTH = IsoWeek.parse("2026-W42"), BillingPeriod.parse("2026-09")
HEAD = Letterhead("Contoso", "Week 42, 12–18 Oct 2026", "20 Oct 2026, 06:00 UTC")


@pytest.fixture(scope="module")
def marts(published_folder: Path) -> Iterator[Published]:
    with Published(published_folder) as found:
        yield found


@pytest.fixture(scope="module")
def week(marts: Published) -> View:
    operations = Operations(decisions=mart_factory.decisions())
    return view_of(marts, WEEK, as_of=AS_OF, operations=operations)


@pytest.fixture(scope="module")
def month(marts: Published) -> View:
    return view_of(marts, MONTH, as_of=AS_OF)


@pytest.fixture(scope="module")
def week_page(week: View) -> Page:
    return digest.build(week)


@pytest.fixture(scope="module")
def month_page(month: View) -> Page:
    return pack.build(month)


@pytest.fixture(scope="module")
def week_pdf(week_page: Page) -> PdfReader:
    return PdfReader(io.BytesIO(render_pdf(week_page, HEAD)))


def spent(folder: Path, first: str, last: str, condition: str = "true") -> Decimal:
    """AI spend in USD, summed without the product."""
    rows = duckdb.sql(
        f"select effective_cost from read_parquet('{folder}/fct_ai_cost_daily.parquet') where is_ai and "
        f"billing_currency = 'USD' and usage_date between '{first}' and '{last}' and {condition}"
    ).fetchall()
    assert rows
    return sum((amount for (amount,) in rows), Decimal(0))


def tiles(page: Page) -> dict[str, Tile]:
    return {tile.label: tile for block in blocks(page) if isinstance(block, Tiles) for tile in block.tiles}


def blocks(page: Page) -> list[object]:
    return [block for section in page.sections for row in section.rows for block in row]


def table(page: Page, key: str) -> Table:
    (found,) = [block for block in blocks(page) if isinstance(block, Table) and block.key == key]
    return found


def words(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_a_week_is_what_the_bill_says_against_the_week_before(published_folder: Path, week_page: Page) -> None:
    now, before = (
        spent(published_folder, "2026-10-12", "2026-10-18"),
        spent(published_folder, "2026-10-05", "2026-10-11"),
    )
    tile = tiles(week_page)["AI spend"]
    assert tile.value == f.whole_money(now, "USD")
    assert tile.sub == f"{f.signed_percent((now - before) / before)} against the week before"
    teams = table(week_page, "teams")
    assert teams.total is not None
    assert teams.total.cells[1].text == tile.value, "the table adds up to the tile"
    assert sum((row.cells[1].sort for row in teams.rows), Decimal(0)) == now, "to the last digit, nobody's included"
    first = next(note.text for block in blocks(week_page) for note in getattr(block, "notes", ()))
    assert f.money(now - before, "USD") in first, "the first sentence says by how much it changed"


def test_who_moved_it_most_is_named(published_folder: Path, week_page: Page) -> None:
    team, app = (
        spent(published_folder, "2026-10-12", "2026-10-18", condition)
        - spent(published_folder, "2026-10-05", "2026-10-11", condition)
        for condition in ("team = 'robotics'", "team = 'robotics' and app = 'sim-lab'")
    )
    told = [note.text for block in blocks(week_page) for note in getattr(block, "notes", ())][1]
    expected = f"robotics ({f.signed_money(team, 'USD')}, of which sim-lab {f.signed_money(app, 'USD')})"
    assert told == f"Most of it is {expected}."


def test_what_could_be_saved_adds_up_to_the_tile(week_page: Page) -> None:
    found = table(week_page, "savings")
    assert found.total is not None
    assert len(found.rows) > 1
    assert found.total.cells[2].sort == sum((row.cells[2].sort for row in found.rows), Decimal(0))
    assert tiles(week_page)["Could be saved a month"].value == found.total.cells[2].text


def test_a_team_hears_of_itself_only(published_folder: Path) -> None:
    viewer = Viewer("team support", frozenset({Role.ENG}), frozenset({"support"}))
    with Published(published_folder, viewer) as own:
        page = digest.build(
            view_of(own, WEEK, as_of=AS_OF, team="support", operations=Operations(mart_factory.decisions()))
        )
    now = spent(published_folder, "2026-10-12", "2026-10-18", "team = 'support'")
    assert tiles(page)["AI spend"].value == f.whole_money(now, "USD")
    text = preview_message(document_email(page, HEAD, thread="x")) or ""
    assert "support-copilot" in text
    assert "robotics" not in text
    assert "vision-train" not in text, "no other team's incident"


def test_a_month_is_tied_to_budget_and_bill(published_folder: Path, month_page: Page) -> None:
    now = spent(published_folder, "2026-09-01", "2026-09-30")
    assert tiles(month_page)["AI spend"].value == f.whole_money(now, "USD")
    for key in ("teams", "by-business-unit", "apps"):
        found = table(month_page, key)
        assert sum((row.cells[1].sort for row in found.rows), Decimal(0)) == now, key
    invoices = table(month_page, "invoices")
    assert {row.cells[-1].text for row in invoices.rows} == {"ties"}
    assert tiles(month_page)["Against the budget"].value == "No budget", "no history of budgets is published here"


def test_days_that_are_not_billed_are_told_and_compared_alike(published_folder: Path, week: View) -> None:
    early = dataclasses.replace(week, period=week_period(WEEK, date(2026, 10, 17)), billed_through=date(2026, 10, 17))
    page = digest.build(early)
    assert page.states[0].text.startswith(
        "1 day of Week 42, 12–18 Oct 2026 is not billed yet: figures go through 17 Oct"
    )
    now, before = (
        spent(published_folder, "2026-10-12", "2026-10-17"),
        spent(published_folder, "2026-10-05", "2026-10-10"),
    )
    said = f"{f.signed_percent((now - before) / before)} against the same days of the week before"
    assert tiles(page)["AI spend"].sub == said, "six days are never compared with seven"


def test_a_period_without_a_bill_is_refused(marts: Published) -> None:
    with pytest.raises(NothingBilledError, match="No day of 2026-W43 is billed in USD"):
        view_of(marts, IsoWeek.parse("2026-W43"), as_of=AS_OF)
    with pytest.raises(NothingBilledError, match="there are bills in USD, EUR"):
        view_of(marts, WEEK, as_of=AS_OF, currency="CHF")


def test_paper_says_what_html_and_mail_say(week: View, week_page: Page, week_pdf: PdfReader) -> None:
    paper = words(" ".join(page.extract_text() for page in week_pdf.pages))
    html = words(re.sub(r"<[^>]+>", " ", render_html(week_page, week, HEAD)))
    mail = document_email(week_page, HEAD, thread="x")["email"]
    figures = {tile.value for tile in tiles(week_page).values() if any(c.isdigit() for c in tile.value)}
    figures |= {row.cells[1].text for row in table(week_page, "teams").rows}
    assert len(figures) > 8
    for amount in figures:
        plain = amount.replace(f.NBSP, " ")
        assert plain in paper.replace(f.NBSP, " ")
        assert plain in html.replace("\xa0", " ")
        assert plain in words(mail["text"])
        assert plain in words(mail["html"]).replace("\xa0", " ").replace("&nbsp;", " ")


def test_paper_is_a4_with_numbers_title_language_outline_and_fonts_inside(week_pdf: PdfReader) -> None:
    assert [round(float(side)) for side in week_pdf.pages[0].mediabox[2:]] == [595, 842]
    for number, page in enumerate(week_pdf.pages, 1):
        text = page.extract_text()
        assert f"Page {number} of {len(week_pdf.pages)}" in text
        assert "Contoso · Weekly AI spend" in text
        assert "As of 20 Oct 2026" in text
        for font in page["/Resources"]["/Font"].values():
            inside = font.get_object().get("/FontDescriptor")
            assert inside is None or "/FontFile2" in inside, "a font is missing on the reader's machine"
    said = week_pdf.metadata
    assert said is not None
    assert (said.title, said.author) == ("Weekly AI spend, Week 42, 12–18 Oct 2026", "Contoso")
    assert week_pdf.trailer["/Root"]["/Lang"] == "en-GB"
    assert [entry.title for entry in week_pdf.outline] == [
        "In short",
        "By team",
        "What could be saved",
        "What happened",
    ]  # type: ignore[union-attr]


def test_headings_of_a_long_table_are_on_every_sheet() -> None:
    rows = tuple(Row((Cell(f"app-{i} <b>&"), Cell(f"USD {i}"))) for i in range(120))
    long = Table(
        "long", "Apps", (Column("App"), Column("Money", "number")), rows, "", total=Row((Cell("All"), Cell("7")))
    )
    reader = PdfReader(io.BytesIO(render_pdf(Page("p", "Title", "?", (Section("s", "Part", ((long,),)),)), HEAD)))
    texts = [page.extract_text() for page in reader.pages]
    assert len(texts) > 2
    assert all("Money" in text for text in texts)
    assert "app-7 <b>&" in texts[0], "names are never markup"
    assert "app-119" in texts[-1]


def test_the_same_page_is_the_same_bytes() -> None:
    page = Page("p", "Title", "?", (Section("s", "Part", ((Tiles((Tile("A", "1", spark=(1.0, None, 2.0)),)),),)),))
    assert render_pdf(page, HEAD) == render_pdf(page, HEAD)


def test_every_figure_of_both_documents_can_be_drawn(week_page: Page, month_page: Page) -> None:
    charts = [block for page in (week_page, month_page) for block in blocks(page) if isinstance(block, Chart)]
    drawn = [chart for chart in charts if chart.figure is not None]
    assert len(drawn) >= 9
    for chart in drawn:
        assert chart.figure is not None
        assert picture(chart.figure, width=3, height=1.5, dpi=40).startswith(b"\x89PNG"), chart.key


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (figure([{"type": "pie", "values": [1]}], {}), "a trace of type pie"),
        (figure([bar(x=["a"], y=[1], marker={"color": "#000000"}, error_y={"array": [1]})], {}), "error_y"),
        (figure([scatter(x=[1], y=[1], line={"color": "#000000", "dash": "5px 10px"}, mode="lines")], {}), "dash"),
        (figure([scatter(x=[1], y=[1], fill="toself", fillcolor="#000000")], {}), "fill"),
        (
            figure([bar(x=["a"], y=[1], marker={"color": "#000000"})], {"yaxis": {"type": "log", "tickformat": ".3f"}}),
            "number format",
        ),
    ],
)
def test_what_cannot_be_drawn_is_an_error_and_never_missing(shown: Figure, said: str) -> None:
    with pytest.raises(UndrawnError, match=said):
        picture(shown, width=3, height=2)


def test_a_mail_is_short_enough_and_carries_its_picture(month_page: Page) -> None:
    attached = [Attached("pack.pdf", "digests/pack.pdf", "0" * 64)]
    content = document_email(
        month_page, HEAD, thread="t", sections=2, link="https://finops.example.com/p", attached=attached
    )
    assert len(json.dumps(content).encode()) <= MAX_EMAIL_BYTES
    mail = content["email"]
    assert list(mail["images"]) == re.findall(r'src="cid:([^"]+)"', mail["html"])
    assert len(mail["images"]) == 1
    assert "All of it is attached: pack.pdf" in words(mail["html"])
    assert "<script" not in mail["html"]
    assert "How to read this" not in mail["text"], "the rest is attached"
    whole = document_email(month_page, HEAD, thread="t")
    assert len(json.dumps(whole).encode()) <= MAX_EMAIL_BYTES, "what does not fit is left to the attached file"
    assert "The month in short" in whole["email"]["text"]
    with pytest.raises(ValueError, match="no http or https address"):
        document_email(month_page, HEAD, thread="t", link="javascript:alert(1)")


def test_teams_gets_it_in_short(week_page: Page) -> None:
    message = document_message(week_page, HEAD, thread="t", link="https://finops.example.com/p/executive")
    card = json.dumps(teams_card(message), ensure_ascii=False)
    assert tiles(week_page)["AI spend"].value in card
    assert "https://finops.example.com/p/executive" in card


def test_an_html_file_needs_nothing_else(week: View, week_page: Page) -> None:
    html = render_html(week_page, week, HEAD)
    assert "data-figure" not in html, "every chart is a picture"
    assert html.count('src="data:image/png') == 1
    assert "<script" not in html
    assert not re.search(r'(src|href)="(?!data:|#)', html)


def test_a_changed_month_says_what_changed(month: View, month_page: Page, tmp_path: Path) -> None:
    folder = tmp_path / "digests" / "2026-09" / "board"
    page = Page(
        "pack", "Monthly AI cost pack", "?", (Section("s", "Part", ((Tiles(tuple(tiles(month_page).values())),),)),)
    )
    first = write_edition(folder, 1, page, month, HEAD, home=tmp_path, thread="t", sections_in_mail=1)
    assert newest_edition(folder) == first
    assert changes_since(first, figures_of(month), "September 2026") == (), "the same figures are no news"
    moved = dict(first.figures)
    moved["AI spend"] += Decimal("12.34")
    moved["Team search"] += Decimal("12.34")
    moved["Team fraud"] += Decimal("0.004")
    told = changes_since(first, moved, "September 2026")
    assert told[0].endswith(f"+USD{f.NBSP}12.34.")
    assert "edition 1 of 20 Oct 2026" in told[0]
    assert [line.partition(":")[0] for line in told[1:]] == ["Team search"], "less than a cent is no change"
    page = with_changes(page, 2, told)
    assert page.title == "Monthly AI cost pack, edition 2"
    assert [note.text for note in page.states[: len(told)]] == list(told)


@pytest.mark.ids("SEC-2")
@pytest.mark.parametrize("name", ["../../etc", "a/b", "Ünïcode", "x" * 300, "", ".hidden", "search"])
def test_a_team_of_any_name_is_a_safe_folder(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,80}", slug(name))
    assert slug(name) != slug(name + "x")
    assert slug("search") == "search"
