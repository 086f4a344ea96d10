"""Incidents, approvals, statements and what-ifs as pages with forms.

Here: routes and what their pages are given.
Not here: doing anything (desk), policies and replays (policy_routes), digests (document_routes), JSON (api).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, get_args

from fastapi import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

import reports
from finops.addresses import incident_path
from orchestration.links import SNOOZES
from portal.asked import AnOffice, APerson, Done, Form, ruled, token_of
from portal.desk import MAX_WHY, IncidentAnswer
from portal.html import ALONE, page, told
from portal.incident import HEIGHT, WIDTH, incident_page
from portal.knowledge import answer_of, answers, files_in_words, issued_file, issued_months
from portal.problems import ProblemError, doing
from portal.ways import address_for
from portal.words import SNOOZES as SNOOZE_WORDS
from portal.words import VERDICT_WORDS
from reports import formatting
from reports.dashboards.access import Role
from reports.dashboards.model import Target
from reports.measures.incidents import SEVERITIES, STATUS_WORDS

router = ruled(include_in_schema=False)
OPEN = ("open", "acknowledged")


@router.get("/incidents")
def incidents(request: Request, office: AnOffice, person: APerson, done: Done = "", past: bool = False) -> Response:
    order = {name: number for number, name in enumerate(SEVERITIES)}
    found = [one for one in office.desk.incidents(person) if past or one.status in OPEN]
    found.sort(key=lambda one: (one.status not in OPEN, order[one.severity], -abs(one.impact)))
    address = address_for(office.shelf.version(person.viewer), person.viewer)
    shown = [
        {
            "incident": one,
            "href": address(Target(one.scope_type, one.scope_value)) if one.scope_type in ("team", "app") else None,
            "status": formatting.humanise(STATUS_WORDS.get(one.status, one.status)),
            "verdict": VERDICT_WORDS.get(one.verdict or "", one.verdict),
            "money": formatting.signed_money(one.impact, one.currency),
            "daily": formatting.money(one.daily_impact, one.currency) if one.daily_impact else "",
            "is_open": one.status in OPEN,
        }
        for one in found
    ]
    may_answer = person.is_in(Role.ADMIN, Role.ENG)
    return page(
        "incidents.html", person=person, token=token_of(request), shown=shown, may_answer=may_answer,
        done=told(done), past=past, max_why=MAX_WHY,
    )  # fmt: skip


@router.get("/incidents/{incident_id}")
def one_incident(request: Request, office: AnOffice, person: APerson, incident_id: str, done: Done = "") -> Response:
    shown = doing(lambda: incident_page(office, person, incident_id))
    return page(
        "incident.html", person=person, token=token_of(request), shown=shown, one=shown.incident, done=told(done),
        may_answer=person.is_in(Role.ADMIN, Role.ENG), is_open=shown.incident.status in OPEN, max_why=MAX_WHY,
        state=STATUS_WORDS.get(shown.incident.status, shown.incident.status), snoozes=SNOOZE_WORDS,
        size=(WIDTH, HEIGHT), verdict=VERDICT_WORDS.get(shown.incident.verdict or ""),
    )  # fmt: skip


@router.post("/incidents/{incident_id}")
def answer_incident(office: AnOffice, person: APerson, incident_id: str, form: Form) -> Response:
    given = form.get("answer", "")
    answer = next((known for known in get_args(IncidentAnswer) if known == given), None)
    if answer is None:
        raise ProblemError(422, f"Choose one of {', '.join(get_args(IncidentAnswer))}.")
    length = SNOOZES.get(form.get("for", "1d"))
    if length is None:
        raise ProblemError(422, f"Choose one of {', '.join(SNOOZES)}.")
    hours = int(length.total_seconds() // 3600)
    doing(lambda: office.desk.answer_incident(person, incident_id, answer, why=form.get("why", ""), hours=hours))
    back = incident_path(incident_id) if form.get("back") == "page" else "/incidents"
    return RedirectResponse(f"{back}?done=incident", 303)


@router.get("/approvals")
def approvals(request: Request, office: AnOffice, person: APerson, done: Done = "") -> Response:
    waiting = office.desk.waiting(person)
    return page(
        "approvals.html", person=person, token=token_of(request), waiting=waiting, done=told(done), max_why=MAX_WHY
    )


@router.post("/approvals/{kind}/{name}")
def vote(office: AnOffice, person: APerson, kind: str, name: str, form: Form) -> Response:
    verdict = form.get("verdict", "")
    if kind not in ("decision", "gate") or verdict not in ("approve", "deny"):
        raise ProblemError(422, "Say approve or deny.")
    doing(lambda: office.desk.vote(person, kind, name, verdict, why=form.get("why", "")))  # type: ignore[arg-type]
    back = incident_path(form["incident"]) if form.get("incident") else "/approvals"
    return RedirectResponse(f"{back}?done={'approved' if verdict == 'approve' else 'denied'}", 303)


@router.get("/statements")
def statements(request: Request, office: AnOffice, person: APerson) -> Response:
    months = [{**one, "files_in_words": files_in_words(one)} for one in issued_months(office.gate.home)]
    return page("statements.html", person=person, months=months)


@router.get("/statements/{month}/{file}")
def statement_file(office: AnOffice, person: APerson, month: str, file: str) -> Response:
    found = issued_file(office.gate.home, month, file)
    if found is None:
        raise ProblemError(404, "There is no such file of an issued statement.")
    office.desk.record(person, f"statement/{month}", "read a statement's file", file=file)
    if found.suffix == ".html":
        return HTMLResponse(found.read_bytes(), headers={"Content-Security-Policy": ALONE})
    disposition = {"Content-Disposition": f'attachment; filename="{month}-{found.name}"'}
    return Response(
        found.read_bytes(), media_type=_MEDIA.get(found.suffix, "application/octet-stream"), headers=disposition
    )


@router.get("/what-if")
def what_ifs(request: Request, office: AnOffice, person: APerson) -> Response:
    found: list[dict[str, Any]] = [
        {
            "answer": one,
            "difference": formatting.signed_money(one.total.difference.expected, one.currency),
            "low": formatting.signed_money(one.total.difference.lo80, one.currency),
            "high": formatting.signed_money(one.total.difference.hi80, one.currency),
        }
        for one in reversed(answers(office.gate.home))
    ]
    return page("whatifs.html", person=person, found=found)


@router.get("/what-if/{scenario}")
def what_if(office: AnOffice, person: APerson, scenario: str) -> Response:
    found = answer_of(office.gate.home, scenario)
    if found is None:
        raise ProblemError(404, "This scenario was not answered yet.")
    text = reports.render_what_if(asdict(found), back=("All scenarios", "/what-if"))
    policy = "; ".join(("frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"))
    return HTMLResponse(text, headers={"Content-Security-Policy": policy})


_MEDIA = {
    ".csv": "text/csv; charset=utf-8",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".json": "application/json",
}
