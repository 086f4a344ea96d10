"""Routes of ``config/routing.yml`` that tell: Teams, e-mail, signed webhooks.

Here: the settings of every route, and of those that messages go to.
Not here: routes that carry orders out (actuator_routes), who hears of what (routing), sending (guardrails).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from finops.config.problems import SettingError
from finops.config.values import ClockTime, EnvironmentName, Identifier, Strict, form

EmailAddress = Annotated[
    str,
    AfterValidator(
        form(r"[^@\s<>,;\"]{1,64}@[A-Za-z0-9.-]{1,250}", "not an e-mail address", "Write it like finops@example.com")
    ),
    WithJsonSchema({"type": "string", "format": "email"}),
]


class RouteBase(Strict):
    id: Identifier = Field(description="Name of the route in policies and rules")
    max_per_minute: int | None = Field(None, ge=1, le=600, description="At most so many messages a minute")


class PeopleRoute(RouteBase):
    """A route that people read."""

    heartbeat_at: ClockTime | None = Field(
        None, description="When a daily sign of life is sent, in the file's time zone; absent: none"
    )
    fallback: Identifier | None = Field(
        None, description="Route that gets what this one did not take; absent: nobody else hears of it"
    )
    fallback_minutes: int = Field(
        60, ge=1, le=2880, description="Minutes that a message may wait for this route before the fallback gets it"
    )
    allow_private_addresses: bool = Field(False, description="Allow loopback and private networks as receivers")


class TeamsRoute(PeopleRoute):
    """A Power Automate Workflows URL of a Teams channel. The URL is a secret."""

    kind: Literal["teams"]
    url_env: EnvironmentName = Field(description="Variable with the address")


class EmailRoute(PeopleRoute):
    """E-mail through an SMTP server."""

    kind: Literal["email"]
    host_env: EnvironmentName = Field(description="Variable with the server's name")
    port: int = Field(587, ge=1, le=65535, description="The server's port")
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="starttls: from plain to encrypted (587); tls: encrypted from the start (465); none: "
        "plain, only to a server on this machine or a private network",
    )
    user_env: EnvironmentName | None = Field(None, description="Variable with the user name; absent: no sign-on")
    password_env: EnvironmentName | None = Field(None, description="Variable with the password")
    sender: EmailAddress = Field(description="Address that it comes from")
    to: list[EmailAddress] = Field(
        min_length=1, max_length=50, description="Who gets it; links in a mail to one person act in that person's name"
    )

    @model_validator(mode="after")
    def _sign_on(self) -> EmailRoute:
        if (self.user_env is None) != (self.password_env is None):
            raise SettingError("user_env and password_env belong together", "Write both or none", ("user_env",))
        if self.user_env is not None and self.security == "none":
            raise SettingError("a password would travel in plain text", "Use security: starttls or tls", ("security",))
        return self


class WebhookRoute(RouteBase):
    """A signed webhook (Standard Webhooks 1.0.0)."""

    kind: Literal["webhook"]
    url_env: EnvironmentName = Field(description="Variable with the address")
    secret_env: EnvironmentName = Field(description="Variable with the signing secret, whsec_ and base64")
    allow_private_addresses: bool = Field(False, description="Allow loopback and private networks as receivers")
