"""All pages: their names, titles, whom they are about, and the function that answers each.

Here: the list. Not here: any content (``pages``).
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Literal

from reports.dashboards.model import Page
from reports.dashboards.view import View


@dataclass(frozen=True)
class PageKind:
    """``about``: the company, or one team or app (``View.scope``), of which there is a page each. ``module`` has a
    function ``build(view) -> Page``. ``audience`` says who opens it.
    """

    name: str
    title: str
    about: Literal["company", "team", "app"]
    module: str
    audience: str

    def build(self, view: View) -> Page:
        built: Page = importlib.import_module(f"reports.dashboards.pages.{self.module}").build(view)
        return built


PAGES = (
    PageKind("executive", "Overview", "company", "executive", "executives"),
    PageKind("finance", "Finance", "company", "finance", "finance people"),
    PageKind("on-call", "On call", "company", "on_call", "whoever is on call"),
    PageKind("teams", "Teams", "company", "teams", "everyone: the way to a team and its apps"),
    PageKind("models", "Models", "company", "models", "engineers who choose a model"),
    PageKind("gpu", "GPUs", "company", "gpu", "platform engineers"),
    PageKind("savings", "Savings", "company", "savings", "whoever owns a cost"),
    PageKind("data-health", "Data health", "company", "data_health", "data engineers"),
    PageKind("team", "Team", "team", "team", "team leads"),
    PageKind("app", "App", "app", "app", "owners of an app"),
)
BY_NAME = {kind.name: kind for kind in PAGES}
