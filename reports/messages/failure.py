"""The card for the people who operate the pipeline: a run failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.messages.cards import banner, envelope, escape, fact_set, fitted, open_urls, text_block


def failure_card(*, job_name: str, run_id: str, message: str, links: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The Teams message about a failed run of ``job_name``; ``message`` is the scheduler's own words."""
    body = [
        banner(
            "attention",
            [
                text_block("A run failed", size="Small", weight="Bolder", isSubtle=True),
                text_block(escape(job_name), size="Large", weight="Bolder", spacing="None"),
            ],
        ),
        text_block(escape(message or "The scheduler gave no reason.", limit=600)),
        fact_set([("Run", escape(run_id))]),
        text_block(
            "What was landed stays. The figures on the report are those of the last run that succeeded.",
            isSubtle=True,
            size="Small",
        ),
    ]
    fallback = f"The run {run_id} of {job_name} failed. {message}"
    actions = open_urls(links or {})
    return fitted(lambda _: envelope(body, fallback=fallback, actions=actions), 0)
