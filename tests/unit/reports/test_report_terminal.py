"""The summary in terminals of different kinds."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from rich.console import Console

from reports.summary import Summary, summarise
from reports.terminal import render_terminal
from tests.support.mart_factory import AS_OF


def shown(summary: Summary, width: int, *, color: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=color, color_system="truecolor" if color else None)
    console.print(render_terminal(summary))
    return out.getvalue().replace("\xa0", " ")


@pytest.mark.ids("BI-1")
@pytest.mark.parametrize("width", [120, 80, 48])
def test_the_important_figures_are_there_at_every_width(summary: Summary, width: int) -> None:
    text = " ".join(shown(summary, width).split())
    for words in ("USD 55,322", "18 Oct 2026", "robotics", "support-copilot", "Over budget", "critical", "96.9%"):
        assert words in text, words
    assert all(len(line) <= width for line in shown(summary, width).splitlines())


@pytest.mark.ids("BI-1")
def test_no_colour_codes_without_colour(summary: Summary) -> None:
    assert "\x1b" not in shown(summary, 100)
    assert "\x1b[" in shown(summary, 100, color=True)


@pytest.mark.ids("BI-1")
def test_without_data_it_says_what_to_do() -> None:
    text = shown(summarise({}, as_of=AS_OF), 80)
    assert "Connect a source in config/sources.yml" in text
    assert "USD 0" not in text


@pytest.mark.ids("BI-1")
def test_markup_in_a_name_is_text(marts: dict[str, pd.DataFrame]) -> None:
    cost = marts["fct_ai_cost_daily"]
    renamed = cost.assign(team=cost["team"].replace({"robotics": "[red]x[/red]"}))
    text = shown(summarise({**marts, "fct_ai_cost_daily": renamed}, as_of=AS_OF), 120)
    assert "[red]x[/red]" in text
