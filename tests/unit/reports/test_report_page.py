"""The page as HTML: complete, escaped, self-contained, with words where data is missing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import pytest

from reports.figures import theme
from reports.marts import as_marts
from reports.page import render_page, write_page
from reports.page.document import script_json
from reports.page.view import build_view, sparkline
from reports.summary import Summary, summarise
from tests.support.html_structure import Structure, without_plotly
from tests.support.mart_factory import AS_OF, Organisation, build_marts, decisions

CSS = Path(__file__).parents[3] / "reports" / "page" / "page.css"


@pytest.fixture(scope="module")
def page(marts: dict[str, pd.DataFrame], summary: Summary) -> str:
    return render_page(summary, marts, decisions=decisions(), title="Northwind")


@pytest.mark.ids("BI-1")
def test_the_page_says_what_the_summary_says(page: str) -> None:
    text = page.replace("\xa0", " ")
    for words in (
        "Northwind",
        "billed through <strong>18 Oct 2026</strong>",
        "USD 55,322",
        "80% interval",
        "Dry run",
        "mlw-untagged",
        "query-rewriter used USD 842",
        "Reconciled",
        "of the bill rejected",
        "Prophet",
    ):
        assert words in text, words


@pytest.mark.ids("BI-1")
def test_structure_is_sound_and_accessible(page: str) -> None:
    found = Structure(without_plotly(page))
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    assert set(found.anchors) <= set(found.ids)
    assert len(found.anchors) >= 15
    assert found.tables == found.captions > 8
    assert found.unlabelled == []
    assert found.headings[0] == 1
    assert all(after - before <= 1 for before, after in zip(found.headings, found.headings[1:], strict=False))


@pytest.mark.ids("BI-1", "SEC-2")
def test_nothing_points_outside_and_scripts_run_by_hash_only(page: str) -> None:
    own = without_plotly(page)
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', own) == []
    assert "@import" not in own
    assert "url(" not in own
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    assert "default-src 'none'" in policy[1]
    assert "unsafe-inline" not in policy[1].split("script-src")[1].split(";")[0]


@pytest.mark.ids("BI-1", "SEC-2")
def test_names_are_text_everywhere(marts: dict[str, pd.DataFrame]) -> None:
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    cost = marts["fct_ai_cost_daily"]
    poisoned = {
        **marts,
        "fct_ai_cost_daily": cost.assign(
            team=cost["team"].replace({"robotics": hostile}), resource_name=hostile, service_name=hostile
        ),
        "fct_incident": marts["fct_incident"].assign(scope_value=hostile, explanation=hostile, owner=hostile),
        "fct_rejected_row": marts["fct_rejected_row"].assign(reason=hostile),
    }
    found = summarise(poisoned, as_of=AS_OF)
    page = render_page(found, poisoned, decisions=[{**decisions()[0], "reason": hostile}], title=hostile)
    assert "<img" not in page
    assert "<script>alert" not in page
    figures = re.search(r'id="page-figures">(.*?)</script>', page, flags=re.DOTALL)
    assert figures
    names = {trace.get("name") for trace in json.loads(figures[1])["daily"]["data"]}
    assert any(name and "&lt;img" in name for name in names)


@pytest.mark.ids("BI-1")
def test_json_in_a_script_cannot_end_it() -> None:
    value = {"a": "</script><!--&\u2028"}
    assert not set("<>&\u2028") & set(script_json(value))
    assert json.loads(script_json(value)) == value


@pytest.mark.ids("BI-1")
def test_without_any_data_the_page_is_words() -> None:
    found = summarise({}, as_of=AS_OF)
    page = render_page(found, {})
    assert Structure(without_plotly(page)).open == []
    assert "there is nothing to report" in page
    assert "No guardrail has fired." in page
    assert "USD" not in without_plotly(page)
    assert re.search(r'id="page-figures">\{\}<', page)


@pytest.mark.ids("BI-1")
@pytest.mark.parametrize(
    "absent",
    [
        "fct_ai_cost_daily",
        "fct_usage_cost_hourly",
        "fct_gpu_hourly",
        "fct_unit_economics_daily",
        "fct_allocation_coverage_monthly",
        "fct_budget_status",
        "fct_incident",
        "fct_forecast_daily",
        "fct_forecast_accuracy",
        "fct_reconciliation_daily",
        "fct_rejected_row",
    ],
)
def test_the_page_stands_without_any_one_mart(marts: dict[str, pd.DataFrame], absent: str) -> None:
    partial = {name: frame for name, frame in marts.items() if name != absent}
    page = render_page(summarise(partial, as_of=AS_OF), partial, decisions=decisions())
    found = Structure(without_plotly(page))
    assert found.open == []
    assert set(found.anchors) <= set(found.ids)
    assert "USD 748" in page.replace("\xa0", " ") or absent in ("fct_usage_cost_hourly", "fct_ai_cost_daily")


@pytest.mark.ids("BI-1", "COST-1")
def test_two_currencies_have_two_sets_of_sections(marts: dict[str, pd.DataFrame]) -> None:
    euros = build_marts(Organisation(days=70, currency="EUR"))
    both = {name: pd.concat([frame, euros[name]], ignore_index=True) for name, frame in marts.items()}
    both["fct_gpu_hourly"] = marts["fct_gpu_hourly"]
    page = render_page(summarise(both, as_of=AS_OF), both)
    found = Structure(without_plotly(page))
    assert len(found.ids) == len(set(found.ids))
    assert set(found.anchors) <= set(found.ids)
    assert "spend" in found.ids
    assert "spend-eur" in found.ids


@pytest.mark.ids("BI-1")
def test_every_chart_is_small_and_uses_design_tokens_only(marts: dict[str, pd.DataFrame], summary: Summary) -> None:
    view = build_view(summary, as_marts(marts))
    drawn = [chart for chart in view.all_charts if chart.figure is not None]
    assert len(drawn) >= 14
    css = CSS.read_text(encoding="utf-8")
    for chart in drawn:
        text = json.dumps(chart.figure.to_plotly_json())
        assert len(text) < 60_000, chart.key
        assert not re.search(r"#[0-9a-fA-F]{6}", text), chart.key
        for token in set(re.findall(r"var\((--[a-z0-9-]+)\)", text)):
            assert f"{token}:" in css, token
        assert chart.label


@pytest.mark.ids("BI-1")
def test_the_daily_chart_holds_every_billed_cent(marts: dict[str, pd.DataFrame], summary: Summary) -> None:
    view = build_view(summary, as_marts(marts))
    chart = view.currencies[0].charts["daily"].figure
    assert isinstance(chart, go.Figure)
    bars = [trace for trace in chart.data if trace.type == "bar"]
    billed = [trace for trace in bars if trace.marker.pattern.shape != "/"]
    estimated = [trace for trace in bars if trace.marker.pattern.shape == "/"]
    cost = marts["fct_ai_cost_daily"]
    recent = cost[cost["is_ai"] & (cost["usage_date"] > pd.Timestamp("2026-08-19").date())]
    assert sum(sum(trace.y) for trace in billed) == pytest.approx(float(sum(recent["effective_cost"])), abs=5)
    assert estimated
    assert min(min(trace.x) for trace in estimated) == "2026-10-19"
    assert {trace.name for trace in chart.data} >= {"Forecast", "80% interval"}


@pytest.mark.ids("BI-1")
def test_teams_beyond_the_palette_share_one_colour(marts: dict[str, pd.DataFrame]) -> None:
    cost = marts["fct_ai_cost_daily"].reset_index(drop=True)
    crowded = cost.assign(team=[f"team-{n % 30:02}" for n in range(len(cost))])
    partial = {**marts, "fct_ai_cost_daily": crowded}
    view = build_view(summarise(partial, as_of=AS_OF), as_marts(partial))
    chart = view.currencies[0].charts["daily"].figure
    assert chart is not None
    names = [trace.name for trace in chart.data if trace.type == "bar" and trace.showlegend is None]
    assert theme.OTHERS in names
    assert len(names) <= len(theme.SERIES) + 1


@pytest.mark.ids("BI-1", "UNIT-3")
def test_models_of_an_app_are_drawn_against_each_other(marts: dict[str, pd.DataFrame], summary: Summary) -> None:
    chart = build_view(summary, as_marts(marts)).currencies[0].charts["tradeoff"]
    assert chart.figure is not None
    [app] = chart.figure.data
    assert (app.name, list(app.text), list(app.x)) == ("support-copilot", ["gpt-5-mini", "gpt-4.1"], [1.7, 11.8])
    assert list(app.marker.symbol) == ["circle", "circle-open"]
    assert "October 2026" in chart.caption
    assert "saved USD\N{NO-BREAK SPACE}3,796" in chart.caption
    nobody_judged = {name: frame for name, frame in marts.items() if name != "fct_model_tradeoff_monthly"}
    bare = build_view(summarise(nobody_judged, as_of=AS_OF), as_marts(nobody_judged)).currencies[0].charts["tradeoff"]
    assert bare.figure is None
    assert "quality_score" in bare.empty


@pytest.mark.ids("BI-1")
def test_sparklines_start_at_zero() -> None:
    assert sparkline([0, 5, 10]) == "0.0,23.0 50.0,12.0 100.0,1.0"
    assert sparkline([0, 0]) == "0.0,23.0 100.0,23.0"


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.ids("BI-1")
@pytest.mark.parametrize("block", [":root {", ':root[data-theme="dark"] {', ":root:not([data-theme]) {"])
def test_text_has_enough_contrast_in_both_themes(block: str) -> None:
    """WCAG 2.2 AA: 4.5 to 1."""
    css = CSS.read_text(encoding="utf-8")
    tokens = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", css.split(block, 1)[1].split("}", 1)[0]))
    pairs = [("ink", "surface"), ("ink", "bg"), ("ink-2", "surface"), ("ink-2", "bg"), ("accent", "surface")]
    pairs += [(tone, f"{tone}-bg") for tone in ("good", "warn", "bad")] + [("ink-2", "neutral-bg")]
    for text, ground in pairs:
        light, dark = sorted((luminance(tokens[text]), luminance(tokens[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (block, text, ground)


@pytest.mark.ids("BI-1")
def test_the_page_replaces_the_former_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "index.html"
    write_page("one", path)
    assert write_page("two", path).read_text(encoding="utf-8") == "two"
    assert [file.name for file in path.parent.iterdir()] == ["index.html"]
