"""The API for programs: ``/api/v1/…``.

Here: routes with their documentation (OpenAPI), bodies and answers.
Not here: rows (reports.mart_rows), doing anything (desk), who may ask (rules).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC
from itertools import islice
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response, StreamingResponse

from portal.asked import AnOffice, APerson, ruled, token_of
from portal.desk import MAX_SNOOZE_HOURS, MAX_WHY
from portal.document_routes import About, require_about
from portal.documents import Lost, Sent
from portal.incident import incident_page
from portal.knowledge import answer_document, answer_of, answers, issued_months, policies_of
from portal.office import Office
from portal.pages import Currency, Period, built, not_modified, pages_of
from portal.people import Person
from portal.policy import policy_page
from portal.problems import Problem, ProblemError, doing
from portal.shelf import NothingPublishedError, Version
from portal.words import sentence
from reports.documents.kept import Place
from reports.mart_rows import MAX_PAGE, PART_ROWS, MartRows, RowsError, parse_condition, plain


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {
        status: {"model": Problem, "content": {"application/problem+json": {}}, "description": _WHEN[status]}
        for status in statuses
    }


_WHEN = {
    400: "The request cannot be read",
    401: "Nobody is signed on",
    403: "It is not this role's or this team's",
    404: "There is no such thing, or it is not yours to see",
    409: "It is not as it was: somebody answered before, or nobody waits any more",
    410: "The figures have changed since the first page",
    413: "The body is too large",
    414: "The address is too long",
    415: "The body is not JSON",
    422: "What was asked cannot be done so; the detail says why",
    429: "Too many requests; Retry-After says when to go on",
    503: "No run has published anything yet",
}
_CHANGED = "A run has published new figures since the first page; begin again."
_NO_CURSOR = "This cursor is not of this question; begin without one."
MAX_PART = 100_000
router = ruled("/api/v1", responses=_errors(400, 401, 403, 404, 414, 422, 429, 503))


class Said(BaseModel):
    """A body of a request."""

    model_config = ConfigDict(extra="forbid", str_max_length=2000)


class IncidentAnswer(Said):
    answer: Literal["acknowledge", "snooze", "resolve", "real", "false", "planned"] = Field(
        description="real, false and planned are verdicts and need a reason"
    )
    why: str = Field("", max_length=MAX_WHY, description="In a few words", examples=["Load test of the new index"])
    hours: int = Field(24, ge=1, le=MAX_SNOOZE_HOURS, description="How long it is snoozed")


class Vote(Said):
    verdict: Literal["approve", "deny"]
    why: str = Field(min_length=1, max_length=MAX_WHY, description="In a few words", examples=["Agreed with the team"])


class Done(BaseModel):
    done: str = Field(description="What was done, in words", examples=["Acknowledged"])


class Me(BaseModel):
    name: str = Field(examples=["ada@example.com"])
    roles: list[str] = Field(examples=[["Eng"]])
    teams: list[str] = Field(description="Teams whose rows are seen; all of them where empty for Admin and Finance")
    sees_everything: bool
    csrf_token: str = Field(description="Send it as X-CSRF-Token with every POST of a browser's session")


class Column(BaseModel):
    name: str
    type: str = Field(description="DuckDB's type", examples=["DECIMAL(38,12)"])


class Mart(BaseModel):
    mart: str = Field(examples=["fct_ai_cost_daily"])
    columns: list[Column]


class Marts(BaseModel):
    version: str = Field(description="Of the published figures; all marts have the same")
    as_of: str = Field(description="The moment that they report on", examples=["2026-10-20T06:00:00Z"])
    marts: list[Mart]


class Rows(BaseModel):
    mart: str
    version: str
    rows: list[dict[str, Any]] = Field(
        description="Amounts are text without an exponent, times ISO 8601 in UTC",
        examples=[[{"usage_date": "2026-10-01", "team": "search", "billed_cost": "74.8953028"}]],
    )
    next: str | None = Field(description="cursor of the next page; null on the last one")


class PageKind(BaseModel):
    page: str
    title: str
    about: str
    audience: str
    scopes: list[str]
    currencies: list[str]
    periods: list[str]


class Document(BaseModel):
    period: str = Field(description="The ISO week or the month that it is about", examples=["2026-W42", "2026-09"])
    digest: str = Field(description="As config/routing.yml names it", examples=["board"])
    team: str = Field(description="The team that it is about; empty: the company")
    edition: int
    title: str = Field(examples=["Weekly AI spend of search"])
    as_of: str = Field(description="The moment that it reports on", examples=["2026-10-20T06:00:00Z"])
    currency: str
    ai_spend: str = Field(description="Of the period, as this edition told it", examples=["1204.25"])
    changes: list[str] = Field(description="What is other than in the edition before")
    html: str = Field(description="Path of the page")
    pdf: str = Field(description="Path of the PDF")


class Documents(BaseModel):
    documents: list[Document]
    unreadable: list[str] = Field(description="Folders of editions that are not as they were made")
    next: str | None = Field(description="cursor of the next page; null on the last one")


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> Response:
    return JSONResponse(request.app.openapi())


@router.get("/me")
def me(request: Request, person: APerson) -> Me:
    """Who asks, and what that allows."""
    return Me(
        name=person.name,
        roles=sorted(person.roles),
        teams=sorted(person.teams),
        sees_everything=person.sees_everything,
        csrf_token=token_of(request),
    )


# ── figures ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/marts")
def marts(office: AnOffice, person: APerson) -> Marts:
    """The published marts that this person may read, with their columns."""
    version = _version(office, person)
    names = [name for name in sorted(version.published.marts) if version.published.has(name)]
    shapes = ((name, MartRows(version.published, name).types) for name in names)
    return Marts(
        version=version.name,
        as_of=plain(version.as_of.replace(tzinfo=None)),
        marts=[
            Mart(mart=name, columns=[Column(name=column, type=kind) for column, kind in types.items()])
            for name, types in shapes
        ],
    )


@router.get(
    "/marts/{mart}",
    response_model=Rows,
    responses={
        200: {"content": {"text/csv": {}, "application/vnd.apache.parquet": {}}},
        **_errors(410),
    },
)
def mart_rows(
    office: AnOffice,
    person: APerson,
    mart: str,
    columns: Annotated[
        str, Query(max_length=4000, description="Columns, separated by commas; all of them if left out")
    ] = "",
    filter: Annotated[
        list[str] | None,
        Query(
            max_length=20,
            description="column, one of = != >= <= > <, value. Several = on one column mean any of the values; "
            "a value that is left out means unknown",
            examples=[["team=search", "usage_date>=2026-10-01"]],
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Rows of a page; of JSON only")] = 1000,
    cursor: Annotated[str, Query(max_length=400, description="next of the page before; of JSON only")] = "",
    format: Annotated[Literal["json", "csv", "parquet"], Query(description="csv and parquet have all rows")] = "json",
    part: Annotated[
        int | None,
        Query(
            ge=0,
            le=MAX_PART,
            description=f"Of Parquet only: {PART_ROWS} rows instead of all, from part 0; one with fewer is the last",
        ),
    ] = None,
    version: Annotated[
        str, Query(max_length=200, description="Answer only while the published figures are of this version")
    ] = "",
) -> Any:
    """Rows of a mart that are this person's: a page at a time as JSON, all of them as CSV or Parquet.

    CSV is as in the exports: UTF-8 with BOM, and a text that a spreadsheet would run as a formula has an apostrophe in
    front.
    """
    found = _version(office, person)
    if version and version != found.name:
        raise ProblemError(410, _CHANGED)
    if part is not None and format != "parquet":
        raise ProblemError(422, "Only Parquet comes in parts; ask for format=parquet.")
    chosen = [name for name in columns.split(",") if name]
    try:
        rows = MartRows(found.published, mart, chosen, [parse_condition(text) for text in filter or ()])
    except LookupError as error:
        raise ProblemError(404, sentence(str(error.args[0]))) from None
    except RowsError as error:
        raise ProblemError(422, sentence(str(error))) from None
    question = hashlib.sha256(json.dumps([mart, chosen, filter]).encode()).hexdigest()[:16]
    if format == "json":
        first = _first_row(cursor, found, question)
        page = rows.page(first, limit)
        following = None if page.next_row is None else _cursor(found, question, page.next_row)
        return JSONResponse({"mart": mart, "version": found.name, "rows": page.rows, "next": following})
    what = f"took a mart as {format}" if part is None else f"took part {part} of a mart as {format}"
    office.desk.record(person, f"mart/{mart}", what, version=found.name, filters=filter or [])
    parts: Iterator[bytes] = rows.csv() if format == "csv" else rows.parquet(part)
    media = "text/csv; charset=utf-8" if format == "csv" else "application/vnd.apache.parquet"
    headers = {"Content-Disposition": f'attachment; filename="{mart}.{format}"'}
    return StreamingResponse(parts, media_type=media, headers=headers)


@router.get("/pages")
def pages(office: AnOffice, person: APerson) -> list[PageKind]:
    """The dashboards that this person may read, and what can be chosen on them."""
    _version(office, person)
    return [PageKind(**one) for one in pages_of(office, person)]


@router.get("/pages/{page}", response_model=dict[str, Any])
def one_page(
    request: Request,
    office: AnOffice,
    person: APerson,
    page: str,
    scope: Annotated[str | None, Query(max_length=300, description="The team or app of a page about one")] = None,
    period: Period = None,
    currency: Currency = None,
) -> Response:
    """What a dashboard says: sections of tiles, charts (Plotly figures), tables and sentences. It has an ETag."""
    found = built(office, person, page, scope or None, period, currency)
    tag = f'"{found.tag}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    return not_modified(request, tag) or Response(found.document, media_type="application/json", headers=headers)


# ── what people do ────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/incidents", response_model=list[dict[str, Any]])
def incidents(office: AnOffice, person: APerson) -> Response:
    """Incidents of the person's rows, newest first, as the last run published them with what people said since."""
    return JSONResponse(
        [{name: plain(value) for name, value in vars(one).items()} for one in office.desk.incidents(person)]
    )


@router.get("/incidents/{incident_id}", response_model=dict[str, Any])
def one_incident(office: AnOffice, person: APerson, incident_id: str) -> Response:
    """One incident with its timeline, the policies that rule it, and what of it waits for approval."""
    found = doing(lambda: incident_page(office, person, incident_id))
    return JSONResponse(
        {
            "incident": plain(vars(found.incident)),
            "timeline": [plain(moment.as_dict()) for moment in found.moments],
            "policies": [ruling.policy.id for ruling in found.rulings],
            "waiting": [one.as_dict() for one in found.waiting],
        }
    )


@router.post("/incidents/{incident_id}/answers", responses=_errors(409, 413))
def answer_incident(office: AnOffice, person: APerson, incident_id: str, said: IncidentAnswer) -> Done:
    """Look into an incident, snooze it, call it over, or say what it was."""
    return Done(
        done=doing(
            lambda: office.desk.answer_incident(person, incident_id, said.answer, why=said.why, hours=said.hours)
        )
    )


@router.get("/approvals", response_model=list[dict[str, Any]])
def approvals(office: AnOffice, person: APerson) -> Response:
    """What waits for approval: orders of guardrails (``decision``) and jobs at the budget gate (``gate``)."""
    return JSONResponse([one.as_dict() for one in office.desk.waiting(person)])


@router.post("/approvals/{kind}/{name}", responses=_errors(409, 413))
def vote(office: AnOffice, person: APerson, kind: Literal["decision", "gate"], name: str, said: Vote) -> Done:
    """Say yes or no, with a reason. The policy names who may; where it names nobody, an Admin may."""
    return Done(done=doing(lambda: office.desk.vote(person, kind, name, said.verdict, why=said.why)))


# ── what was issued, what policies mean, what would be ────────────────────────────────────────────────────────────────


@router.get("/statements", response_model=list[dict[str, Any]])
def statements(office: AnOffice, person: APerson) -> Response:
    """Issued months, newest first; their files are at ``/statements/MONTH/FILE``."""
    return JSONResponse(plain(issued_months(office.gate.home)))


@router.get("/statements/{month}", response_model=dict[str, Any])
def statement(office: AnOffice, person: APerson, month: str) -> Response:
    """One issued month."""
    for found in issued_months(office.gate.home):
        if found["month"] == month:
            return JSONResponse(plain(found))
    raise ProblemError(404, "No statements were issued for this month.")


@router.get("/documents")
def documents(
    office: AnOffice,
    person: APerson,
    about: About = "",
    limit: Annotated[int, Query(ge=1, le=200, description="Documents of a page")] = 50,
    cursor: Annotated[str, Query(max_length=400, description="next of the page before")] = "",
) -> Documents:
    """Digests and packs that were sent and are this person's to read, newest first; their files are at the paths."""
    require_about(about)
    last = Place.parse(cursor.split("/")) if cursor else None
    if cursor and last is None:
        raise ProblemError(422, _NO_CURSOR)
    found = list(islice(office.documents.after(person, last, about), limit + 1))
    return Documents(
        documents=[_document(one) for one in found[:limit] if isinstance(one, Sent)],
        unreadable=[one.place.path for one in found[:limit] if isinstance(one, Lost)],
        next=found[limit - 1].place.path if len(found) > limit else None,
    )


@router.get("/policies", response_model=list[dict[str, Any]])
def policies(office: AnOffice, person: APerson) -> Response:
    """What each policy means, and why it can never act."""
    return JSONResponse(policies_of(office.configuration, person, office.gate.clock().date()))


@router.get("/policies/{policy_id}", response_model=dict[str, Any])
def one_policy(office: AnOffice, person: APerson, policy_id: str) -> Response:
    """One policy: its settings, what it decided (newest first), what it would have done in the kept replays."""
    found = doing(lambda: policy_page(office, person, policy_id))
    return JSONResponse(
        {
            "policy": found.policy.model_dump(mode="json"),
            "meaning": found.meaning,
            "warnings": list(found.warnings),
            "decisions": [plain(vars(one)) for one in found.decisions],
            "replays": [plain(asdict(one)) for one in found.replays],
        }
    )


@router.get("/what-if", response_model=list[dict[str, Any]])
def what_ifs(office: AnOffice, person: APerson) -> Response:
    """Answered scenarios, oldest first, without their months and parts."""
    parts = ("scenario_id", "name", "as_of", "currency")
    return JSONResponse([{name: plain(getattr(one, name)) for name in parts} for one in answers(office.gate.home)])


@router.get("/what-if/{scenario}", response_model=dict[str, Any])
def what_if(office: AnOffice, person: APerson, scenario: str) -> Response:
    """The newest answer of a scenario."""
    found = answer_of(office.gate.home, scenario)
    if found is None:
        raise ProblemError(404, "This scenario was not answered yet.")
    return JSONResponse(answer_document(found))


def _version(office: Office, person: Person) -> Version:
    try:
        return office.shelf.version(person.viewer)
    except NothingPublishedError as error:
        raise ProblemError(503, str(error)) from None


def _document(one: Sent) -> Document:
    return Document(
        period=str(one.place.period),
        digest=one.place.digest,
        team=one.team,
        edition=one.place.number,
        title=one.title,
        as_of=plain(one.as_of.astimezone(UTC)),
        currency=one.currency,
        ai_spend=plain(one.spend),
        changes=list(one.changes),
        html=one.html,
        pdf=one.pdf,
    )


def _cursor(version: Version, question: str, row: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([version.name, question, row]).encode()).decode("ascii")


def _first_row(cursor: str, version: Version, question: str) -> int:
    if not cursor:
        return 0
    try:
        name, asked, row = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii")))
        is_row = isinstance(row, int) and 0 <= row < 2**53
    except (ValueError, TypeError):
        is_row = False
    if not is_row or asked != question:
        raise ProblemError(422, _NO_CURSOR)
    if name != version.name:
        raise ProblemError(410, _CHANGED)
    return int(row)
