"""What ``config/tags.yml`` may say: whose resources are.

Here: rules that find owners, and the teams and apps that there are, with the checks inside the file.
Not here: trying the rules (dbt).
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from finops.config.problems import SettingError
from finops.config.values import EnvironmentName, Identifier, Regex, Strict, require_order, require_unique

Dimension = Literal[
    "team", "app", "project", "feature", "customer", "environment", "business_unit", "cost_center", "owner"
]


class TagRule(Strict):
    """The first rule that yields a value wins.

    Match ``tag`` reads the first of ``keys`` present on the resource (any case); the others test ``pattern`` against
    the named property.
    """

    id: Identifier = Field(description="Name of the rule; every attributed row carries it")
    dimension: Dimension = Field(description="What the rule finds")
    match: Literal[
        "tag",
        "resource_id",
        "resource_name",
        "sub_account",
        "service_name",
        "namespace",
        "deployment",
        "app",
        "project",
        "api_key",
    ] = Field(description="Where it looks; project and api_key are names that model vendors give")
    keys: list[str] = Field(default=[], description="For match tag: keys to look for, in any case")
    pattern: Regex | None = Field(None, description="For every other match: regular expression")
    value: str | None = Field(None, description="What to set; for match tag, the tag's own value where absent")
    valid_from: date | None = Field(None, description="First day the rule holds; always where absent")
    valid_to: date | None = Field(None, description="Last day the rule holds; for ever where absent")

    @model_validator(mode="after")
    def _consistent(self) -> TagRule:
        if self.match == "tag" and not self.keys:
            raise SettingError("match: tag needs keys", "Add keys, such as keys: [team, owner_team]")
        if self.match != "tag" and self.pattern is None:
            raise SettingError(f"match: {self.match} needs a pattern", 'Add one, such as pattern: "^search-"')
        if self.match != "tag" and self.value is None:
            raise SettingError(f"match: {self.match} needs a value", "Add the value to set, such as value: search")
        if self.match != "tag" and self.keys:
            raise SettingError(f"match: {self.match} has no use for keys", "Remove keys, or use match: tag", ("keys",))
        require_order(self.valid_from, self.valid_to, "valid_from", "valid_to")
        return self


Criticality = Literal["low", "normal", "high", "critical"]


class AppOwner(Strict):
    """Which team and business unit an app belongs to; completes rows that know only the app or the team."""

    app: Identifier = Field(description="As the tags, the spans and the namespaces name it")
    team: Identifier = Field(description="One of teams")
    criticality: Criticality = Field("normal", description="How much depends on it; moves the severity of incidents")


class TeamOwner(Strict):
    """A team and what it belongs to."""

    team: Identifier = Field(description="As the tags, the spans and the namespaces name it")
    business_unit: str | None = Field(None, description="Business unit that the team belongs to")
    cost_center: str | None = Field(None, description="Cost centre that pays for the team")
    owner_email_env: EnvironmentName | None = Field(None, description="Variable with the owner's address")


class TagsFile(Strict):
    """How resources find their owners."""

    rules: list[TagRule] = Field(description="Tried from top to bottom, for each dimension")
    teams: list[TeamOwner] = Field(
        default=[], description="Where any is listed, every team that the configuration names must be"
    )
    apps: list[AppOwner] = Field(
        default=[], description="Where any is listed, every app that the configuration names must be"
    )

    @model_validator(mode="after")
    def _unique(self) -> TagsFile:
        require_unique("tag rule", ((("rules", i, "id"), r.id) for i, r in enumerate(self.rules)))
        require_unique("team", ((("teams", i, "team"), t.team) for i, t in enumerate(self.teams)))
        require_unique("app", ((("apps", i, "app"), a.app) for i, a in enumerate(self.apps)))
        known = {team.team for team in self.teams}
        for i, app in enumerate(self.apps):
            if app.team not in known:
                raise SettingError(f"no team {app.team!r} under teams", "Add it there", ("apps", i, "team"))
        return self
