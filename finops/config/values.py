"""The kinds of value that settings of several files have: names, money, times, whose cost is meant.

Here: the base of every model of ``config/``, kinds of value with their checks, checks between values.
Not here: what a file may say (the module of its name).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, time
from decimal import Decimal
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from finops.config.problems import SettingError
from finops.money import CURRENCIES


class Strict(BaseModel):
    """Unknown keys are errors: a misspelt setting must never be ignored in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        remedy = "Correct the pattern; in YAML, put it in double quotes and double its backslashes"
        raise SettingError(f"not a regular expression: {error}", remedy) from None
    return pattern


def form(pattern: str, message: str, remedy: str) -> Callable[[str], str]:
    """A validator for text of one form. It never repeats the text, which could be a secret in the wrong place."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise SettingError(message, remedy)
        return value

    return check


def _currency(code: str) -> str:
    if code not in CURRENCIES:
        raise SettingError(f"{code!r} is not a currency", "Use an ISO 4217 code such as USD or EUR")
    return code


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        remedy = "Write an IANA name such as Europe/Stockholm, or UTC"
        raise SettingError(f"time zone {name!r} is unknown", remedy) from None
    return name


_IDENTIFIER = r"[a-z0-9][a-z0-9._-]{0,79}"
_ENVIRONMENT_NAME = r"[A-Z][A-Z0-9_]*"

Identifier = Annotated[
    str,
    AfterValidator(
        form(
            _IDENTIFIER,
            "not a name that can be used here",
            "Use up to 80 lower-case letters, digits, '.', '_' and '-', starting with a letter or digit",
        )
    ),
    WithJsonSchema({"type": "string", "pattern": f"^{_IDENTIFIER}$"}),
]
Currency = Annotated[
    str,
    AfterValidator(_currency),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217 code"}),
]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Money = Annotated[Decimal, Field(ge=0, max_digits=38, decimal_places=12)]
PositiveMoney = Annotated[Decimal, Field(gt=0, max_digits=38, decimal_places=12)]
Ratio = Annotated[Decimal, Field(gt=0)]
DateOnly = date  # a field that is itself named date cannot name the type
Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d|24:00"
ClockTime = Annotated[
    str,
    AfterValidator(form(_CLOCK, "not a time of day", 'Write it in quotes, like "08:00"; "24:00" ends a day')),
    WithJsonSchema({"type": "string", "pattern": f"^({_CLOCK})$"}),
]
# 0.8 is 80%: whoever writes 80 would get an alert that never comes.
BudgetShare = Annotated[Decimal, Field(gt=0, le=10)]
Regex = Annotated[str, AfterValidator(_regex)]
EnvironmentName = Annotated[
    str,
    AfterValidator(
        form(
            _ENVIRONMENT_NAME,
            "not the name of an environment variable",
            "Put the value into the environment and write the variable's name here, such as AIFINOPS_TEAMS_URL",
        )
    ),
    WithJsonSchema({"type": "string", "pattern": f"^{_ENVIRONMENT_NAME}$"}),
]
Level = Literal["company", "business_unit", "team", "app", "project", "model", "environment"]
AiCategory = Literal[
    "inference",
    "provisioned_capacity",
    "training",
    "fine_tuning",
    "experimentation",
    "gpu_compute",
    "vector_store",
    "data_storage",
    "egress",
    "labelling",
    "monitoring",
    "saas",
    "other_ai",
    "not_ai",
]


class Scope(Strict):
    """Whose cost is meant."""

    level: Level = Field(description="What value names")
    value: str | None = Field(None, description="Absent for level company")

    @model_validator(mode="after")
    def _value(self) -> Scope:
        if (self.level == "company") != (self.value is None):
            if self.value is None:
                raise SettingError(f"level {self.level} needs a value", f"Add value: and the name of the {self.level}")
            raise SettingError("level company has no value", "Remove value, or choose another level", ("value",))
        return self


class WeeklyHours(Strict):
    """The same hours on some days of the week."""

    model_config = ConfigDict(populate_by_name=True)

    time_zone: TimeZone = Field("UTC", description="IANA name such as Europe/Berlin")
    days: list[Weekday] = Field(
        default=["mon", "tue", "wed", "thu", "fri"], min_length=1, description="Days of the week"
    )
    starts_at: ClockTime = Field("08:00", alias="from", description='Local time, in quotes: "08:00"')
    ends_at: ClockTime = Field("18:00", alias="to", description='Local time, in quotes: "18:00"; "24:00" ends the day')

    @model_validator(mode="after")
    def _order(self) -> WeeklyHours:
        if self.starts_at >= self.ends_at:
            remedy = "Let from be earlier than to; hours past midnight cannot be said"
            raise SettingError(f"from {self.starts_at} is not before to {self.ends_at}", remedy, ("to",))
        return self

    @property
    def starts(self) -> time:
        return time.fromisoformat(self.starts_at)

    @property
    def ends(self) -> time | None:
        """None at the end of the day."""
        return None if self.ends_at == "24:00" else time.fromisoformat(self.ends_at)


def require_unique(what: str, named: Iterable[tuple[tuple[str | int, ...], str]]) -> None:
    """``named``: where each name stands, and the name."""
    seen: set[str] = set()
    for location, name in named:
        if name in seen:
            raise SettingError(f"the {what} {name!r} appears twice", "Rename or remove one", location)
        seen.add(name)


def require_order(start: date | None, end: date | None, start_name: str, end_name: str) -> None:
    if start is not None and end is not None and end < start:
        raise SettingError(f"{end_name} is before {start_name}", "Swap or correct the dates", (end_name,))
