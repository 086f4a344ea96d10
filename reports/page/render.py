"""Putting the page together.

Here: the template's environment, inlining Plotly.js, styles and figures, the content security policy.
Not here: what is shown (``view``).

The page carries a Content-Security-Policy without any remote source, and scripts only by their hash: nothing in the
data can run or call home, even if escaping ever failed.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from plotly.offline import get_plotlyjs

from reports import formatting
from reports.marts import as_marts
from reports.measures.decisions import newest_first
from reports.measures.missing import Missing
from reports.page.view import GPU_HOUR_WORDS, MODEL_WORDS, build_view
from reports.summary import Summary

_HERE = Path(__file__).parent
_NAME_KEYS = ("name", "x", "y", "text")


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
    plotly_js = get_plotlyjs()
    page_js = (_HERE / "page.js").read_text(encoding="utf-8")
    figures = {
        chart.key: _plain_names(chart.figure.to_plotly_json()) for chart in view.all_charts if chart.figure is not None
    }
    template = _environment().get_template("page.html")
    return template.render(
        summary=summary,
        view=view,
        decisions=newest_first(decisions),
        accuracy=known["fct_forecast_accuracy"].to_dict("records"),
        title=title,
        css=(_HERE / "page.css").read_text(encoding="utf-8"),
        plotly_js=plotly_js,
        page_js=page_js,
        figures=script_json(figures),
        script_hashes=[_sha256(text) for text in (plotly_js, page_js)],
    )


def _plain_names(value: Any, key: str = "") -> Any:
    """A figure whose names are text: Plotly would read ``<b>`` or ``<a>`` in a team's name as markup."""
    if isinstance(value, dict):
        return {name: _plain_names(item, name) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_names(item, key) for item in value]
    if isinstance(value, str) and key in _NAME_KEYS:
        return html.escape(value, quote=False).replace("&lt;br&gt;", "<br>")
    return value


def script_json(value: Any) -> str:
    """JSON that is safe inside a script element: no ``<``, ``>`` or ``&`` is left to end it or to start a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _sha256(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["missing"] = lambda value: isinstance(value, Missing)
    environment.globals["f"] = formatting
    environment.globals["GPU_HOUR_WORDS"] = GPU_HOUR_WORDS
    environment.globals["MODEL_WORDS"] = MODEL_WORDS
    return environment


def write_page(page: str, path: Path) -> Path:
    """Write the page whole and swap it in, so that nobody opens half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(page, encoding="utf-8")
    part.replace(path)
    return path
