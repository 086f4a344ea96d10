"""Strict stand-ins, over real HTTP, for the management APIs of LiteLLM, OpenAI, GitHub and Jira.

Here: what each API has of keys, projects and issues, its refusals, and answers that a test chooses.
Not here: models, requests, people.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.answering import Answer, Request, answering

TOKEN = "the token of the tests"
Handled = tuple[int, Any]
"""Status and document; None is no body."""


@dataclass
class Call:
    method: str
    path: str
    query: dict[str, str]
    body: Any

    @property
    def writes(self) -> bool:
        return self.method != "GET" and not self.path.endswith("/search/jql")


@dataclass
class Fake:
    """``answers``: statuses and headers that the next requests get instead of being handled."""

    url: str = ""
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    before: Callable[[Call], None] = lambda _call: None
    after: Callable[[Call], None] = lambda _call: None
    calls: list[Call] = field(default_factory=list)
    authorization: str = f"Bearer {TOKEN}"

    @property
    def writes(self) -> list[Call]:
        return [call for call in self.calls if call.writes]

    def handle(self, call: Call) -> Handled:
        raise NotImplementedError


@dataclass
class FakeLitellm(Fake):
    """Keys by their hash, teams by their id. An update leaves what it does not name, and null clears."""

    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    teams: dict[str, dict[str, Any]] = field(default_factory=dict)
    fields: tuple[str, ...] = ("max_budget", "rpm_limit", "tpm_limit")

    def handle(self, call: Call) -> Handled:
        match = re.fullmatch(r"/(key|team)/(info|update|block|unblock)", call.path)
        if match is None:
            return 404, {"detail": "Not Found"}
        kind, verb = match.groups()
        known, name = (self.keys, "key") if kind == "key" else (self.teams, "team_id")
        if (call.method == "GET") != (verb == "info"):
            return 405, {"detail": "Method Not Allowed"}
        identity = call.query.get(name) if verb == "info" else (call.body or {}).get(name)
        if identity not in known:
            return 404, {"error": {"message": f"{kind} not found in db", "code": "404"}}
        entry = known[identity]
        if verb == "info":
            return 200, {"key": identity, "info": entry} if kind == "key" else {"team_info": entry}
        if verb != "update":
            entry["blocked"] = verb == "block"
            return 200, entry
        values = {key: value for key, value in call.body.items() if key != name}
        for key, value in values.items():
            kinds = (int, float) if key == "max_budget" else (int,)
            if key not in self.fields or not (value is None or type(value) in kinds):
                return 422, {"detail": f"{key}: {value!r} is not accepted"}
        entry.update(values)
        return 200, entry


@dataclass
class FakeOpenAi(Fake):
    """Projects by id: their name, their rate limits by model, their spend limit in cents."""

    projects: dict[str, dict[str, Any]] = field(default_factory=dict)

    def handle(self, call: Call) -> Handled:
        match = re.fullmatch(r"/v1/organization/projects/([^/]+)(/.*)?", call.path)
        project = self.projects.get(match[1]) if match else None
        if match is None or project is None:
            return 404, {"error": {"message": "No such project", "code": "not_found"}}
        rest = match[2] or ""
        if rest == "" and call.method == "GET":
            return 200, {"id": match[1], "object": "organization.project", "name": project["name"]}
        if rest == "/spend_limit":
            return self._spend_limit(call, project)
        if rest == "/rate_limits" and call.method == "GET":
            return 200, self._page(call, project)
        limit = re.fullmatch(r"/rate_limits/(rl-.+)", rest)
        if limit and call.method == "POST":
            known = project["rates"].get(limit[1].removeprefix("rl-"))
            if known is None:
                return 404, {"error": {"message": "No such rate limit"}}
            for name, value in call.body.items():
                if not name.startswith("max_") or type(value) is not int or value < 0:
                    return 400, {"error": {"message": f"Invalid value for {name}"}}
            known.update(call.body)
            return 200, known
        return 405, {"error": {"message": "Method not allowed"}}

    def _spend_limit(self, call: Call, project: dict[str, Any]) -> Handled:
        if call.method == "POST":
            if set(call.body) != {"threshold_amount", "currency", "interval"} or call.body["currency"] != "USD":
                return 400, {"error": {"message": "Invalid body"}}
            if type(call.body["threshold_amount"]) is not int or call.body["interval"] != "month":
                return 400, {"error": {"message": "threshold_amount is an integer of cents, interval is month"}}
            project["spend_limit"] = call.body["threshold_amount"]
        if project.get("spend_limit") is None:
            return 404, {"error": {"message": "No spend limit"}}
        if call.method == "DELETE":
            project["spend_limit"] = None
            return 200, {"object": "project.spend_limit.deleted", "deleted": True}
        return 200, {
            "object": "project.spend_limit", "currency": "USD", "interval": "month",
            "enforcement": {"status": "inactive"}, "threshold_amount": project["spend_limit"],
        }  # fmt: skip

    def _page(self, call: Call, project: dict[str, Any]) -> dict[str, Any]:
        limits = [
            {"object": "project.rate_limit", "id": f"rl-{m}", "model": m} | r for m, r in project["rates"].items()
        ]
        start = next((i + 1 for i, one in enumerate(limits) if one["id"] == call.query.get("after")), 0)
        page = limits[start : start + 2]
        last = page[-1]["id"] if page else None
        return {"object": "list", "data": page, "has_more": start + 2 < len(limits), "last_id": last}


@dataclass
class FakeGithub(Fake):
    repository: str = "acme/finops"
    issues: list[dict[str, Any]] = field(default_factory=list)
    comments: list[tuple[int, str]] = field(default_factory=list)

    def handle(self, call: Call) -> Handled:
        base = f"/repos/{self.repository}/issues"
        if call.path == base and call.method == "GET":
            state = call.query.get("state", "open")
            return 200, [
                issue
                for issue in self.issues
                if call.query["labels"] in issue["labels"] and state in ("all", issue["state"])
            ]
        if call.path == base and call.method == "POST":
            if not isinstance(call.body.get("title"), str) or any(len(label) > 50 for label in call.body["labels"]):
                return 422, {"message": "Validation Failed"}
            self.issues.append({"number": len(self.issues) + 1, "state": "open", **call.body})
            return 201, self.issues[-1]
        match = re.fullmatch(re.escape(base) + r"/(\d+)(/comments)?", call.path)
        if match is None or int(match[1]) > len(self.issues):
            return 404, {"message": "Not Found"}
        if match[2]:
            self.comments.append((int(match[1]), call.body["body"]))
            return 201, {}
        if call.method != "PATCH" or call.body["state"] not in ("open", "closed"):
            return 422, {"message": "Validation Failed"}
        self.issues[int(match[1]) - 1]["state"] = call.body["state"]
        return 200, self.issues[int(match[1]) - 1]


@dataclass
class FakeJira(Fake):
    project: str = "FIN"
    issues: list[dict[str, Any]] = field(default_factory=list)
    comments: list[tuple[str, str]] = field(default_factory=list)
    transitions: dict[str, tuple[str, str]] = field(
        default_factory=lambda: {"11": ("To Do", "new"), "31": ("Done", "done"), "41": ("Won't do", "done")}
    )

    def handle(self, call: Call) -> Handled:
        if call.path == "/rest/api/3/search/jql" and call.method == "POST":
            match = re.fullmatch(r'project = "(\w+)" AND labels = "(\w+)" ORDER BY created ASC', call.body["jql"])
            if match is None or match[1] != self.project:
                return 400, {"errorMessages": ["Error in the JQL Query"]}
            return 200, {"issues": [one for one in self.issues if match[2] in one["fields"]["labels"]]}
        if call.path == "/rest/api/3/issue" and call.method == "POST":
            fields = call.body["fields"]
            if fields["project"]["key"] != self.project or fields["description"]["type"] != "doc":
                return 400, {"errors": {"project": "valid project is required"}}
            key = f"{self.project}-{len(self.issues) + 1}"
            status = {"name": "To Do", "statusCategory": {"key": "new"}}
            self.issues.append({"key": key, "fields": fields | {"status": status}})
            return 201, {"key": key}
        match = re.fullmatch(r"/rest/api/3/issue/([A-Z]+-\d+)/(comment|transitions)", call.path)
        issue = next((one for one in self.issues if match and one["key"] == match[1]), None)
        if match is None or issue is None:
            return 404, {"errorMessages": ["Issue does not exist or you do not have permission to see it."]}
        if match[2] == "comment":
            self.comments.append((issue["key"], json.dumps(call.body["body"])))
            return 201, {}
        if call.method == "GET":
            ways = self.transitions.items()
            to = [{"id": i, "to": {"name": name, "statusCategory": {"key": key}}} for i, (name, key) in ways]
            return 200, {"transitions": to}
        name, key = self.transitions[call.body["transition"]["id"]]
        issue["fields"]["status"] = {"name": name, "statusCategory": {"key": key}}
        return 204, None


@contextmanager
def serving(fake: Fake) -> Iterator[Fake]:
    lock = threading.Lock()

    def answer(request: Request, _url: str) -> Answer:
        call = Call(request.method, request.place, request.query, request.document)
        fake.before(call)
        headers: dict[str, str] = {}
        with lock:
            fake.calls.append(call)
            if request.headers.get("authorization") != fake.authorization:
                status, document = 401, {"message": "Unauthorized"}
            elif fake.answers:
                status, headers = fake.answers.pop(0)
                document = {"error": {"message": "as the test chose"}}
            else:
                status, document = fake.handle(call)
        fake.after(call)
        return Answer.of(document, status, headers)

    with answering(answer) as server:
        fake.url = server.url
        yield fake
