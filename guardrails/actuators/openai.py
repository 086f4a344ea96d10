"""Orders on OpenAI's projects: rate limits per model, and the hard monthly spend limit.

Here: what the administration API has of projects (``/organization/projects/…``), with an admin key.
Not here: the order of steps (carry_out).

There are no conditional writes: what somebody changes in the second between reading and writing is overwritten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from finops.config.actuator_routes import OpenAiRoute, OpenAiStep
from guardrails.actuators.base import Change, Found, Order, Plan, RefusedError, State
from guardrails.actuators.http import JsonApi
from guardrails.actuators.targets import steps_for

ADDRESS = "https://api.openai.com/v1"
_RATES = {"requests_per_minute": "max_requests_per_1_minute", "tokens_per_minute": "max_tokens_per_1_minute"}


class OpenAiActuator:
    """One organisation."""

    keeps_marks = False
    is_enforced = True

    def __init__(self, route: OpenAiRoute, api: JsonApi) -> None:
        self._route = route
        self._api = api

    def plan(self, order: Order) -> Plan:
        steps: list[OpenAiStep] = steps_for(self._route, order)
        notes: list[str] = []
        return Plan(tuple(change for step in steps for change in self._changes(step, order, notes)), tuple(notes))

    def rehearse(self, change: Change) -> None:
        """The API has no dry run; that it could be read shows that the key may administer the project."""

    def read(self, change: Change) -> Found | None:
        project = change.address["project"]
        if change.how == "spend_limit":
            return Found(self._spend_limit(project))
        for limit in self._rate_limits(project):
            if limit["id"] == change.address["rate_limit"]:
                return Found({name: limit.get(name) for name in change.desired})
        return None

    def write(self, change: Change, found: Found, state: State, mark: str | None) -> None:
        path = f"/organization/projects/{quote(change.address['project'])}"
        if change.how == "rate_limit":
            body = dict(state)
            path += f"/rate_limits/{quote(change.address['rate_limit'])}"
        elif state["threshold_amount"] is None:
            self._api.call("DELETE", f"{path}/spend_limit")
            return
        else:
            body = {"threshold_amount": state["threshold_amount"], "currency": "USD", "interval": "month"}
            path += "/spend_limit"
        if self._api.call("POST", path, body=body) is None:
            raise RefusedError(f"{change.object} does not exist", "Correct the route's targets in routing.yml")

    def close(self) -> None:
        self._api.close()

    def _changes(self, step: OpenAiStep, order: Order, notes: list[str]) -> Iterator[Change]:
        path = f"/organization/projects/{quote(step.project)}"
        project = self._api.call("GET", path)
        if project is None:
            raise RefusedError(
                f"the organisation has no project {step.project}", "Correct the route's targets in routing.yml"
            )
        name = project.get("name") or step.project
        if name in order.excepted or step.project in order.excepted:
            notes.append(f"project {name}: on the policy's never-touch list")
        elif step.how == "spend_limit":
            cents = int((step.monthly_usd or Decimal(0)) * 100)
            yield Change(
                object=f"project {name} ({step.project}) spend limit",
                how=step.how,
                words=f"refuse its requests once the calendar month has cost USD {step.monthly_usd}",
                address={"project": step.project},
                prior=self._spend_limit(step.project),
                desired={"threshold_amount": cents},
                lowers=("threshold_amount",),
            )
        else:
            yield from self._slower(step, name)

    def _slower(self, step: OpenAiStep, name: str) -> Iterator[Change]:
        limits = list(self._rate_limits(step.project))
        unknown = set(step.models) - {limit["model"] for limit in limits}
        if unknown:
            raise RefusedError(
                f"project {name} has no rate limit of {', '.join(sorted(unknown))}",
                "Correct models in the route's targets in routing.yml",
            )
        for limit in limits:
            if step.models and limit["model"] not in step.models:
                continue
            desired = {key: getattr(step, setting) for setting, key in _RATES.items() if getattr(step, setting)}
            words = " and ".join(f"{value:,} {key[4:-11]}" for key, value in desired.items())
            yield Change(
                object=f"project {name} ({step.project}) {limit['model']} rate limit",
                how=step.how,
                words=f"slow it down to {words} a minute",
                address={"project": step.project, "rate_limit": limit["id"]},
                prior={key: limit.get(key) for key in desired},
                desired=desired,
                lowers=tuple(desired),
            )

    def _spend_limit(self, project: str) -> dict[str, Any]:
        document = self._api.call("GET", f"/organization/projects/{quote(project)}/spend_limit")
        return {"threshold_amount": None if document is None else document["threshold_amount"]}

    def _rate_limits(self, project: str) -> Iterator[Mapping[str, Any]]:
        query = {"limit": "100"}
        while True:
            page = self._api.call("GET", f"/organization/projects/{quote(project)}/rate_limits", query=query)
            if page is None:
                return
            yield from page["data"]
            if not page.get("has_more") or not page.get("last_id"):
                return
            query["after"] = page["last_id"]


def connect(route: OpenAiRoute, key: str, url: str | None) -> OpenAiActuator:
    """The route's organisation, signed on with an admin key; nothing is called yet."""
    headers = {"authorization": f"Bearer {key}"}
    rights = f"Put an admin key of the organisation into {route.key_env}"
    api = JsonApi("OpenAI", url or ADDRESS, headers, allow_private=route.allow_private_addresses, rights=rights)
    return OpenAiActuator(route, api)
