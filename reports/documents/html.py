"""A page as one HTML file that needs nothing else: no script, no server, charts as pictures.

Here: the document around the dashboards' own fragments.
Not here: those fragments (``reports.dashboards.render``), the inline HTML of e-mails (``email``).
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from markupsafe import Markup, escape

import reports.dashboards
from reports import formatting as f
from reports.dashboards.model import Page, Target
from reports.dashboards.render import render_content
from reports.dashboards.view import View
from reports.documents.pdf import Letterhead
from reports.documents.plot import picture
from reports.figures.traces import Figure
from reports.page.chart import Chart
from reports.page.document import figure_json, page_css

WIDTH_INCHES, PIXELS_PER_INCH = 10.0, 96
_PLOT = re.compile(r'<div class="plot" data-figure="([0-9a-f]{16})" role="img" aria-label="([^"]*)"[^>]*></div>')
_CSS = Path(reports.dashboards.__file__).parent / "templates" / "dashboards.css"
_OWN_CSS = """
main { padding-top: 24px; }
.plot-drawn { display: block; width: 100%; height: auto; background: #fff; border-radius: 6px; }
.whose { color: var(--ink-2); margin: 0 0 4px; font-weight: 600; }
.on-page, .tools { display: none; }
"""
_DOCUMENT = Markup("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="aifinops">
<title>{title}</title>
<style>{css}</style>
</head>
<body>
<main id="content">
<p class="whose">{organisation}</p>
{content}
</main>
<footer><p>Made by aifinops from the published marts, as of {as_of}. Estimates, billed amounts and forecasts are never \
added to each other.</p></footer>
</body>
</html>
""")


def render_html(page: Page, view: View, head: Letterhead) -> str:
    """The page as one text; links to other pages are plain words, because the file travels alone."""
    content = render_content(page, view, _nowhere).html
    drawn: dict[str, Figure] = {}
    for section in page.sections:
        for blocks in section.rows:
            for chart in blocks:
                if isinstance(chart, Chart) and chart.figure is not None:
                    drawn[_key(chart.figure)] = chart.figure
    content = _PLOT.sub(lambda found: _image(drawn[found[1]], found[2]), content)
    return str(
        _DOCUMENT.format(
            title=f"{head.organisation}: {page.title}, {head.period}",
            css=Markup(page_css() + _CSS.read_text(encoding="utf-8") + _OWN_CSS),  # noqa: S704 - our own files
            organisation=head.organisation,
            content=Markup(content),  # noqa: S704 - escaped where it was rendered
            as_of=f.moment(view.as_of),
        )
    )


def _nowhere(_target: Target) -> None:
    return None


def _key(figure: Figure) -> str:
    return hashlib.sha256(figure_json(figure).encode("utf-8")).hexdigest()[:16]


def _image(figure: Figure, label: str) -> str:
    height = figure["layout"]["height"] / PIXELS_PER_INCH
    data = base64.b64encode(picture(figure, width=WIDTH_INCHES, height=height, dpi=150)).decode("ascii")
    return f'<img class="plot-drawn" alt="{escape(Markup(label))}" src="data:image/png;base64,{data}">'  # noqa: S704
