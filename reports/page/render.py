"""Putting the page together.

Here: what the template is given.
Not here: what is shown (``view``), inlining and the content security policy (``document``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from reports import formatting as f
from reports.marts import as_marts
from reports.measures.decisions import newest_first
from reports.measures.forecasts import PERIODS
from reports.measures.units import GPU_HOUR_WORDS
from reports.page.document import document, environment
from reports.page.view import MODEL_WORDS, build_view, shown_candidates
from reports.summary import Summary


def render_page(
    summary: Summary,
    marts: Mapping[str, pd.DataFrame],
    *,
    decisions: Sequence[Mapping[str, Any]] = (),
    title: str = "AI spend",
) -> str:
    """The whole page as one HTML text.

    Args:
        summary: what ``summarise`` said of the same marts.
        marts: frames by public mart name.
        decisions: guardrail decisions as the mappings that the ledger keeps (``measures.decisions.view_decision``).
        title: whose page it is, such as the organisation's name.
    """
    known = as_marts(marts)
    view = build_view(summary, known)
    template = environment().get_template("page.html")
    return template.render(
        **document(view.all_charts, f"{title}: AI spend, {f.day(summary.as_of)}"),
        summary=summary,
        view=view,
        decisions=newest_first(decisions),
        accuracy=shown_candidates(known["fct_forecast_accuracy"]).to_dict("records"),
        title=title,
        GPU_HOUR_WORDS=GPU_HOUR_WORDS,
        MODEL_WORDS=MODEL_WORDS,
        PERIODS=PERIODS,
    )
