"""The page of a what-if's answer: whole, escaped, offline, and exact where it says so."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from reports import render_what_if
from reports.whatif.page import month_name, verdict
from tests.support.html_structure import Structure, without_plotly
from tests.support.mart_factory import spread
from tests.support.mart_factory import what_if_answer as answer


def figures(page: str) -> dict[str, Any]:
    found = re.search(r'id="page-figures">(.*?)</script>', page, flags=re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


@pytest.mark.ids("FCST-1", "BI-1")
def test_the_page_says_what_the_answer_says() -> None:
    page = render_what_if(answer(), title="Northwind").replace("\xa0", " ")
    for words in (
        "Search grows",
        "−USD 2,104",
        "−3,000 to −1,200 in 80 of 100 cases",
        "It is expected to save USD 2,104, and saves money in 99.6% of the draws.",
        "20–31 Oct",
        "November 2026",
        "95: −3,500 to −400",
        "text-embedding-3-large has no price for cache_read",
        "the forecast itself (10th to 90th path)",
        "the cache: rate (0.3 to 0.6)*",
        "10% to either side of it is assumed",
    ):
        assert words in page, words
    assert page.index("product-search</th>") < page.index("query-rewriter</th>")


@pytest.mark.ids("FCST-1")
def test_the_waterfall_ends_at_the_difference_and_the_tornado_starts_from_it() -> None:
    drawn = figures(render_what_if(answer()))
    [waterfall] = drawn["effects"]["data"]
    assert waterfall["x"] == [895.7, -3000.0, -2104.3]
    assert waterfall["measure"] == ["relative", "relative", "total"]
    low, high = drawn["swings"]["data"]
    assert low["base"] == high["base"] == -2104.3
    assert [low["base"] + length for length in low["x"]] == pytest.approx([-900, -2000])
    assert [high["base"] + length for length in high["x"]] == pytest.approx([-3300, -2200])
    without, after = drawn["months"]["data"]
    assert without["y"] == [35294.2, 88526.6]
    assert after["error_y"]["array"] == pytest.approx([3228.1, 9525.4])


@pytest.mark.ids("SEC-2")
def test_nothing_points_outside_and_names_are_text() -> None:
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    poisoned = answer() | {
        "name": hostile,
        "notes": (hostile,),
        "effects": ({"change": hostile, "effect": Decimal("-2104.3")},),
        "parts": ({"team": hostile, "app": hostile, "without": Decimal(1), "with_changes": Decimal(2)},),
    }
    page = render_what_if(poisoned, title=hostile)
    assert "<img" not in page
    assert "<script>alert" not in page
    own = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', own) == []
    assert "default-src 'none'" in own
    ticks = figures(page)["effects"]["layout"]["yaxis"]["ticktext"]
    assert "<img" not in "".join(ticks).replace("<br>", " ")


@pytest.mark.ids("FCST-1")
def test_an_answer_without_changes_in_money_stands_in_words() -> None:
    nothing = answer() | {"effects": (), "swings": (), "parts": (), "notes": ()}
    page = render_what_if(nothing)
    for words in ("The scenario changes nothing.", "No app's money changes.", "Nothing had to be assumed"):
        assert words in page, words


@pytest.mark.ids("FCST-1")
def test_no_draw_and_every_draw_are_said_only_when_true() -> None:
    gap = {"difference": spread("10", "0", "0", "0", "0")}
    dearer = answer() | {"total": answer()["total"] | gap, "share_of_draws_that_save": Decimal(0)}
    assert verdict(dearer).replace("\xa0", " ") == "It is expected to cost USD 10.00 more, and saves money in no draw."
    assert "in 0.4% of" in verdict(dearer | {"share_of_draws_that_save": Decimal("0.004")})
    assert "in every draw" in verdict(answer() | {"share_of_draws_that_save": Decimal(1)})


@pytest.mark.ids("FCST-1")
def test_a_month_that_is_not_whole_is_named_by_its_days() -> None:
    assert month_name(date(2026, 2, 1), date(2026, 2, 28)) == "February 2026"
    assert month_name(date(2026, 2, 1), date(2026, 2, 27)) == "1–27 Feb"


@pytest.mark.ids("BI-1")
def test_its_structure_is_sound_and_accessible() -> None:
    found = Structure(without_plotly(render_what_if(answer())))
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    assert set(found.anchors) <= set(found.ids)
    assert found.tables == found.captions == 2
    assert found.unlabelled == []
    assert found.headings[0] == 1
    assert all(after - before <= 1 for before, after in zip(found.headings, found.headings[1:], strict=False))
