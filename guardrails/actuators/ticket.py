"""Tickets in GitHub or Jira: one per decision, closed with a comment when the guardrail is released.

Here: finding, opening and closing an issue by the label that carries the decision's id.
Not here: the order of steps (carry_out).

The label is what keeps a second ticket from being opened: GitHub lists it at once, Jira after a second or so.
"""

from __future__ import annotations

import base64
from typing import Any, Protocol
from urllib.parse import quote

from finops.config.actuator_routes import TicketRoute
from guardrails.actuators.base import Change, FailedError, Found, Order, Plan, RefusedError, State
from guardrails.actuators.http import JsonApi

GITHUB = "https://api.github.com"


class _Tracker(Protocol):
    def find(self, label: str) -> tuple[str, bool] | None:
        """An issue's id, and whether it is open."""
        ...

    def open(self, label: str, title: str, text: str) -> None: ...

    def reopen(self, issue: str) -> None: ...

    def close(self, issue: str, comment: str) -> None: ...


class TicketActuator:
    """One project's issues."""

    keeps_marks = False
    is_enforced = False

    def __init__(self, route: TicketRoute, api: JsonApi) -> None:
        self._route = route
        self._api = api
        self._tracker: _Tracker = _GitHub(route, api) if route.system == "github" else _Jira(route, api)

    def plan(self, order: Order) -> Plan:
        if order.action != "ticket":
            raise RefusedError(
                f"route {self._route.id} opens tickets; it cannot {order.action} anything",
                "Ask for kind: ticket on this route in guardrails.yml, and for the other on another route",
            )
        title = self._route.title.format(
            policy=order.policy_id, target=order.target, action=order.action, period=order.period, owner=order.owner
        )
        runbook = f"\n\nWhat to do: {order.runbook}" if order.runbook else ""
        text = (
            f"{order.reason}\n\nPolicy {order.policy_id}, owner {order.owner}, period {order.period}.{runbook}\n\n"
            f"This issue is closed when the guardrail is released. Decision {order.decision_id}."
        )
        change = Change(
            object=f"issue of {order.decision_id}",
            how="ticket",
            words=f"open an issue in {self._route.project}: {title}",
            address={"label": order.decision_id, "title": title, "text": text},
            prior={"is_open": False},
            desired={"is_open": True},
        )
        return Plan((change,))

    def rehearse(self, change: Change) -> None:
        self.read(change)

    def read(self, change: Change) -> Found | None:
        found = self._tracker.find(change.address["label"])
        return Found({"is_open": found is not None and found[1]}, version=None if found is None else found[0])

    def write(self, change: Change, found: Found, state: State, mark: str | None) -> None:
        if state["is_open"]:
            if found.version is None:
                self._tracker.open(change.address["label"], change.address["title"], change.address["text"])
            else:
                self._tracker.reopen(found.version)
        elif found.version is not None:
            self._tracker.close(found.version, "The guardrail is released.")

    def close(self) -> None:
        self._api.close()


class _GitHub:
    def __init__(self, route: TicketRoute, api: JsonApi) -> None:
        self._route = route
        self._api = api
        self._path = f"/repos/{route.project}/issues"

    def find(self, label: str) -> tuple[str, bool] | None:
        query = {"labels": label, "state": "all", "per_page": "10"}
        for issue in self._api.call("GET", self._path, query=query) or []:
            return str(issue["number"]), issue["state"] == "open"
        return None

    def open(self, label: str, title: str, text: str) -> None:
        body = {"title": title, "body": text, "labels": [*self._route.labels, label]}
        if self._api.call("POST", self._path, body=body) is None:
            raise _no_project(self._route)

    def reopen(self, issue: str) -> None:
        self._api.call("PATCH", f"{self._path}/{issue}", body={"state": "open"})

    def close(self, issue: str, comment: str) -> None:
        self._api.call("POST", f"{self._path}/{issue}/comments", body={"body": comment})
        self._api.call("PATCH", f"{self._path}/{issue}", body={"state": "closed", "state_reason": "completed"})


class _Jira:
    def __init__(self, route: TicketRoute, api: JsonApi) -> None:
        self._route = route
        self._api = api

    def find(self, label: str) -> tuple[str, bool] | None:
        body = {
            "jql": f'project = "{self._route.project}" AND labels = "{label}" ORDER BY created ASC',
            "fields": ["status"],
            "maxResults": 10,
        }
        document = self._api.call("POST", "/rest/api/3/search/jql", body=body) or {}
        for issue in document.get("issues", []):
            return issue["key"], issue["fields"]["status"]["statusCategory"]["key"] != "done"
        return None

    def open(self, label: str, title: str, text: str) -> None:
        fields = {
            "project": {"key": self._route.project},
            "issuetype": {"name": self._route.issue_type},
            "summary": title[:255],
            "description": _document(text),
            "labels": [*self._route.labels, label],
        }
        if self._api.call("POST", "/rest/api/3/issue", body={"fields": fields}) is None:
            raise _no_project(self._route)

    def reopen(self, issue: str) -> None:
        self._move(issue, lambda status: status["statusCategory"]["key"] != "done", "any that is not done")

    def close(self, issue: str, comment: str) -> None:
        self._api.call("POST", f"/rest/api/3/issue/{quote(issue)}/comment", body={"body": _document(comment)})
        self._move(issue, lambda status: status["name"] == self._route.done, self._route.done)

    def _move(self, issue: str, is_wanted: Any, name: str) -> None:
        path = f"/rest/api/3/issue/{quote(issue)}/transitions"
        for transition in (self._api.call("GET", path) or {}).get("transitions", []):
            if is_wanted(transition["to"]):
                self._api.call("POST", path, body={"transition": {"id": transition["id"]}})
                return
        raise FailedError(f"Jira offers no way from where {issue} is to {name}; set done: of the route, or move it")


def connect(route: TicketRoute, token: str, url: str | None) -> TicketActuator:
    """The route's tracker; nothing is called yet."""
    if route.system == "jira" and ":" in token:
        headers = {"authorization": "Basic " + base64.b64encode(token.encode()).decode()}
    else:
        headers = {"authorization": f"Bearer {token}"}
    name = "GitHub" if route.system == "github" else "Jira"
    rights = f"Let the token in {route.token_env} write issues of {route.project}"
    return TicketActuator(
        route, JsonApi(name, url or GITHUB, headers, allow_private=route.allow_private_addresses, rights=rights)
    )


def _no_project(route: TicketRoute) -> RefusedError:
    return RefusedError(
        f"there is no {route.project}, or the token may not see it",
        f"Correct project of route {route.id}, or the token in {route.token_env}; then replay the dead letter",
    )


def _document(text: str) -> dict[str, Any]:
    """Text as Jira's document format."""
    paragraphs = [
        {"type": "paragraph", "content": [{"type": "text", "text": part}]} for part in text.split("\n\n") if part
    ]
    return {"type": "doc", "version": 1, "content": paragraphs}
