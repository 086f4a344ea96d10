"""Charts have room on a phone: few round ticks, long names on several lines, names of points beside each other.

Here: what a figure asks Plotly for. Not here: how a browser lays it out (``tests/e2e``).
"""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.figures import frontier, savings, tokens
from reports.figures.theme import in_lines, log_ticks

AMOUNTS = st.floats(min_value=1e-6, max_value=1e12)


@pytest.mark.ids("BI-1")
@given(st.lists(AMOUNTS, min_size=1, max_size=30))
def test_a_logarithmic_axis_has_one_to_five_round_ticks_near_its_values(values: list[float]) -> None:
    ticks = log_ticks(values)
    assert 1 <= len(ticks) <= 5
    assert ticks == sorted(set(ticks))
    assert all(float(f"{tick:.1g}") == pytest.approx(tick) for tick in ticks)
    assert min(values) / 2 < ticks[0]
    assert ticks[-1] < max(values) * 2


@pytest.mark.ids("BI-1")
def test_requests_and_savings_name_things_on_short_lines() -> None:
    rows = [
        {"app": "product-search", "model": "text-embedding-3-large", "half": 900, "most": 4_000},
        {"app": "triage", "model": "gpt-5-mini", "half": 12_000, "most": 80_000},
    ]
    drawn = go.Figure(tokens.lengths(rows))
    assert list(drawn.data[1].y) == ["triage<br>gpt-5-mini", "product-search<br>text-embedding-3-large"]
    assert list(drawn.layout.xaxis.tickvals) == [1_000, 3_000, 10_000, 30_000, 100_000]
    label = "Provisioned throughput below break-even"
    kinds = go.Figure(savings.by_kind([{"label": label, "billed": 3, "estimated": 1}], "USD"))
    assert kinds.data[0].y == ("Provisioned throughput<br>below break-even",)
    assert kinds.layout.xaxis.showtickprefix == "first"
    assert in_lines("text-embedding-3-large-and-a-long-tail") == "text-embedding-3-large-and-a-long-tail"


@pytest.mark.ids("BI-1")
def test_names_of_models_that_cost_nearly_the_same_do_not_stand_on_each_other() -> None:
    points = pd.DataFrame(
        [("a", "one", 10.0, 0.90), ("b", "two", 11.0, 0.91), ("b", "far-away", 60.0, 0.70), ("b", "last", 400.0, 0.80)],
        columns=["app", "model", "cost", "quality"],
    ).assign(low=0.6, high=0.95, is_on_frontier=True)
    one, two = go.Figure(frontier.scatter(points, ["a", "b"], "USD")).data
    assert (one.text, two.text) == (("one",), ("two", "far-away", "last"))
    near, far, _ = two.textposition
    assert one.textposition[0] != near
    assert far == "top center", "where nothing is near, a name stands above its point"
