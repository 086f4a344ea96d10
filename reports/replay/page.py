"""The page of a replay: its timeline, tables and sentences, of plain values.

Here: labels, sentences, which rows the timeline has.
Not here: HTML (``replay.html``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from reports import formatting as f
from reports.figures import replay as figures
from reports.page.chart import Chart
from reports.page.document import document, environment

_HERE = Path(__file__).parent
MOST_ROWS = 40
"""Rows of the timeline; those with the most happening."""


def render_replay(found: Mapping[str, Any], *, title: str = "AI spend") -> str:
    """The whole page as one HTML text.

    Args:
        found: a replay as plain values: moments are aware ``datetime`` in UTC, money is ``Decimal`` by currency.
        title: whose page it is, such as the organisation's name.
    """
    chart = _timeline(found)
    template = environment(_HERE).get_template("replay.html")
    return template.render(
        **document([chart], f"Replay of policies, {f.day(found['first'])} to {f.day(found['last'])}"),
        title=title,
        found=found,
        charts={chart.key: chart},
        refusals=_refusals(found["policies"]),
        targets=_targets(found["policies"]),
        total=_total(found["policies"]),
        verdict=verdict(found),
        headline=headline,
    )


def verdict(found: Mapping[str, Any]) -> str:
    """What it comes to, in one sentence."""
    acted = sum(policy["acted"] for policy in found["policies"])
    if not acted:
        return "Nobody would have been asked to act, so nothing would have been saved."
    orders = f.count(acted, "order")
    wrong = sum(policy["verdicts"].get("false", 0) for policy in found["policies"])
    sentence = f"{orders} would have saved {f.amounts(found['saved'])}"
    if found["critical"]:
        sentence += f", {f.amounts(found['critical'])} of it by stopping critical work"
    return (
        f"{sentence}; {f.whole(wrong) if wrong else 'none'} of them for something that people called false or planned."
    )


def headline(money: Mapping[str, Decimal]) -> tuple[str, str]:
    """The largest amount, and the others: a tile has room for one."""
    by_size = sorted(money, key=lambda code: (-money[code], code))
    return f.amounts({code: money[code] for code in by_size[:1]}), f.amounts(
        {code: money[code] for code in by_size[1:]}
    )


def _total(policies: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    names = ("warned", "asked", "acted", "released")
    total = {name: sum(policy[name] for policy in policies) for name in names}
    total["refused"] = sum(sum(policy["refused"].values()) for policy in policies)
    total["false"] = sum(policy["verdicts"].get("false", 0) for policy in policies)
    return total


def _refusals(policies: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    reasons = {name for policy in policies for name in policy["refused"]}
    counts = [(f.humanise(name), sum(policy["refused"].get(name, 0) for policy in policies)) for name in reasons]
    return sorted(counts, key=lambda pair: (-pair[1], pair[0]))


def _targets(policies: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    rows = [{"policy_id": policy["policy_id"], **target} for policy in policies for target in policy["targets"]]
    return sorted(
        rows, key=lambda row: (-sum(row["saved"].values(), Decimal(0)), -row["acted"], row["policy_id"], row["name"])
    )


def _timeline(found: Mapping[str, Any]) -> Chart:
    happened: dict[str, int] = {}
    for one in (*found["orders"], *found["decisions"]):
        row = _row(one)
        happened[row] = happened.get(row, 0) + (1000 if "acted_at" in one else 1)
    rows = sorted(sorted(happened, key=lambda row: (-happened[row], row))[:MOST_ROWS])
    orders = pd.DataFrame(
        [
            {
                "row": _row(one), "level": one["level"], "begins": _iso(one["acted_at"]), "ends": _iso(one["ended_at"]),
                "words": _words(one),
            }
            for one in found["orders"]
            if _row(one) in rows
        ],
        columns=["row", "level", "begins", "ends", "words"],
    )  # fmt: skip
    marks = pd.DataFrame(
        [
            {"row": _row(one), "what": what, "at": _iso(one["at"]), "words": f"{words} {_short(one['at'])}"}
            for one in found["decisions"]
            if _row(one) in rows and (what := _what(one)) is not None
            for words in [f"{what} ({f.humanise(one['refused_because'])})" if one["refused_because"] else what]
        ],
        columns=["row", "what", "at", "words"],
    )
    left_out = len(happened) - len(rows)
    caption = "Bars: an order stands. Triangles: people are warned. Crosses: refused. Rings: released."
    if left_out:
        caption += (
            f" The {len(rows)} targets with most orders and decisions; {f.whole(left_out)} more are in the table."
        )
    return Chart(
        "timeline",
        "When what would have stood",
        caption,
        f"Timeline of {f.count(len(found['orders']), 'order')} and {f.count(len(found['decisions']), 'decision')} on "
        f"{f.count(len(happened), 'target')}",
        figures.timeline(orders, marks, rows, _iso(found["first"]), _iso(found["last"])) if rows else None,
        "No policy would have decided anything.",
    )


def _words(order: Mapping[str, Any]) -> str:
    span = f"{_short(order['acted_at'])} to {_short(order['ended_at'])}"
    return f"{order['level']}, {span}: {f.amounts(order['saved'])}"


def _row(one: Mapping[str, Any]) -> str:
    return f"{one['target']} · {one['policy_id']}"


def _what(decision: Mapping[str, Any]) -> str | None:
    if decision["refused_because"]:
        return "refused"
    return {"warn": "warned", "release": "released"}.get(decision["level"])


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _short(moment: datetime) -> str:
    return f"{moment.day} {moment:%b %H:%M} UTC"
