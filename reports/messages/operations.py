"""What the people who operate the pipeline are told: failed runs, lost messages, that messages still arrive.

Here: those messages' words.
Not here: when they are due (guardrails, orchestration) and the look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reports import formatting as f
from reports.messages.model import Fact, Link, Message, Section


def failure_message(*, job_name: str, run_id: str, message: str, links: Mapping[str, str] | None = None) -> Message:
    """A run of ``job_name`` failed; ``message`` is the scheduler's own words."""
    return Message(
        kind="run_failed",
        severity="high",
        tone="attention",
        eyebrow="A run failed",
        title=job_name,
        what=message or "The scheduler gave no reason.",
        facts=(Fact(title="Run", value=run_id),),
        links=tuple(Link(title=title, url=url) for title, url in (links or {}).items()),
        notes=("What was landed stays. The figures on the report are those of the last run that succeeded.",),
        thread=f"run/{job_name}",
        sources=(run_id,),
        scope=f"job/{job_name}",
    )


def undelivered_message(*, message_id: str, route_id: str, kind: str, error: str, remedy: str) -> Message:
    """An order or notice could not be delivered and nobody else was told of it."""
    return Message(
        kind="undelivered",
        severity="critical",
        tone="attention",
        eyebrow="A message was not delivered",
        title=f"{route_id} did not take {kind}",
        what=error or "The receiver gave no reason.",
        done=remedy,
        facts=(Fact(title="Message", value=message_id), Fact(title="Route", value=route_id)),
        notes=(f"aifinops messages show {message_id}",),
        thread=f"undelivered/{message_id}",
        sources=(message_id,),
        scope=f"route/{route_id}",
    )


def heartbeat_message(
    *, route_id: str, day: str, delivered: int, waiting: int, dead: int, open_threads: int, others: Sequence[str] = ()
) -> Message:
    """Once a day on a route, so that people notice when messages no longer arrive.

    Args:
        others: routes for which this one stands in, with what they accepted last, in words.
    """
    return Message(
        kind="heartbeat",
        severity="low",
        tone="good" if not dead else "warning",
        eyebrow="Messages arrive here",
        title=f"Daily sign of life of {route_id}, {day}",
        what="If this message is missing one day, messages no longer reach this place: run `aifinops messages list`."
        if not others
        else "An accepted message is not a seen one. If today's sign of life did not show up there, repair that route.",
        facts=(
            Fact(title="Delivered in a day", value=f.count(delivered, "message")),
            Fact(title="Waiting", value=f.count(waiting, "message")),
            Fact(title="Given up", value=f.count(dead, "message")),
            Fact(title="Open and unanswered", value=f.count(open_threads, "matter")),
        ),
        sections=tuple(Section(title="Stands in for", tone="emphasis", lines=(text,)) for text in others),
        thread=f"heartbeat/{route_id}",
    )


def trial_message(*, route_id: str, at: str) -> Message:
    """Sent by hand, to see whether a route works."""
    return Message(
        kind="test",
        severity="low",
        tone="emphasis",
        eyebrow="TEST: nothing happened",
        title=f"A test message for {route_id}",
        what="Somebody tried whether messages arrive on this route. There is nothing to do.",
        facts=(Fact(title="Sent", value=at),),
        thread=f"test/{route_id}",
    )
