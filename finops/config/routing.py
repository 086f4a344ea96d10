"""What ``config/routing.yml`` may say: where messages and webhooks go.

Here: the file, its rules, and which kinds of route there are.
Not here: the settings of a route (routes, actuator_routes) and of digests (digests), choosing (guardrails).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from finops.config.actuator_routes import AzureRoute, KubernetesRoute, LitellmRoute, OpenAiRoute, TicketRoute
from finops.config.digests import Digest, DigestTime
from finops.config.problems import SettingError
from finops.config.routes import EmailRoute, TeamsRoute, WebhookRoute
from finops.config.values import Identifier, Severity, Strict, TimeZone, WeeklyHours, require_unique

NoticeKind = Literal["incident", "guardrail", "gate", "run_failed", "undelivered"]

Route = Annotated[
    TeamsRoute | EmailRoute | WebhookRoute | KubernetesRoute | AzureRoute | OpenAiRoute | LitellmRoute | TicketRoute,
    Field(discriminator="kind"),
]
PEOPLE_ROUTES = (TeamsRoute, EmailRoute)
TELLING_ROUTES = frozenset({"teams", "email"})
"""Kinds of route that people read; nothing there can carry out an order."""


class EscalationStep(Strict):
    """Who hears of it where nobody answered."""

    after_minutes: int = Field(ge=1, le=10080, description="Minutes after the first message")
    route: Identifier = Field(description="One of routes that people read")


class RoutingRule(Strict):
    """Who hears of what, and how. Of several rules for one route the first that fits counts."""

    id: Identifier = Field(description="Name of the rule")
    kinds: list[NoticeKind] = Field(default=["incident"], min_length=1, description="What it is about")
    teams: list[str] = Field(default=[], description="Only what concerns these teams; empty: all")
    min_severity: Severity = Field("medium", description="Lesser ones are not sent")
    route: Identifier = Field(description="One of routes")
    how: Literal["page", "ticket", "digest"] = Field(
        "page", description="page: at once; ticket: at once and never repeated; digest: with the next digest"
    )
    hours: WeeklyHours | None = Field(
        None, description="When pages are sent, but for critical ones; absent: at any time"
    )
    group_by: Literal["none", "team", "policy"] = Field(
        "none", description="What comes within group_minutes for one team or policy is one message"
    )
    group_minutes: int = Field(10, ge=1, le=240, description="How long to wait for more; critical ones do not wait")
    repeat_hours: int | None = Field(
        None, ge=1, le=720, description="A page is sent again so often while it stands open and unanswered"
    )
    escalate: list[EscalationStep] = Field(
        default=[], max_length=5, description="Who hears of a page that nobody answers, step by step"
    )

    @model_validator(mode="after")
    def _pages(self) -> RoutingRule:
        for name, is_set in (("repeat_hours", self.repeat_hours), ("escalate", self.escalate)):
            if is_set and self.how != "page":
                raise SettingError(f"{name} is of pages, and this rule's how is {self.how}", "Remove it", (name,))
        waits = [step.after_minutes for step in self.escalate]
        if waits != sorted(set(waits)):
            raise SettingError("the steps' after_minutes do not rise", "Write them in order", ("escalate",))
        return self


class RoutingFile(Strict):
    """Where messages and webhooks go."""

    time_zone: TimeZone = Field("UTC", description="IANA name of the zone that times of day are in")
    routes: list[Route] = Field(description="One entry per receiver")
    rules: list[RoutingRule] = Field(default=[], description="Who hears of what")
    digest: DigestTime = Field(
        default_factory=lambda: DigestTime.model_validate({}),
        description="When the messages of rules with how: digest are sent",
    )
    digests: list[Digest] = Field(default=[], description="Weekly digests and monthly packs that go out by themselves")

    @model_validator(mode="after")
    def _known(self) -> RoutingFile:
        require_unique("route", ((("routes", i, "id"), r.id) for i, r in enumerate(self.routes)))
        require_unique("digest", ((("digests", i, "id"), d.id) for i, d in enumerate(self.digests)))
        require_unique("rule", ((("rules", i, "id"), r.id) for i, r in enumerate(self.rules)))
        read = {r.id for r in self.routes if isinstance(r, PEOPLE_ROUTES)}
        known = {r.id for r in self.routes}
        named: list[tuple[tuple[str | int, ...], str, set[str]]] = []
        for i, rule in enumerate(self.rules):
            # Nobody acknowledges what a program gets; it is told of each once.
            named.append((("rules", i, "route"), rule.route, read if rule.how == "digest" else known))
            named += [(("rules", i, "escalate", j, "route"), step.route, read) for j, step in enumerate(rule.escalate)]
        for i, digest in enumerate(self.digests):
            named += [(("digests", i, "routes", j), name, read) for j, name in enumerate(digest.routes)]
        for i, route in enumerate(self.routes):
            if isinstance(route, PEOPLE_ROUTES) and route.fallback is not None:
                named.append((("routes", i, "fallback"), route.fallback, read - {route.id}))
        for location, name, allowed in named:
            if name not in known:
                raise SettingError(f"no route {name!r} under routes", f"Known: {', '.join(sorted(known))}", location)
            if name not in allowed:
                fits = ", ".join(sorted(allowed)) or "none"
                raise SettingError(f"route {name!r} does not fit here", f"Routes that do: {fits}", location)
        return self
