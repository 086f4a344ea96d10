"""A dashboard page as JSON, for programs.

Here: its form.
Not here: what a page says (reports.dashboards).
"""

from __future__ import annotations

import dataclasses
import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from reports.dashboards.model import Page
from reports.dashboards.view import View
from reports.mart_rows import plain
from reports.page.chart import Chart


def page_document(page: Page, view: View) -> dict[str, Any]:
    """The page's parts as they are, each block with its ``kind``; a chart has its Plotly figure. What is empty is left
    out."""
    return {
        "page": page.name,
        "scope": view.scope,
        "title": page.title,
        "question": page.question,
        "as_of": plain(view.as_of.replace(tzinfo=None)),
        "currency": view.currency,
        "period": {
            "key": view.period.key,
            "label": view.period.label,
            "first": view.period.first.isoformat(),
            "last": view.period.last.isoformat(),
            "compared_with": view.period.before_label,
        },
        "billed_through": plain(view.billed_through),
        "states": [_part(state) for state in page.states],
        "sections": [
            {
                "key": section.key,
                "title": section.title,
                "lead": section.lead,
                "rows": [
                    [{"kind": type(block).__name__.lower(), **_part(block)} for block in row] for row in section.rows
                ],
            }
            for section in page.sections
        ],
    }


def to_json(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_other)


def _part(value: Any) -> Any:
    match value:
        case Chart():
            words = {"key": value.key, "title": value.title, "caption": value.caption, "label": value.label}
            if value.figure is None:
                return {**words, "empty": value.empty}
            return {**words, "figure": value.figure}
        case _ if dataclasses.is_dataclass(value):
            parts = ((field.name, _part(getattr(value, field.name))) for field in dataclasses.fields(value))
            return {name: part for name, part in parts if part not in ("", None, [], ())}
        case list() | tuple():
            return [_part(item) for item in value]
        case _:
            return plain(value)


def _other(value: Any) -> Any:
    if isinstance(value, (Decimal, date, datetime)):
        return plain(value.replace(tzinfo=None) if isinstance(value, datetime) else value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return vars(value)
    return str(value)
