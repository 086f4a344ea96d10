"""Orders on a LiteLLM gateway: rate limits, budgets and blocks of virtual keys and teams.

Here: what the gateway's management API has of keys and teams.
Not here: the order of steps (carry_out).

The gateway has no conditional writes: what somebody changes in the second between reading and writing is overwritten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from finops.config.actuator_routes import LitellmRoute, LitellmStep
from guardrails.actuators.base import Change, Found, Order, Plan, RefusedError, State
from guardrails.actuators.http import JsonApi
from guardrails.actuators.targets import steps_for

_IDS = {"key": "key", "team": "team_id"}


class LitellmActuator:
    """One gateway."""

    keeps_marks = False
    is_enforced = True

    def __init__(self, route: LitellmRoute, api: JsonApi) -> None:
        self._route = route
        self._api = api

    def plan(self, order: Order) -> Plan:
        steps: list[LitellmStep] = steps_for(self._route, order)
        notes: list[str] = []
        return Plan(tuple(change for step in steps for change in self._changes(step, order, notes)), tuple(notes))

    def rehearse(self, change: Change) -> None:
        """The gateway has no dry run; that it could be read shows that it is there and that the key may look."""

    def read(self, change: Change) -> Found | None:
        known = self._known(change.address["kind"], change.address["id"])
        return None if known is None else Found({name: _value(known.get(name), name) for name in change.desired})

    def write(self, change: Change, found: Found, state: State, mark: str | None) -> None:
        kind, name = change.address["kind"], change.address["id"]
        if change.how == "block":
            # A body with null for "not blocked" is ignored by the update; these two say it.
            verb = "block" if state["blocked"] else "unblock"
            self._api.call("POST", f"/{kind}/{verb}", body={_IDS[kind]: name})
            return
        values = {
            key: float(value) if key == "max_budget" and value is not None else value for key, value in state.items()
        }
        if self._api.call("POST", f"/{kind}/update", body={_IDS[kind]: name, **values}) is None:
            raise RefusedError(f"the gateway has no {kind} {name[:12]}", "Correct the route's targets in routing.yml")

    def close(self) -> None:
        self._api.close()

    def _changes(self, step: LitellmStep, order: Order, notes: list[str]) -> Iterator[Change]:
        for kind, names in (("key", step.keys), ("team", step.teams)):
            for name in names:
                known = self._known(kind, name)
                if known is None:
                    raise RefusedError(
                        f"the gateway has no {kind} {name[:12]}", "Correct the route's targets in routing.yml"
                    )
                label = known.get("key_alias" if kind == "key" else "team_alias") or name[:12]
                if label in order.excepted:
                    notes.append(f"{kind} {label}: on the policy's never-touch list")
                    continue
                wanted, words = _wanted(step)
                prior = {key: _value(known.get(key), key) for key in wanted}
                yield Change(
                    object=f"{kind} {label} ({name[:12]}) {step.how}",
                    how=step.how,
                    words=words,
                    address={"kind": kind, "id": name},
                    prior=prior,
                    desired=wanted,
                    lowers=() if step.how == "block" else tuple(wanted),
                )

    def _known(self, kind: str, name: str) -> Mapping[str, Any] | None:
        query = {"key": name} if kind == "key" else {"team_id": name}
        document = self._api.call("GET", f"/{kind}/info", query=query)
        if document is None:
            return None
        inner = document.get("info" if kind == "key" else "team_info", document)
        return inner if isinstance(inner, Mapping) else None


def connect(route: LitellmRoute, key: str, url: str) -> LitellmActuator:
    """The route's gateway, signed on with ``key``; nothing is called yet."""
    headers = {"authorization": f"Bearer {key}"}
    rights = f"Let the key in {route.key_env} manage keys and teams"
    return LitellmActuator(
        route, JsonApi("the gateway", url, headers, allow_private=route.allow_private_addresses, rights=rights)
    )


def _wanted(step: LitellmStep) -> tuple[dict[str, Any], str]:
    if step.how == "block":
        return {"blocked": True}, "refuse all its requests"
    if step.how == "budget":
        return {"max_budget": _value(step.max_budget_usd, "max_budget")}, (
            f"refuse its requests once USD {step.max_budget_usd} are spent in the gateway's budget period"
        )
    limits = {"rpm_limit": step.requests_per_minute, "tpm_limit": step.tokens_per_minute}
    wanted = {name: value for name, value in limits.items() if value is not None}
    return wanted, "slow it down to " + " and ".join(f"{name} {value}" for name, value in wanted.items())


def _value(value: Any, name: str) -> Any:
    """As the record keeps it: money as text, so that nothing rounds it; a block or none."""
    if name == "blocked":
        return bool(value)
    if name == "max_budget":
        return None if value is None else format(Decimal(str(value)).normalize(), "f")
    return value
