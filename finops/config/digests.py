"""What ``config/routing.yml`` may say of documents that go out by themselves.

Here: when the digest of kept messages is sent; weekly digests and monthly packs.
Not here: what they say (reports), which are due (guardrails).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from finops.config.problems import SettingError
from finops.config.values import ClockTime, Currency, Identifier, Strict, TimeZone, Weekday, require_unique


class DigestTime(Strict):
    """When what rules keep for the digest (how: digest) is sent."""

    at: ClockTime = Field("08:00", description="Time of day")
    days: list[Weekday] = Field(
        default=["mon", "tue", "wed", "thu", "fri"], min_length=1, description="Days of the week"
    )


class _DigestBase(Strict):
    """A document that goes out by itself. It is sent once for its period, on each route once."""

    id: Identifier = Field(description="Name of the digest")
    routes: list[Identifier] = Field(
        min_length=1, max_length=20, description="Routes that people read: e-mail gets it whole, Teams a short card"
    )
    at: ClockTime = Field("08:00", description='Time of day, in quotes: "08:00"')
    time_zone: TimeZone | None = Field(
        None, description="IANA name of the zone of the time of day; absent: the file's time_zone"
    )
    currency: Currency | None = Field(
        None, description="Currency of the bill that it is about; absent: the one with the most AI spend"
    )

    @model_validator(mode="after")
    def _once(self) -> _DigestBase:
        if self.at == "24:00":
            raise SettingError("a digest cannot be sent at 24:00", 'Write "00:00" and the day after', ("at",))
        if len(set(self.routes)) != len(self.routes):
            raise SettingError("a route is named twice", "Name each route once", ("routes",))
        return self


class WeeklyDigest(_DigestBase):
    """What last week's AI cost and what could be saved: one page."""

    kind: Literal["weekly"]
    day: Weekday = Field("mon", description="Day of the week on which the week before is told of")
    teams: list[str] = Field(
        default=[],
        description="One digest for each of these teams, of its own cost only; empty: one of the whole company",
    )

    @model_validator(mode="after")
    def _teams(self) -> WeeklyDigest:
        require_unique("team", ((("teams", i), team) for i, team in enumerate(self.teams)))
        return self


class MonthlyPack(_DigestBase):
    """A month of the whole company for finance and the board: budget, forecast, owners, savings, tied to the bill."""

    kind: Literal["monthly"]
    day: Literal["closed"] | Annotated[int, Field(ge=1, le=28)] = Field(
        "closed",
        description="closed: the first time of day after the month is closed (reconciliation.yml); else a day of the "
        "next month, and the pack says that the month may still change",
    )


Digest = Annotated[WeeklyDigest | MonthlyPack, Field(discriminator="kind")]
