"""How far each kind of data reaches, as the viewer sees it.

Here: the newest moments that the measure needs, asked of the marts without reading them whole.
Not here: what counts as late (``reports.measures.health``).
"""

from __future__ import annotations

import pandas as pd

from reports.dashboards.ask import Ask
from reports.dashboards.view import View
from reports.measures.health import Freshness, freshness


def ages_of(view: View) -> tuple[Freshness, ...]:
    """Bills by provider, usage by source, GPU metrics and the forecast; by kind where nothing arrived."""

    def frame(sql: str, column: str) -> pd.DataFrame:
        rows = Ask(view).rows(sql)
        names = list(rows[0]) if rows else [*("provider_name", "source"), column]
        read = pd.DataFrame(rows, columns=names)
        return read.assign(**{column: pd.to_datetime(read[column]).astype("datetime64[us]")})

    cost = frame(
        "select provider_name, max(usage_date) as usage_date from fct_ai_cost_daily where is_ai group by 1 order by 1",
        "usage_date",
    )
    return freshness(
        cost.assign(is_ai=True),
        frame(
            "select source, max(usage_hour) as usage_hour from fct_usage_cost_hourly group by 1 order by 1",
            "usage_hour",
        ),
        frame("select max(usage_hour) as usage_hour from fct_gpu_hourly", "usage_hour"),
        frame("select max(as_of) as as_of from fct_forecast_daily", "as_of"),
        view.as_of.replace(tzinfo=None),
    )
