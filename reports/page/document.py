"""What every page that opens from a file has: styles, Plotly.js, behaviour and figures inside, nothing outside.

Here: the templates' environment, inlining, the content security policy's hashes, writing a page whole.
Not here: what a page shows.

A page carries a Content-Security-Policy without any remote source, and scripts only by their hash: nothing in the
data can run or call home, even if escaping ever failed.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from plotly.offline import get_plotlyjs

from reports import formatting
from reports.figures.traces import Figure
from reports.measures.missing import Missing
from reports.page.chart import Chart

_HERE = Path(__file__).parent
_NAME_KEYS = ("name", "x", "y", "text", "ticktext")


def document(charts: Iterable[Chart], title: str) -> dict[str, Any]:
    """What ``head.html`` and ``tail.html`` put into a page; ``title`` is the browser's."""
    plotly_js = get_plotlyjs()
    figures = ",".join(
        f"{script_json(chart.key)}:{figure_json(chart.figure)}" for chart in charts if chart.figure is not None
    )
    return {
        "page_title": title,
        "css": page_css(),
        "plotly_js": plotly_js,
        "page_js": page_js(),
        "figures": f"{{{figures}}}",
        "script_hashes": [script_hash(text) for text in (plotly_js, page_js())],
    }


def plotly_script() -> str:
    """Plotly.js, for pages that load it from a file of its own."""
    script: str = get_plotlyjs()
    return script


@cache
def page_css() -> str:
    return (_HERE / "page.css").read_text(encoding="utf-8")


@cache
def page_js() -> str:
    return theme_js() + (_HERE / "page.js").read_text(encoding="utf-8")


@cache
def theme_js() -> str:
    """For pages that have no charts; ``page_js`` has it too."""
    return (_HERE / "theme.js").read_text(encoding="utf-8")


def figure_json(figure: Figure) -> str:
    """The figure as JSON that is safe inside a script element, and whose names are never read as markup."""
    return script_json(_plain_names(figure))


def environment(*folders: Path) -> jinja2.Environment:
    """Templates of these folders, and those that pages share."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, _HERE]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.tests["missing"] = lambda value: isinstance(value, Missing)
    found.globals["f"] = formatting
    return found


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


def script_hash(text: str) -> str:
    """What a content security policy names the script by."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def write_page(page: str, path: Path) -> Path:
    """Write the page whole and swap it in, so that nobody opens half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(page, encoding="utf-8")
    part.replace(path)
    return path
