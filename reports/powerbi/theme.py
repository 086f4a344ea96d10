"""Colours of the report: those of our own page.

Here: the theme that Power BI applies, and which colour says billed, estimated, expected, budget.
Not here: the colours themselves (``reports/page/page.css``).
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

NAME = "AISpend"
FONT = "Segoe UI"
_TOKEN = re.compile(r"--(?P<name>[a-z0-9-]+):\s*(?P<value>#[0-9a-f]{6})\b")
_BASES = {"billed": "s1", "invoiced": "s7", "estimated": "s2", "forecast": "s6", "budget": "s3"}


@cache
def tokens() -> dict[str, str]:
    """The page's colours in its light theme, by name."""
    style = files("reports.page").joinpath("page.css").read_text(encoding="utf-8")
    light = style[: style.index("}")]
    return {found["name"]: found["value"] for found in _TOKEN.finditer(light)}


def colour_of(basis: str | None) -> str:
    """The colour of money that is billed, invoiced, estimated, forecast or budget; of anything else, ink."""
    return tokens()[_BASES[basis]] if basis else tokens()["ink-2"]


def theme() -> dict[str, Any]:
    """Power BI's theme document."""
    known = tokens()
    background = {"color": {"solid": {"color": known["surface"]}}}
    return {
        "name": NAME,
        "dataColors": [known[f"s{number}"] for number in range(1, 9)],
        "good": known["good"],
        "neutral": known["warn"],
        "bad": known["bad"],
        "maximum": known["s1"],
        "center": known["s7"],
        "minimum": known["line"],
        "null": known["none"],
        "background": known["surface"],
        "foreground": known["ink"],
        "tableAccent": known["accent"],
        "textClasses": {
            "label": {"fontFace": FONT, "fontSize": 10, "color": known["ink-2"]},
            "title": {"fontFace": f"{FONT} Semibold", "fontSize": 12, "color": known["ink"]},
            "callout": {"fontFace": f"{FONT} Semibold", "fontSize": 22, "color": known["ink"]},
        },
        "visualStyles": {
            "*": {
                "*": {
                    "background": [{"show": True, "transparency": 0, **background}],
                    "border": [{"show": True, "color": {"solid": {"color": known["line"]}}, "radius": 8}],
                    "outspacePane": [{"backgroundColor": {"solid": {"color": known["surface"]}}}],
                }
            },
            "page": {"*": {"background": [{"color": {"solid": {"color": known["bg"]}}, "transparency": 0}]}},
        },
    }
