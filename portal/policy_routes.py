"""Policies as pages, and replays of them: what they would have done.

Here: routes, what a form asks to be replayed, what their pages are given.
Not here: a policy's page (policy), making replays (replays, orchestration.kept_replays), JSON (api).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from finops.addresses import policy_path
from orchestration.kept_replays import (
    MAX_DAYS,
    Wanted,
    candidate_of,
    kept_file,
    kept_replays,
    policy_excerpt,
)
from portal.asked import AnOffice, APerson, Done, Form, ruled, token_of
from portal.desk import UnknownError
from portal.html import page, told
from portal.knowledge import policies_of
from portal.office import Office
from portal.people import Person
from portal.policy import money, policy_page
from portal.problems import ProblemError, doing
from portal.words import sentence
from reports import formatting
from reports.dashboards.access import Role

router = ruled(include_in_schema=False)
APPROVE_AFTER: Mapping[str, tuple[int | None, str]] = {
    "never": (None, "nobody answers"),
    "30m": (30, "yes after half an hour"),
    "4h": (240, "yes after 4 hours"),
    "1d": (1440, "yes after a day"),
}
"""When people say yes in a replay: minutes, and words."""


@router.get("/policies")
def policies(request: Request, office: AnOffice, person: APerson, done: Done = "") -> Response:
    return page(
        "policies.html", person=person, done=told(done), **_replaying(request, office, person),
        policies=policies_of(office.configuration, person, office.gate.clock().date()),
        kept=[_row(one) for one in kept_replays(office.gate.home)] if person.sees_everything else [],
    )  # fmt: skip


@router.get("/policies/{policy_id}")
def one_policy(request: Request, office: AnOffice, person: APerson, policy_id: str, done: Done = "") -> Response:
    shown = doing(lambda: policy_page(office, person, policy_id))
    return page(
        "policy.html", person=person, done=told(done), shown=shown, policy=shown.policy,
        **_replaying(request, office, person, policy_id),
    )  # fmt: skip


@router.post("/replays")
def start_replay(office: AnOffice, person: APerson, form: Form) -> Response:
    policy_id, days = form.get("policy", ""), form.get("days", "")
    if not days.isdecimal() or len(days) > 4:
        raise ProblemError(422, f"Choose 1 to {MAX_DAYS} days.")
    after = form.get("approve_after", "never")
    if after not in APPROVE_AFTER:
        raise ProblemError(422, f"Choose one of {', '.join(APPROVE_AFTER)}.")
    doing(lambda: _start_replay(office, person, int(days), APPROVE_AFTER[after][0], policy_id, form.get("text", "")))
    back = policy_path(policy_id) if policy_id else "/policies"
    return RedirectResponse(f"{back}?done=replay#replays", 303)


@router.get("/replays/{name}/{file}")
def replay_file(office: AnOffice, person: APerson, name: str, file: str) -> Response:
    found = kept_file(office.gate.home, name, file)
    if found is None:
        raise ProblemError(404, "There is no such replay; the oldest are forgotten.")
    if found.suffix == ".html":
        # Its own policy names its scripts by their hash.
        policy = "; ".join(("frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"))
        return FileResponse(found, media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": policy})
    office.desk.record(person, f"replay/{name}", "took a replay's file", file=file)
    return FileResponse(found, media_type="text/csv; charset=utf-8", filename=f"{name}-{file}")


def _start_replay(office: Office, person: Person, days: int, minutes: int | None, policy_id: str, text: str) -> None:
    """
    Raises:
        UnknownError, ReplayError, BusyError: it cannot be replayed so, or not now.
    """
    configuration, written = office.configuration, ""
    if policy_id:
        try:
            written = policy_excerpt(configuration, policy_id).text
        except LookupError as error:
            raise UnknownError(str(error)) from None
    candidate = text.replace("\r\n", "\n").strip()
    if candidate == written.strip():
        candidate = ""
    wanted = Wanted.of(
        person.name, office.gate.clock(), days, minutes,
        policy_id=policy_id if candidate else "", candidate=candidate if policy_id else "",
    )  # fmt: skip
    if wanted.candidate:
        candidate_of(configuration, wanted)
    office.replays.start(wanted)
    said = {"policy": policy_id} if wanted.candidate else {}
    office.desk.record(person, f"replay/{wanted.name}", "had policies replayed", days=days, **said)


def _row(document: Mapping[str, Any]) -> dict[str, Any]:
    """A kept replay, for the list of them."""
    return {
        **{name: document[name] for name in ("name", "who", "policy_id", "candidate")},
        **{name: datetime.fromisoformat(document[name]) for name in ("asked_at", "first", "last")},
        "saved": formatting.amounts(money(document["saved"])),
    }


def _replaying(request: Request, office: Office, person: Person, policy_id: str = "") -> dict[str, Any]:
    """What pages show of replays being made, and the form of whoever may ask for one."""
    may_replay = person.is_in(Role.ADMIN)
    written = ""
    if may_replay and policy_id:
        written = policy_excerpt(office.configuration, policy_id).text
    return {
        "token": token_of(request),
        "may_replay": may_replay,
        "running": office.replays.running if person.sees_everything else None,
        "failure": office.replays.failure if person.sees_everything else None,
        "approve_after": APPROVE_AFTER,
        "max_days": MAX_DAYS,
        "written": written,
        "sentence": sentence,
    }
