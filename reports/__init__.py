"""What people look at: the summary, the page, exports and messages, all made from published marts.

Here: reading marts, the figures of merit in them, figures, the HTML page, CSV/Parquet exports, messages.
Not here: any statistic, decision or allocation (they are in the marts already), and sending (guardrails).

Names are loaded on first use: a summary in the terminal needs no Plotly.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.bill import render_bill
    from reports.dashboards.site import Site, build_site
    from reports.dashboards.view import Operations
    from reports.dictionary import Dictionary, read_dictionary
    from reports.exports import MANIFEST, WORKBOOKS, ExportedFile, ExportError, export_marts
    from reports.marts import MartError, Marts, conform, read_marts, reported_moment
    from reports.messages import (
        Message,
        collected_message,
        decision_message,
        email_content,
        failure_message,
        gate_message,
        heartbeat_message,
        incident_message,
        message_headline,
        preview_message,
        teams_card,
        trial_message,
        undelivered_message,
    )
    from reports.page.document import write_page
    from reports.replay import render_replay
    from reports.summary import Summary, summarise
    from reports.terminal import render_terminal
    from reports.whatif import render_what_if

__all__ = [
    "MANIFEST",
    "WORKBOOKS",
    "Dictionary",
    "ExportError",
    "ExportedFile",
    "MartError",
    "Marts",
    "Message",
    "Operations",
    "Site",
    "Summary",
    "build_site",
    "collected_message",
    "conform",
    "decision_message",
    "email_content",
    "export_marts",
    "failure_message",
    "gate_message",
    "heartbeat_message",
    "incident_message",
    "message_headline",
    "preview_message",
    "read_dictionary",
    "read_marts",
    "render_bill",
    "render_replay",
    "render_terminal",
    "render_what_if",
    "reported_moment",
    "summarise",
    "teams_card",
    "trial_message",
    "undelivered_message",
    "write_page",
]

_MODULES = {
    "reports.bill": ("render_bill",),
    "reports.dashboards.site": ("Site", "build_site"),
    "reports.dashboards.view": ("Operations",),
    "reports.dictionary": ("Dictionary", "read_dictionary"),
    "reports.exports": ("MANIFEST", "WORKBOOKS", "ExportError", "ExportedFile", "export_marts"),
    "reports.marts": ("MartError", "Marts", "conform", "read_marts", "reported_moment"),
    "reports.messages": (
        "Message",
        "collected_message",
        "decision_message",
        "email_content",
        "failure_message",
        "gate_message",
        "heartbeat_message",
        "incident_message",
        "message_headline",
        "preview_message",
        "teams_card",
        "trial_message",
        "undelivered_message",
    ),
    "reports.page.document": ("write_page",),
    "reports.replay": ("render_replay",),
    "reports.summary": ("Summary", "summarise"),
    "reports.terminal": ("render_terminal",),
    "reports.whatif": ("render_what_if",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'reports' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
