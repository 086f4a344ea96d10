"""The portal's own pages: what waits, what is done, who is signed on.

Here: their templates and headers.
Not here: dashboards (reports), what pages say (actions, account).
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from starlette.responses import HTMLResponse

from portal.people import Person
from portal.ways import areas, own_account
from reports.page.document import environment, page_css, script_hash, theme_js

_HERE = Path(__file__).parent / "templates"
ALONE = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""The policy of a document that was kept and needs nothing else: its own styles, its pictures inside it, no scripts."""


def page(
    template: str,
    status: int = 200,
    *,
    person: Person | None = None,
    headers: dict[str, str] | None = None,
    posts_to: str = "",
    **values: Any,
) -> HTMLResponse:
    """A page whose only script switches between light and dark.

    Args:
        person: who looks; without one there is no navigation.
        posts_to: another origin that a form may end at.
    """
    ways = {"areas": areas(person), "who": own_account(person)} if person else {"areas": [], "who": None}
    text = (
        _templates()
        .get_template(template)
        .render(css=_css(), theme_js=theme_js(), person=person, **ways, **{"token": "", "way": None, **values})
    )
    policy = (
        f"default-src 'none'; script-src '{script_hash(theme_js())}'; style-src '{_style_hash()}'; img-src data:; "
        f"base-uri 'none'; frame-ancestors 'none'; form-action 'self' {posts_to}"
    )
    return HTMLResponse(text, status, {"Content-Security-Policy": policy.strip(), **(headers or {})})


def told(done: str) -> str:
    """Words of what was done a moment ago; anything else in the address says nothing."""
    return {"incident": "Recorded.", "approved": "Approved.", "denied": "Denied.", "replay": "Started."}.get(done, "")


@cache
def _templates() -> jinja2.Environment:
    return environment(_HERE)


@cache
def _css() -> str:
    return page_css() + (_HERE / "portal.css").read_text(encoding="utf-8")


@cache
def _style_hash() -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(_css().encode()).digest()).decode("ascii")
