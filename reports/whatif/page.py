"""The page of an answer: charts, tables and sentences of plain values.

Here: labels, sentences, which rows a chart has.
Not here: HTML (``whatif.html``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from reports import formatting as f
from reports.figures import whatif
from reports.page.chart import Chart
from reports.page.document import document, environment

_HERE = Path(__file__).parent
FORECAST = "the forecast itself"
"""What an answer calls the spread of the forecast's paths; its ends are shares of paths, not of a number."""


@dataclass(frozen=True)
class Line:
    """An app's money as expected, in all days of the answer."""

    team: str
    app: str
    without: Decimal
    with_changes: Decimal

    @property
    def difference(self) -> Decimal:
        return self.with_changes - self.without

    @property
    def ratio(self) -> Decimal | None:
        return self.difference / self.without if self.without else None


def render_what_if(answer: Mapping[str, Any], *, title: str = "AI spend", back: tuple[str, str] | None = None) -> str:
    """The whole page as one HTML text.

    Args:
        answer: the fields of ``models.WhatIf`` as plain values (``dataclasses.asdict``): money is ``Decimal`` in
            ``currency``, days are ``date``.
        title: whose page it is, such as the organisation's name.
        back: words and address of where it was opened, for who leaves it there; nothing in a file.
    """
    currency = answer["currency"]
    charts = {chart.key: chart for chart in (_months(answer), _effects(answer), _swings(answer))}
    template = environment(_HERE).get_template("whatif.html")
    return template.render(
        **document(charts.values(), f"{answer['name']}: what if, {f.day(answer['as_of'])}"),
        title=title,
        back=back,
        answer=answer,
        currency=currency,
        charts=charts,
        months=[(month_name(month["first_day"], month["last_day"]), month) for month in answer["months"]],
        lines=_lines(answer["parts"]),
        verdict=verdict(answer),
        saves=_share(answer["share_of_draws_that_save"]),
    )


def month_name(first_day: date, last_day: date) -> str:
    """``November 2026``, or ``20–31 Oct`` where the month is not whole."""
    if first_day.day == 1 and (last_day + timedelta(days=1)).day == 1:
        return f.month(first_day)
    return f"{first_day.day}–{f.short_day(last_day)}"


def verdict(answer: Mapping[str, Any]) -> str:
    """Whether it saves, in one sentence."""
    gap = answer["total"]["difference"]
    amount = f.money(abs(gap["expected"]), answer["currency"])
    saves = answer["share_of_draws_that_save"]
    sure = "in every draw" if saves >= 1 else "in no draw" if saves <= 0 else f"in {_share(saves)} of the draws"
    if gap["expected"] == 0:
        return f"It is expected to change nothing, and saves money {sure}."
    if gap["expected"] < 0:
        return f"It is expected to save {amount}, and saves money {sure}."
    return f"It is expected to cost {amount} more, and saves money {sure}."


def _share(saves: Decimal) -> str:
    """Shares near nothing and near all with a decimal: 99.6% is not every draw."""
    return f.percent(saves, 1 if 0 < min(saves, 1 - saves) < Decimal("0.05") else 0)


def _lines(parts: Sequence[Mapping[str, Any]]) -> list[Line]:
    found = [
        Line(part["team"] or "No owner", part["app"] or "No app named", part["without"], part["with_changes"])
        for part in parts
    ]
    return sorted(found, key=lambda line: (-abs(line.difference), line.team, line.app))


def _months(answer: Mapping[str, Any]) -> Chart:
    rows = pd.DataFrame(
        [
            {"month": month_name(month["first_day"], month["last_day"])}
            | {
                f"{name}{end}": month[field][level]
                for name, field in (("without", "without"), ("after", "with_changes"))
                for end, level in (("", "expected"), ("_lower", "lo80"), ("_upper", "hi80"))
            }
            for month in answer["months"]
        ]
    )
    currency = answer["currency"]
    return Chart(
        "months",
        "Months without and with the changes",
        "AI spend of the days counted; the lines on the bars are where it lies in 80 of 100 cases.",
        "Bars of AI spend by month: "
        + ", ".join(
            f"{month_name(month['first_day'], month['last_day'])} "
            f"without {f.money(month['without']['expected'], currency)}, "
            f"with {f.money(month['with_changes']['expected'], currency)}"
            for month in answer["months"]
        ),
        whatif.months(rows, currency) if len(rows) else None,
        "The answer has no month.",
    )


def _effects(answer: Mapping[str, Any]) -> Chart:
    rows = pd.DataFrame(answer["effects"], columns=["change", "effect"])
    return Chart(
        "effects",
        "What each change does",
        "Its effect after those before it; they sum to the difference exactly.",
        "Waterfall of effects: "
        + ", ".join(
            f"{one['change']} {f.signed_money(one['effect'], answer['currency'])}" for one in answer["effects"]
        ),
        None if rows.empty else whatif.waterfall(rows, answer["currency"]),
        "The scenario changes nothing.",
    )


def swing_words(swing: Mapping[str, Any]) -> str:
    """The number and its ends; * where they are assumed."""
    ends = "10th to 90th path" if swing["what"] == FORECAST else f"{_plain(swing['low'])} to {_plain(swing['high'])}"
    return f"{swing['what']} ({ends}){'*' if swing['is_assumed'] else ''}"


def _plain(value: Decimal) -> str:
    return f"{value.normalize():,f}"


def _swings(answer: Mapping[str, Any]) -> Chart:
    currency = answer["currency"]
    rows = pd.DataFrame(
        [
            {"what": swing_words(swing), "low": swing["difference_at_low"], "high": swing["difference_at_high"]}
            for swing in answer["swings"]
        ],
        columns=["what", "low", "high"],
    )
    caption = (
        "The difference with one number at either end and all else as expected; the line is the difference as expected."
    )
    if any(swing["is_assumed"] for swing in answer["swings"]):
        caption += " * One value is given; 10% to either side of it is assumed."
    return Chart(
        "swings",
        "What the difference hangs on",
        caption,
        "Bars of the difference: "
        + ", ".join(
            f"{swing_words(swing)} {f.signed_money(swing['difference_at_low'], currency)} to "
            f"{f.signed_money(swing['difference_at_high'], currency)}"
            for swing in answer["swings"]
        ),
        None if rows.empty else whatif.tornado(rows, float(answer["total"]["difference"]["expected"]), currency),
        "No number of the scenario can be moved.",
    )
