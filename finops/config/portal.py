"""What ``config/portal.yml`` may say: who signs on where, and what they may see.

Here: the issuer of identities, grants of roles and teams, sessions, names of the host, where Dagster is.
Not here: sign-on itself and what a role may do (portal), which rows a team sees (reports).
"""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from finops.config.problems import SettingError
from finops.config.values import EnvironmentName, Strict, form, require_unique

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _web_address(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme in ("http", "https") and parts.hostname and not parts.query and not parts.fragment:
        return address.rstrip("/")
    raise SettingError("not the address of a web page", "Write it like https://dagster.example.com")


def _issuer(address: str) -> str:
    parts = urlsplit(address)
    if (parts.scheme == "https" and parts.hostname) or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return address.rstrip("/")
    raise SettingError("not the address of an issuer", "Write it like https://login.microsoftonline.com/TENANT/v2.0")


WebAddress = Annotated[str, AfterValidator(_web_address)]
Issuer = Annotated[str, AfterValidator(_issuer)]
HostName = Annotated[
    str,
    AfterValidator(
        form(r"[a-z0-9.-]{1,253}(:\d{1,5})?", "not the name of a host", "Write it like finops.example.com, lower-case")
    ),
]


class Grant(Strict):
    """What whoever has a value in the roles claim may see and do."""

    value: str = Field(
        min_length=1, description="Value of the roles claim: an app role such as Finance, or a group's id"
    )
    role: Literal["Admin", "Finance", "Eng"] = Field(
        description="Admin and Finance see everything; Eng sees the own teams. docs/portal.md says who may do what"
    )
    teams: list[str] = Field(default=[], description="Teams whose rows are seen; for Eng only")

    @model_validator(mode="after")
    def _fits(self) -> Grant:
        if self.teams and self.role != "Eng":
            raise SettingError(f"{self.role} sees every team", "Leave out teams, or grant the role Eng")
        return self


class SignOn(Strict):
    """Where people sign on (OpenID Connect), such as Microsoft Entra ID."""

    issuer: Issuer = Field(description="Address of the issuer, as its discovery document has it")
    client_id: str = Field(min_length=1, description="Id of the portal's registration at the issuer")
    client_secret_env: EnvironmentName | None = Field(
        None, description="Environment variable with the registration's secret; left out for a public client"
    )
    roles_claim: str = Field("roles", min_length=1, description="Claim with the values that grants name")
    name_claim: str = Field(
        "preferred_username",
        min_length=1,
        description="Claim that names a person, as approvers are named; one that people cannot change themselves",
    )
    scopes: list[str] = Field(default=["openid", "profile", "email"], description="Scopes that are asked for")
    api_audience: str | None = Field(
        None, description="Audience of access tokens that programs may send; left out: only people with a browser"
    )

    @model_validator(mode="after")
    def _asks_who(self) -> SignOn:
        if "openid" not in self.scopes:
            raise SettingError("without the scope openid nobody is told who signs on", "Add openid to scopes")
        return self


class PortalFile(Strict):
    """The portal: sign-on, roles, sessions, pages made beforehand."""

    sign_on: SignOn | None = Field(None, description="Without it the portal only serves one person on this machine")
    grants: list[Grant] = Field(default=[], description="Nobody sees anything without one")
    hosts: list[HostName] = Field(
        default=[], description="Names that the portal answers to, besides that of AIFINOPS_PORTAL_URL"
    )
    dagster_url: WebAddress | None = Field(
        None, description="Address of Dagster's UI as people reach it: data health then leads to assets there"
    )
    warm_pages: int = Field(
        100, ge=0, le=1000, description="How many pages are made at most before anybody asks, when a run has published"
    )
    session_hours: int = Field(8, ge=1, le=24, description="Hours until a person signs on again")
    idle_minutes: int = Field(60, ge=5, le=1440, description="Minutes without a request until then")

    @model_validator(mode="after")
    def _known(self) -> PortalFile:
        require_unique("grant", ((("grants", i, "value"), g.value) for i, g in enumerate(self.grants)))
        return self
